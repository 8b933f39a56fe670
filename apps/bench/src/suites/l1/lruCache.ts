/** The data structure alone, read in a plain loop; and the same in a fiber, as our reads are. */
import { Effect } from "effect"
import { LRUCache } from "lru-cache"
import { main, repeat, repeatEffect } from "../../contest/Contestant.ts"
import { type Match, matchOf } from "../Data.ts"
import { chunk, keys, nextKey } from "./Keys.ts"

main(() =>
  Effect.sync(() => {
    const cache = new LRUCache<string, Match>({ max: 10_000 })
    for (const [id, key] of keys.entries()) cache.set(key, matchOf(id))
    // What is read is used, or the loop could be taken away.
    let found = 0
    return {
      get: repeat(chunk, () => {
        for (let index = 0; index < chunk; index++) if (cache.get(nextKey()) !== undefined) found++
      }),
      "get in a fiber": repeatEffect(
        chunk,
        Effect.gen(function* () {
          for (let index = 0; index < chunk; index++) yield* Effect.sync(() => cache.get(nextKey()))
          return found
        })
      )
    }
  })
)
