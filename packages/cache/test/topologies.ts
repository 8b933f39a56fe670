/**
 * Servers under sentinels, and a cluster: they take seconds to start, so all tests of a file share them.
 */
import { CacheConfig, CacheManager } from "@letletme/cache"
import { Redis, type RedisConfig, type RedisError } from "@letletme/redis"
import { RedisCluster, RedisSentinel } from "@letletme/testing"
import { Effect, Exit, Layer, Scope } from "effect"
import { afterAll } from "vitest"
import type { Settings } from "./tiers.ts"

/** Built when it is first provided, and closed when the file's tests are done. */
const shared = <I, E>(layer: Layer.Layer<I, E>): Layer.Layer<I, E> => {
  const scope = Scope.makeUnsafe()
  const memoMap = Layer.makeMemoMapUnsafe()
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  return Layer.effectContext(Layer.buildWithMemoMap(layer, memoMap, scope))
}

/** A connection to servers that hold nothing yet. */
const emptied = (config: Partial<RedisConfig.RedisConfig>) =>
  Layer.effectDiscard(
    Redis.use(({ send, spread }) =>
      spread === undefined
        ? send("FLUSHALL")
        : Effect.flatMap(
            spread.primaries,
            Effect.forEach((node) => node("FLUSHALL", []))
          )
    )
  ).pipe(Layer.provideMerge(Redis.layer(config)))

const over = (redis: Layer.Layer<Redis, RedisError>) => ({
  redis,
  cache: (settings: Settings = {}) =>
    CacheManager.layerRedis.pipe(Layer.provide(CacheConfig.layer(settings)), Layer.provideMerge(redis))
})

/** A cluster of three primaries and three replicas. */
export const cluster = (config: Partial<RedisConfig.RedisConfig> = {}) => {
  const servers = shared(Layer.orDie(RedisCluster.layer))
  const redis = Layer.unwrap(
    RedisCluster.use(({ addresses }) =>
      Effect.succeed(emptied({ topology: { _tag: "Cluster", nodes: addresses }, ...config }))
    )
  ).pipe(Layer.provide(servers))
  return { servers, ...over(redis) }
}

/** A primary with two replicas, and three sentinels. */
export const sentinel = (config: Partial<RedisConfig.RedisConfig> = {}) => {
  const servers = shared(Layer.orDie(RedisSentinel.layer))
  const redis = Layer.unwrap(
    RedisSentinel.use(({ name, sentinels }) =>
      Effect.succeed(emptied({ topology: { _tag: "Sentinel", name, sentinels }, ...config }))
    )
  ).pipe(Layer.provide(servers))
  return { servers, ...over(redis) }
}
