/** Entries that have a tag in common, in groups of several sizes. */
import { BentoCache, bentostore } from "bentocache"
import { memoryDriver } from "bentocache/drivers/memory"
import { redisBusDriver, redisDriver } from "bentocache/drivers/redis"
import { Effect } from "effect"
import { main, stopwatch } from "../../contest/Contestant.ts"

main((port) =>
  Effect.sync(() => {
    const connection = { host: "127.0.0.1", port }
    const bento = new BentoCache({
      default: "multitier",
      ttl: "1h",
      stores: {
        multitier: bentostore()
          .useL1Layer(memoryDriver({ maxItems: 10_000 }))
          .useL2Layer(redisDriver({ connection }))
          .useBus(redisBusDriver({ connection }))
      }
    })
    const cache = bento.use()
    return {
      fill: (size) =>
        Effect.promise(async () => {
          const stop = stopwatch()
          for (let from = 0; from < size; from += 512) {
            await Promise.all(
              Array.from({ length: Math.min(512, size - from) }, (_, index) => {
                const key = `g${size}-${from + index}`
                return cache.set({ key, value: key, tags: [`g${size}`] })
              })
            )
          }
          return stop(size)
        }),
      invalidate: (size) =>
        Effect.promise(async () => {
          const times = 200
          const stop = stopwatch()
          for (let index = 0; index < times; index++) await cache.deleteByTag({ tags: [`g${size}`] })
          return stop(times)
        })
    }
  })
)
