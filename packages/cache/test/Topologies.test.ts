import { assert, describe, it } from "@effect/vitest"
import {
  CacheConfig,
  CacheManager,
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
import { Context, Effect, Layer, Option, Schedule, Schema, Stream } from "effect"
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

describe("a cluster of which one node hangs", () => {
  it.live("answers what the others have from the store, and the rest from the source", () =>
    Effect.gen(function* () {
      const servers = yield* RedisCluster
      const { spread } = yield* Redis
      const values = yield* Values
      const { counts } = yield* CacheMetrics
      const ids = Array.from({ length: 60 }, (_, index) => index)
      yield* values.getMany(ids)
      const names = (yield* CacheStore.use((store) => Stream.runCollect(store.scan("letletme:value:")))).flat()
      const log = yield* servers.primaryOf(spread?.slotOf("{letletme}") ?? 0)
      const hanging = (yield* servers.primaries).find((node) => node !== log) ?? log
      const home = `127.0.0.1:${hanging.process.port}`
      const lost = names.filter((name) => spread?.nodeOf(name) === home).length
      const { loads: before = 0 } = (yield* counts).domains["value"] ?? {}
      const read = values.getMany(ids, { skip: "near" })
      yield* Effect.acquireUseRelease(
        hanging.process.pause,
        () => read,
        () => hanging.process.resume
      )
      const { domains } = yield* counts
      assert.strictEqual((domains["value"]?.loads ?? 0) - before, lost)
      assert.isTrue(lost > 0 && lost < ids.length)
    }).pipe(
      Effect.provide(
        Values.layer.pipe(
          Layer.provideMerge(overCluster.cache({ storeTimeout: 400 })),
          Layer.provideMerge(overCluster.servers)
        )
      )
    )
  )
})

describe("two namespaces on one cluster", () => {
  const inNamespace = (namespace: string) =>
    Layer.fresh(
      Values.layer.pipe(
        Layer.provideMerge(CacheManager.layerRedis),
        Layer.provide(CacheConfig.layer({ namespace })),
        Layer.provide(overCluster.connected)
      )
    )

  it.live("share nothing: neither entries nor invalidations", () =>
    Effect.gen(function* () {
      const [one, other] = yield* Effect.all([Layer.build(inNamespace("one")), Layer.build(inNamespace("other"))])
      const [mine, theirs] = [Context.get(one, Values), Context.get(other, Values)]
      yield* mine.update(1, 10)
      yield* theirs.update(1, 20)
      yield* mine.invalidate([1])
      assert.deepStrictEqual([yield* mine.get(1), yield* theirs.get(1, { skip: "near" })], [1, 20])
      const { counts } = Context.get(other, CacheMetrics)
      assert.strictEqual((yield* counts).domains["value"]?.loads, 0)
    }).pipe(Effect.scoped)
  )
})

describe("reads from replicas", () => {
  it.live("ask a replica, and what it is behind by is found out by the log", () =>
    Effect.gen(function* () {
      const servers = yield* RedisSentinel
      const values = yield* Values
      const primary = yield* servers.primary
      yield* values.update(1, 10)
      const key = "letletme:value:1"
      const keys = yield* CacheStore.use((store) => Stream.runCollect(store.scan(key)))
      const [name = ""] = keys.flat()
      const old = yield* primary.redis.sendBytes("GET", name)
      yield* values.update(1, 11)
      // The replicas go back to what they had. The primary has what is valid: who asks it is answered 11.
      for (const { redis } of yield* servers.replicas) {
        yield* redis.send("CONFIG", "SET", "replica-read-only", "no")
        yield* Effect.retry(
          Effect.filterOrFail(redis.sendBytes("GET", name), (bytes) => String(bytes).includes("11")),
          { schedule: Schedule.spaced("10 millis"), times: 500 }
        )
        yield* redis.send("SET", name, Buffer.isBuffer(old) ? old : "", "PX", 60_000)
      }
      const { storeHits = 0 } = (yield* CacheMetrics.use(({ counts }) => counts)).domains["value"] ?? {}
      // What the replica has is old by the log; the source says 1.
      assert.strictEqual(yield* values.get(1, { skip: "near", consistency: "strong" }), 1)
      assert.strictEqual((yield* CacheMetrics.use(({ counts }) => counts)).domains["value"]?.storeHits, storeHits)
    }).pipe(
      Effect.provide(
        Values.layer.pipe(
          Layer.provideMerge(CacheManager.layerRedis),
          Layer.provide(overSentinel.with({ readFrom: "replica" })),
          Layer.provideMerge(overSentinel.servers)
        )
      )
    )
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
