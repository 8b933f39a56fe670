/** Effect alone, and nothing to be ready for. */
import { Effect } from "effect"
import { main } from "../../contest/Contestant.ts"

main(() => Effect.succeed({}))
