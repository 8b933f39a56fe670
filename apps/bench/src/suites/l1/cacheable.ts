/** Memory that does not copy values (`useClone: false`), which is its fastest, over Redis. */
import KeyvRedis from "@keyv/redis"
import { Cacheable, createKeyv } from "cacheable"
import { Effect } from "effect"
import { main, repeatPromise } from "../../contest/Contestant.ts"
import { matchOf } from "../Data.ts"
import { chunk, keys, nextKey } from "./Keys.ts"

main((port) =>
  Effect.promise(async () => {
    const cache = new Cacheable({
      primary: createKeyv({ useClone: false, lruSize: 10_000 }),
      secondary: new KeyvRedis(`redis://127.0.0.1:${port}`),
      ttl: "1h"
    })
    await cache.setMany(keys.map((key, id) => ({ key, value: matchOf(id) })))
    const factory = () => Promise.resolve(matchOf(0))
    const reads = (read: (key: string) => Promise<unknown>) =>
      repeatPromise(chunk, async () => {
        for (let index = 0; index < chunk; index++) await read(nextKey())
      })
    return {
      get: reads((key) => cache.get(key)),
      getOrLoad: reads((key) => cache.getOrSet(key, factory))
    }
  })
)
