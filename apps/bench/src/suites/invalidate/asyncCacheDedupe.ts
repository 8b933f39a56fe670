/** Entries that have a reference in common. Invalidating deletes them, so each invalidation fills its group anew. */
import { createCache } from "async-cache-dedupe"
import { Effect } from "effect"
import { Redis } from "ioredis"
import { main, stopwatch } from "../../contest/Contestant.ts"

main((port) =>
  Effect.promise(() => {
    const client = new Redis({ port })
    const cache = createCache({
      ttl: 3_600,
      storage: { type: "redis", options: { client, invalidation: { referencesTTL: 3_600 } } }
    }).define("load", { references: (id: string) => [id.split("-", 1)[0] ?? ""] }, (id: string) => Promise.resolve(id))
    return Promise.resolve({
      invalidate: (size: number) =>
        Effect.promise(async () => {
          for (let from = 0; from < size; from += 512) {
            await Promise.all(
              Array.from({ length: Math.min(512, size - from) }, (_, index) => cache.load(`g${size}-${from + index}`))
            )
          }
          const stop = stopwatch()
          await cache.invalidateAll(`g${size}`)
          return stop(1)
        })
    })
  })
)
