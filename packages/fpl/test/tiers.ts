/**
 * The caches of the game over memory and over a real Redis, fed by what tests publish.
 */
import { CacheManager } from "@letletme/cache"
import { FplCaches, MemoryDatabase, RecordedSource } from "@letletme/fpl"
import { Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Effect, Layer } from "effect"

const redis = Layer.unwrap(RedisServer.use(({ port }) => Effect.succeed(Redis.layer({ port })))).pipe(
  Layer.provide(RedisServer.layer)
)

/** The caches that suites run over, by name. Nothing can be fetched: tests publish, or `seed`. */
export const tiers = (season: string) => {
  const caches = FplCaches.layer.pipe(
    Layer.provideMerge(MemoryDatabase.layer),
    Layer.provideMerge(RecordedSource.layerReplay(season))
  )
  return {
    memory: caches.pipe(Layer.provideMerge(CacheManager.layerMemory)),
    redis: caches.pipe(Layer.provideMerge(CacheManager.layerRedis.pipe(Layer.provide(redis))))
  }
}
