/** Ready once a first value was read. */
import { Effect } from "effect"
import { main } from "../../contest/Contestant.ts"
import { open } from "../Ours.ts"

main((port) =>
  Effect.gen(function* () {
    const { matches } = yield* open(port)
    yield* matches.get(1)
    return {}
  })
)
