/**
 * The caches of the game over memory and over a real Redis, fed by what tests publish.
 */
import { CacheManager } from "@letletme/cache"
import { FplCaches, type FplSource, RecordedSource } from "@letletme/fpl"
import { Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Effect, Layer } from "effect"

const redis = Layer.unwrap(RedisServer.use(({ port }) => Effect.succeed(Redis.layer({ port })))).pipe(
  Layer.provide(RedisServer.layer)
)

/** The caches that suites run over, by name. Unless there is a source nothing can be fetched: tests publish to `PrimaryData`. */
export const tiers = <R = never>(
  season: string,
  source: Layer.Layer<FplSource, never, R> = RecordedSource.layerReplay(season)
) => {
  const caches = FplCaches.layer.pipe(Layer.provideMerge(source))
  return {
    memory: caches.pipe(Layer.provideMerge(CacheManager.layerMemory)),
    redis: caches.pipe(Layer.provideMerge(CacheManager.layerRedis.pipe(Layer.provide(redis))))
  }
}
