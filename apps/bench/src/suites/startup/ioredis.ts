/** Ready once a first value was read. */
import { Effect } from "effect"
import { Redis } from "ioredis"
import { main } from "../../contest/Contestant.ts"

main((port) =>
  Effect.as(
    Effect.promise(() => new Redis({ port }).get("match:1")),
    {}
  )
)
