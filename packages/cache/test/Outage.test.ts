import { assert, describe, it } from "@effect/vitest"
import { CacheConfig, CacheManager, DependencyGraph, DomainCache, LiveView, Lookup, Tag } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Context, Effect, Layer, Schema } from "effect"
import { eventually } from "./tiers.ts"

class Truth extends Context.Service<Truth, { value: number; asked: number; running: number; most: number }>()(
  "test/Truth"
) {
  static readonly layer = Layer.sync(this, () => Truth.of({ value: 1, asked: 0, running: 0, most: 0 }))
}

const graph = DependencyGraph.make({ value: [] })

class Values extends DomainCache.Service<Values>()("test/Values", {
  graph,
  domain: "value",
  id: Schema.String,
  value: Schema.Int,
  timeToLive: "metadata",
  lookup: () =>
    Truth.use((truth) =>
      Effect.sync(() => {
        truth.asked++
        return Lookup.found(truth.value)
      })
    )
}) {}

const maxStaleness = 200
const settings = CacheConfig.layer({ maxStaleness })
const redis = Layer.unwrap(
  RedisServer.use(({ port }) => Effect.succeed(Redis.layer({ port, commandTimeout: 250 })))
).pipe(Layer.provideMerge(RedisServer.layer))
const one = Values.layer.pipe(Layer.provideMerge(CacheManager.layerRedis), Layer.provide(settings))
const world = one.pipe(Layer.provideMerge(redis), Layer.provideMerge(Truth.layer))

const untrusted = LiveView.use((live) =>
  eventually(Effect.suspend(() => (live.isTrusted(Date.now()) ? Effect.fail("still trusted") : Effect.void)))
)
const trusted = LiveView.use((live) =>
  eventually(Effect.suspend(() => (live.isTrusted(Date.now()) ? Effect.void : Effect.fail("not yet"))))
)

describe("Redis away", () => {
  it.live("a strong read is answered by the source, at once and later", () =>
    Effect.gen(function* () {
      const truth = yield* Truth
      const server = yield* RedisServer
      const values = yield* Values
      assert.strictEqual(yield* values.get("a"), 1)
      truth.value = 2
      yield* server.kill
      assert.strictEqual(yield* values.get("a", { consistency: "strong", timeout: "3 seconds" }), 2)
      truth.value = 3
      yield* untrusted
      assert.strictEqual(yield* values.get("a", { timeout: "3 seconds" }), 3)
    }).pipe(Effect.provide(world))
  )

  it.live(
    "a value at hand is not trusted past maxStaleness; where the policy allows it, it is served all the same",
    () =>
      Effect.gen(function* () {
        const truth = yield* Truth
        const server = yield* RedisServer
        const values = yield* Values
        yield* values.get("a")
        yield* server.kill
        yield* untrusted
        truth.value = 2
        assert.strictEqual(yield* values.get("a", { staleWhileRevalidate: "invalidated" }), 1)
        yield* eventually(Effect.filterOrFail(values.get("a"), (value) => value === 2))
      }).pipe(Effect.provide(world))
  )

  it.live("an invalidation is not acknowledged, and says that it may be tried again", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer
      const manager = yield* CacheManager
      yield* server.kill
      const error = yield* Effect.flip(manager.invalidate({ primary: Tag.of("value", "a") }))
      assert.strictEqual(error.reason._tag, "StoreFailed")
      assert.isTrue(error.isTemporary)
    }).pipe(Effect.provide(world))
  )

  it.live("a server that comes back empty begins anew: nothing old is served", () =>
    Effect.gen(function* () {
      const truth = yield* Truth
      const server = yield* RedisServer
      const values = yield* Values
      const { view } = yield* LiveView
      yield* values.get("a")
      const { floor } = view
      yield* server.kill
      yield* untrusted
      truth.value = 2
      yield* server.start
      yield* trusted
      assert.isAbove(view.floor, floor)
      assert.strictEqual(yield* values.get("a"), 2)
    }).pipe(Effect.provide(world))
  )

  it.live("a server that stood still: what another process invalidated meanwhile is honoured", () =>
    Effect.gen(function* () {
      const truth = yield* Truth
      const server = yield* RedisServer
      const values = yield* Values
      yield* values.get("a")
      yield* server.pause
      yield* untrusted
      yield* server.resume
      yield* trusted
      const other = yield* Layer.build(Layer.fresh(one))
      truth.value = 2
      const written = yield* Context.get(other, CacheManager).invalidate({ primary: Tag.of("value", "a") })
      assert.strictEqual(yield* values.get("a", { after: written }), 2)
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.live("FLUSHALL and a lost table begin anew", () =>
    Effect.gen(function* () {
      const truth = yield* Truth
      const { send } = yield* Redis
      const values = yield* Values
      for (const loss of [["FLUSHALL"], ["DEL", "{letletme}:table"]] as const) {
        yield* values.get("a")
        truth.value++
        const [command, ...args] = loss
        yield* send(command, ...args)
        assert.strictEqual(yield* values.get("a", { consistency: "strong" }), truth.value)
      }
    }).pipe(Effect.provide(world))
  )
})

class Slow extends DomainCache.Service<Slow>()("test/Slow", {
  graph,
  domain: "value",
  id: Schema.String,
  value: Schema.Int,
  timeToLive: "metadata",
  lookup: (id: string) =>
    Truth.use((truth) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          truth.asked++
          truth.running++
          truth.most = Math.max(truth.most, truth.running)
        }),
        () =>
          id.startsWith("held")
            ? Effect.never
            : id.startsWith("bad")
              ? Effect.fail("bad" as const)
              : Effect.as(Effect.yieldNow, Lookup.found(1)),
        () =>
          Effect.sync(() => {
            truth.running--
          })
      )
    )
}) {}

describe("the source", () => {
  const app = (config: Partial<CacheConfig.Settings>) =>
    Slow.layer.pipe(
      Layer.provideMerge(CacheManager.layerMemory),
      Layer.provide(CacheConfig.layer(config)),
      Layer.provideMerge(Truth.layer)
    )

  it.live("is asked by at most maxLookups lookups at once", () =>
    Effect.gen(function* () {
      const truth = yield* Truth
      const slow = yield* Slow
      yield* Effect.forEach(
        Array.from({ length: 40 }, (_, index) => `${index}`),
        (id) => slow.get(id),
        {
          concurrency: "unbounded"
        }
      )
      assert.strictEqual(truth.asked, 40)
      assert.isAtMost(truth.most, 4)
    }).pipe(Effect.provide(app({ maxLookups: 4 })))
  )

  it.live("sheds what is more than ten times as many as run at once, and says so", () =>
    Effect.gen(function* () {
      const slow = yield* Slow
      const ask = (id: string) => Effect.forkScoped(Effect.result(slow.get(id)))
      // Each in a tick of its own: what is asked in one tick shares a place.
      for (let index = 0; index < 11; index++) yield* Effect.andThen(ask(`held ${index}`), Effect.sleep(5))
      const error = yield* Effect.flip(slow.get("one more"))
      assert.isTrue(
        typeof error === "object" && error.reason._tag === "Unavailable" && error.reason.because === "overloaded"
      )
    }).pipe(Effect.scoped, Effect.provide(app({ maxLookups: 1 })))
  )

  it.live("is left alone after ten failures in a row", () =>
    Effect.gen(function* () {
      const truth = yield* Truth
      const slow = yield* Slow
      for (let attempt = 0; attempt < 10; attempt++) assert.strictEqual(yield* Effect.flip(slow.get("bad")), "bad")
      const error = yield* Effect.flip(slow.get("bad"))
      assert.isTrue(
        typeof error === "object" && error.reason._tag === "Unavailable" && error.reason.because === "failing"
      )
      assert.strictEqual(truth.asked, 10)
      yield* eventually(slow.get("good"))
    }).pipe(Effect.provide(app({})))
  )
})
