/** Memory that does not copy values (`useClone: false`), over Redis. */
import KeyvRedis from "@keyv/redis"
import { createCache } from "cache-manager"
import { createKeyv } from "cacheable"
import { Effect } from "effect"
import { Keyv } from "keyv"
import { main, repeatPromise } from "../../contest/Contestant.ts"
import { matchOf } from "../Data.ts"
import { chunk, keys, nextKey } from "./Keys.ts"

main((port) =>
  Effect.promise(async () => {
    const cache = createCache({
      ttl: 3_600_000,
      stores: [
        createKeyv({ useClone: false, lruSize: 10_000 }),
        new Keyv({ store: new KeyvRedis(`redis://127.0.0.1:${port}`) })
      ]
    })
    await cache.mset(keys.map((key, id) => ({ key, value: matchOf(id) })))
    const factory = () => Promise.resolve(matchOf(0))
    const reads = (read: (key: string) => Promise<unknown>) =>
      repeatPromise(chunk, async () => {
        for (let index = 0; index < chunk; index++) await read(nextKey())
      })
    return {
      get: reads((key) => cache.get(key)),
      getOrLoad: reads((key) => cache.wrap(key, factory))
    }
  })
)
