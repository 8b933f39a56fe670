/**
 * Servers under sentinels, and a cluster: they take seconds to start, so all tests of a file share them.
 */
import { CacheConfig, CacheManager } from "@letletme/cache"
import { Redis, type RedisConfig } from "@letletme/redis"
import { RedisCluster, RedisSentinel, Users } from "@letletme/testing"
import { Effect, Exit, Layer, Scope } from "effect"
import { afterAll } from "vitest"
import type { Settings } from "./tiers.ts"
import { login, users, watcher } from "./users.ts"

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

/** What tests of a topology are given: connections to servers that hold nothing yet, and a cache over one. */
const over = <I>(servers: Layer.Layer<I>, topology: Effect.Effect<RedisConfig.Topology, never, I>) => {
  const make = (connect: typeof Redis.layer, config: Partial<RedisConfig.RedisConfig>) =>
    Layer.unwrap(Effect.map(topology, (found) => connect({ topology: found, ...config }))).pipe(Layer.provide(servers))
  const redis = make(emptied, {})
  /** A connection as the user of a namespace, who may do what a cache does, and nothing else. */
  const as = (namespace: string, config: Partial<RedisConfig.RedisConfig> = {}) =>
    make(Redis.layer, { ...login(namespace), ...config })
  return {
    servers,
    redis,
    as,
    /** The same without emptying the servers. */
    connected: make(Redis.layer, {}),
    cache: (settings: Settings = {}, config: Partial<RedisConfig.RedisConfig> = {}) =>
      CacheManager.layerRedis.pipe(
        Layer.provide(CacheConfig.layer(settings)),
        Layer.provide(as(settings.namespace ?? "letletme", config)),
        Layer.provideMerge(redis)
      )
  }
}

/** A cluster of three primaries and three replicas. */
export const cluster = () =>
  over(
    shared(
      Layer.orDie(RedisCluster.layer).pipe(
        Layer.provide(Layer.succeed(Users, { servers: users({ cluster: true }), sentinels: [] }))
      )
    ),
    RedisCluster.use(({ addresses }) => Effect.succeed({ _tag: "Cluster", nodes: addresses }))
  )

/** A primary with two replicas, and three sentinels. */
export const sentinel = () =>
  over(
    shared(
      Layer.orDie(RedisSentinel.layer).pipe(
        Layer.provide(Layer.succeed(Users, { servers: users(), sentinels: [watcher] }))
      )
    ),
    RedisSentinel.use(({ name, sentinels }) =>
      Effect.succeed({ _tag: "Sentinel", name, sentinels, ...login("watcher") })
    )
  )
