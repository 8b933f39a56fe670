/** Its memory storage; it has no second tier at the same time. */
import { createCache } from "async-cache-dedupe"
import { Effect } from "effect"
import { main, repeatPromise } from "../../contest/Contestant.ts"
import { matchOf } from "../Data.ts"
import { chunk, keys, nextKey } from "./Keys.ts"

main(() =>
  Effect.promise(async () => {
    const cache = createCache({ ttl: 3_600, storage: { type: "memory", options: { size: 10_000 } } }).define(
      "load",
      (key: string) => Promise.resolve(matchOf(Number(key.slice(6))))
    )
    await Promise.all(keys.map((key) => cache.load(key)))
    return {
      getOrLoad: repeatPromise(chunk, async () => {
        for (let index = 0; index < chunk; index++) await cache.load(nextKey())
      })
    }
  })
)
