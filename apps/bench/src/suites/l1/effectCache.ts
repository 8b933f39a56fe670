import { Cache, Effect } from "effect"
import { main, repeatEffect } from "../../contest/Contestant.ts"
import { matchOf } from "../Data.ts"
import { chunk, keys, nextKey } from "./Keys.ts"

main(
  Effect.fnUntraced(function* () {
    const cache = yield* Cache.make({
      capacity: 10_000,
      timeToLive: "1 hour",
      lookup: (key: string) => Effect.succeed(matchOf(Number(key.slice(6))))
    })
    for (const key of keys) yield* Cache.get(cache, key)
    return {
      get: repeatEffect(
        chunk,
        Effect.gen(function* () {
          for (let index = 0; index < chunk; index++) yield* Cache.get(cache, nextKey())
        })
      )
    }
  })
)
