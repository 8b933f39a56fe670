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
import { Redis } from "@letletme/redis"
import { RedisCluster, RedisSentinel } from "@letletme/testing"
import { Context, Effect, Fiber, Layer, Option, Schedule, Schema, Stream } from "effect"
import { ordeal } from "./ordeal.ts"
import { suite as storeSuite } from "./suites/CacheStore.suite.ts"
import { suite as logSuite } from "./suites/InvalidationLog.suite.ts"
import { eventually } from "./tiers.ts"
import { cluster, sentinel } from "./topologies.ts"
import { login } from "./users.ts"

const overCluster = cluster()
const overSentinel = sentinel()

const suites = (name: string, { as, redis }: Pick<typeof overCluster, "as" | "redis">) => {
  storeSuite(`CacheStore over ${name}`, RedisStore.layer.pipe(Layer.provide(redis)))
  logSuite(`over ${name}`, (settings) =>
    Layer.mergeAll(RedisLog.layer, RedisStore.layer).pipe(
      Layer.provide(CacheConfig.layer({ namespace: "test", maxStaleness: 300, ...settings })),
      Layer.provide(as("test")),
      Layer.provide(redis)
    )
  )
}

suites("a cluster", overCluster)
suites("sentinels", overSentinel)

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

describe("a cluster that is asked for more than may be in flight", () => {
  it.live("is one connection with all its nodes: what is too much is refused, whichever node has it", () =>
    Effect.gen(function* () {
      const servers = yield* RedisCluster
      const redis = yield* Redis
      const { process } = yield* servers.primaryOf(redis.spread?.slotOf("{one}") ?? 0)
      yield* process.pause
      const waiting = yield* Effect.forEach(["{one}:1", "{one}:2"], (key) =>
        Effect.forkChild(Effect.exit(redis.get(`letletme:${key}`)), { startImmediately: true })
      )
      const { reason } = yield* Effect.flip(redis.get("letletme:elsewhere"))
      assert.strictEqual(reason._tag, "Overloaded")
      yield* process.resume
      for (const fiber of waiting) yield* Fiber.join(fiber)
      assert.isUndefined(yield* eventually(redis.get("letletme:elsewhere")))
    }).pipe(
      Effect.provide(overCluster.as("letletme", { maxInFlight: 2 }).pipe(Layer.provideMerge(overCluster.servers)))
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
          Layer.provideMerge(overSentinel.cache({}, { readFrom: "replica" })),
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
          overCluster.as("letletme"),
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
        const came = yield* ordeal(overSentinel.as("letletme"), Effect.flatten(servers.failOver("pause")))
        assert.isAbove(came.strongReads, 100)
        assert.isAbove(came.writes, 10)
      }).pipe(Effect.provide(overSentinel.servers)),
    90_000
  )
})

/**
 * What the commands of a server's users were refused. To sentinels of 7.2 or newer ioredis states its version, and goes on
 * where that is refused; rules for older ones cannot permit it.
 */
const refusals = ({ send }: Redis["Service"]) =>
  Effect.map(send("ACL", "LOG"), (log) =>
    (Array.isArray(log) ? log : [log]).filter(
      (entry) => !String(entry).includes("object,client|setinfo,username,watcher")
    )
  )

/** Connections to the sentinels themselves, as their default user. */
const sentinels = Effect.flatMap(RedisSentinel, (servers) =>
  Effect.forEach(servers.sentinels, ({ port }) =>
    Effect.map(Layer.build(Layer.fresh(Redis.layer({ port }))), (context) => Context.get(context, Redis))
  )
)

const isRefused = (redis: Redis["Service"], commands: ReadonlyArray<string>) =>
  Effect.forEach(commands, (line) => {
    const [command = "", ...args] = line.split(" ")
    return Effect.map(Effect.flip(redis.send(command, ...args)), ({ reason }) =>
      assert.strictEqual(reason._tag, "Auth", line)
    )
  })

describe("the least privilege", () => {
  it.live("is enough over a cluster, for reads from replicas too", () =>
    Effect.gen(function* () {
      const { nodes, primaries } = yield* RedisCluster
      const values = yield* Values
      const ids = Array.from({ length: 30 }, (_, index) => index)
      const leaders = yield* primaries
      const statsOf = (some: typeof nodes) =>
        Effect.map(
          Effect.forEach(some, ({ redis }) => redis.send("INFO", "commandstats")),
          (all) => all.map(String).join("\n")
        )
      const replicas = nodes.filter((node) => !leaders.includes(node))
      // A node names those that follow it once it has heard how far they are.
      yield* eventually(
        Effect.gen(function* () {
          yield* values.getMany(ids, { skip: "near" })
          const stats = yield* statsOf(replicas)
          if (!stats.includes("cmdstat_mget:")) return yield* Effect.fail("the replicas are not asked yet")
        })
      )
      const stats = yield* statsOf(nodes)
      for (const name of ["cluster|slots", "cluster|info", "readonly"]) assert.include(stats, `cmdstat_${name}:`)
      // Of what befell the cluster before, too: failovers, and slots that moved.
      for (const { redis } of nodes) assert.deepStrictEqual(yield* refusals(redis), [])
    }).pipe(
      Effect.provide(
        Values.layer.pipe(
          Layer.provideMerge(overCluster.cache({}, { readFrom: "replica" })),
          Layer.provideMerge(overCluster.servers)
        )
      )
    )
  )

  it.live("is enough under sentinels, which tell of a failover, and for reads from replicas too", () =>
    Effect.gen(function* () {
      const servers = yield* RedisSentinel
      const watching = yield* sentinels
      yield* Values.use((values) => values.update(1, 10))
      for (const { redis } of [yield* servers.primary, ...(yield* servers.replicas)]) {
        assert.deepStrictEqual(yield* refusals(redis), [])
      }
      const clients = Effect.forEach(watching, (redis) => redis.send("CLIENT", "LIST"))
      const listens = (list: unknown) => /^(?=.* user=watcher )(?=.* sub=1 )/m.test(String(list))
      yield* eventually(Effect.filterOrFail(clients, (lists) => lists.every(listens)))
      for (const redis of watching) assert.deepStrictEqual(yield* refusals(redis), [])
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Values.layer.pipe(
          Layer.provideMerge(overSentinel.cache({}, { readFrom: "replica" })),
          Layer.provideMerge(overSentinel.servers)
        )
      )
    )
  )

  it.live("is not enough for one command beyond it, over a cluster, under sentinels, and by the sentinels", () =>
    Effect.gen(function* () {
      const common = ["KEYS *", "FLUSHALL", "CONFIG GET *", "REPLICAOF NO ONE", "GET other:1", "ACL WHOAMI"]
      const ofCluster = ["CLUSTER NODES", "CLUSTER FAILOVER", "CLUSTER RESET", "CLUSTER SHARDS"]
      const inCluster = yield* Layer.build(overCluster.as("letletme"))
      yield* isRefused(Context.get(inCluster, Redis), [...common, ...ofCluster])
      const underSentinels = yield* Layer.build(overSentinel.as("letletme"))
      yield* isRefused(Context.get(underSentinels, Redis), [...common, "READONLY"])
      const [{ port } = { port: 0 }] = yield* RedisSentinel.use(({ sentinels }) => Effect.succeed(sentinels))
      const bySentinel = yield* Layer.build(Layer.fresh(Redis.layer({ port, ...login("watcher") })))
      const ofSentinel = ["SENTINEL FAILOVER letletme", "SENTINEL SET letletme quorum 1", "SENTINEL RESET *"]
      yield* isRefused(Context.get(bySentinel, Redis), [...ofSentinel, "PUBLISH +switch-master x", "SUBSCRIBE other"])
    }).pipe(Effect.scoped, Effect.provide(overSentinel.servers))
  )
})
