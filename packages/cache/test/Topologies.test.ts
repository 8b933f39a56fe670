import { assert, describe, it } from "@effect/vitest"
import {
  CacheConfig,
  CacheMetrics,
  CacheStore,
  DependencyGraph,
  DomainCache,
  Lookup,
  RedisLog,
  RedisStore
} from "@letletme/cache"
import { Redis, type RedisError } from "@letletme/redis"
import { RedisCluster, RedisSentinel } from "@letletme/testing"
import { Effect, Layer, Option, Schema, Stream } from "effect"
import { ordeal } from "./ordeal.ts"
import { suite as storeSuite } from "./suites/CacheStore.suite.ts"
import { suite as logSuite } from "./suites/InvalidationLog.suite.ts"
import { cluster, sentinel } from "./topologies.ts"

const overCluster = cluster()
const overSentinel = sentinel()

const suites = (name: string, redis: Layer.Layer<Redis, RedisError>) => {
  storeSuite(`CacheStore over ${name}`, RedisStore.layer.pipe(Layer.provide(redis)))
  logSuite(`over ${name}`, (settings) =>
    Layer.mergeAll(RedisLog.layer, RedisStore.layer).pipe(
      Layer.provide(CacheConfig.layer({ namespace: "test", maxStaleness: 300, ...settings })),
      Layer.provide(redis)
    )
  )
}

suites("a cluster", overCluster.redis)
suites("sentinels", overSentinel.redis)

class Values extends DomainCache.Service<Values>()("test/Values", {
  graph: DependencyGraph.make({ value: [] }),
  domain: "value",
  id: Schema.FiniteFromString,
  value: Schema.Int,
  timeToLive: "metadata",
  lookup: (id) => Effect.succeed(Lookup.found(id))
}) {}

describe("a cache over a cluster", () => {
  it.live("has what was loaded and what was written from the nodes, and lists it", () =>
    Effect.gen(function* () {
      const values = yield* Values
      const { counts } = yield* CacheMetrics
      const ids = Array.from({ length: 100 }, (_, index) => index)
      yield* values.getMany(ids)
      yield* values.updateMany(ids.slice(50).map((id) => ({ id, value: Option.some(-id) })))
      const found = yield* values.getMany(ids, { skip: "near" })
      assert.deepStrictEqual(found.map(Option.getOrUndefined), [...ids.slice(0, 50), ...ids.slice(50).map((id) => -id)])
      const { domains } = yield* counts
      assert.deepStrictEqual([domains["value"]?.loads, domains["value"]?.storeHits], [100, 100])
      const listed = yield* CacheStore.use((store) => Stream.runCollect(store.scan("letletme:value:")))
      assert.strictEqual(new Set(listed.flat()).size, 100)
    }).pipe(Effect.provide(Values.layer.pipe(Layer.provideMerge(overCluster.cache()))))
  )
})

describe("strong reads under load", () => {
  it.live(
    "are never stale while a cluster fails over, and moves slots",
    () =>
      Effect.gen(function* () {
        const servers = yield* RedisCluster
        const logSlot = yield* Redis.use(({ spread }) => Effect.succeed(spread?.slotOf("{letletme}") ?? -1)).pipe(
          Effect.provide(overCluster.redis)
        )
        const elsewhere = (logSlot + 8_000) % 16_384
        const came = yield* ordeal(
          overCluster.redis,
          Effect.gen(function* () {
            yield* Effect.flatten(servers.failOver(logSlot))
            yield* servers.reshard(
              Array.from({ length: 40 }, (_, index) => (logSlot + 16_384 - 20 + index) % 16_384),
              yield* servers.primaryOf(elsewhere)
            )
          })
        )
        assert.isAbove(came.strongReads, 100)
        assert.isAbove(came.writes, 10)
      }).pipe(Effect.provide(overCluster.servers)),
    90_000
  )

  it.live(
    "are never stale while sentinels fail over",
    () =>
      Effect.gen(function* () {
        const servers = yield* RedisSentinel
        const came = yield* ordeal(overSentinel.redis, Effect.flatten(servers.failOver("pause")))
        assert.isAbove(came.strongReads, 100)
        assert.isAbove(came.writes, 10)
      }).pipe(Effect.provide(overSentinel.servers)),
    90_000
  )
})
