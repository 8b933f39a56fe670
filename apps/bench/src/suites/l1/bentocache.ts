/**
 * Two tiers and a bus. Memory holds values as they are (`serialize: false`), which is its fastest; the tasks named
 * "serialized" have its default, which parses JSON at each hit.
 */
import { BentoCache, bentostore } from "bentocache"
import { memoryDriver } from "bentocache/drivers/memory"
import { redisBusDriver, redisDriver } from "bentocache/drivers/redis"
import { Effect } from "effect"
import { main, repeatPromise } from "../../contest/Contestant.ts"
import { matchOf } from "../Data.ts"
import { chunk, keys, nextKey } from "./Keys.ts"

main((port) =>
  Effect.promise(async () => {
    const connection = { host: "127.0.0.1", port }
    const make = async (serialize: boolean) => {
      const bento = new BentoCache({
        default: "multitier",
        ttl: "1h",
        prefix: serialize ? "serialized" : "raw",
        stores: {
          multitier: bentostore()
            .useL1Layer(memoryDriver({ maxItems: 10_000, serialize }))
            .useL2Layer(redisDriver({ connection }))
            .useBus(redisBusDriver({ connection }))
        }
      })
      // The store itself is a step nearer than the instance that holds all stores.
      const cache = bento.use()
      await Promise.all(keys.map((key, id) => cache.set({ key, value: matchOf(id) })))
      return cache
    }
    const raw = await make(false)
    const serialized = await make(true)
    const factory = () => matchOf(0)
    const reads = (read: (key: string) => Promise<unknown>) =>
      repeatPromise(chunk, async () => {
        for (let index = 0; index < chunk; index++) await read(nextKey())
      })
    return {
      get: reads((key) => raw.get({ key })),
      getOrLoad: reads((key) => raw.getOrSet({ key, factory })),
      "get, serialized": reads((key) => serialized.get({ key }))
    }
  })
)
