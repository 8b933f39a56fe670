import { assert, describe, it } from "@effect/vitest"
import {
  CacheConfig,
  CacheManager,
  CacheStore,
  DependencyGraph,
  DomainCache,
  Fence,
  InvalidationLog,
  Leadership,
  Lookup,
  Tag
} from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { RedisServer, TcpProxy } from "@letletme/testing"
import { Deferred, Effect, Exit, Fiber, Layer, Queue, Schema, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { fillOf } from "./suites/sealed.ts"
import { far, gated, setGates, silent } from "./suites/remoteLog.ts"
import { eventually, redis, tiers } from "./tiers.ts"

class Teams extends DomainCache.Service<Teams>()("test/Teams", {
  graph: DependencyGraph.make({ team: [] }),
  domain: "team",
  id: Schema.String,
  value: Schema.String,
  timeToLive: "metadata",
  lookup: (id: string) => Effect.succeed(Lookup.found(id))
}) {}

const tag = Tag.of("team", "1")
// In a cluster a load's entry lies elsewhere than the table, and goes by its stamp alone.
const landsLate = process.env["LETLETME_TOPOLOGY"] === "cluster"
const lead = (holder: string, fence?: number, lease = 60_000) =>
  InvalidationLog.use((log) => log.lead({ holder, lease, fence }))
const append = (fence: number | undefined) =>
  InvalidationLog.use((log) => log.append({ tags: [tag], cause: "test", writes: [], from: 0, fence }))
const fill = (fence: number | undefined) =>
  CacheStore.use((store) => store.fill([{ ...fillOf("letletme:team:1", "a"), fence, overwrite: true }]))

/** A candidate of its own; its scope is in the test's hands. */
const candidate = Effect.fnUntraced(function* (lease: number) {
  const scope = yield* Scope.make()
  const context = yield* Layer.buildWithScope(Layer.fresh(Leadership.layer({ lease })), scope)
  return { ...(yield* Effect.provide(Leadership, context)), stop: Scope.close(scope, Exit.void) }
})

const leads = (one: Leadership["Service"]) =>
  eventually(Effect.filterOrFail(one.state, (state) => state._tag === "Leading"))

for (const [name, over] of Object.entries(tiers)) {
  describe(`Leadership over ${name}`, () => {
    it.live("one holds the lease, renews it under the same fence, and hands it over", () =>
      Effect.gen(function* () {
        const first = yield* lead("a")
        assert.strictEqual(first.holder, "a")
        assert.deepStrictEqual([(yield* lead("b")).holder, (yield* lead("b")).fence], ["a", first.fence])
        assert.strictEqual((yield* lead("a", first.fence)).fence, first.fence)
        // One whose answer got lost begins anew: what it wrote before is over.
        const again = yield* lead("a")
        assert.isAbove(again.fence, first.fence)
        yield* InvalidationLog.use((log) => log.resign(first.fence))
        assert.strictEqual((yield* lead("b")).holder, "a")
        yield* InvalidationLog.use((log) => log.resign(again.fence))
        const next = yield* lead("b")
        assert.strictEqual(next.holder, "b")
        assert.isAbove(next.fence, again.fence)
      }).pipe(Effect.provide(over()))
    )

    it.live("what is written under a fence that is over is refused, by the log and by the store", () =>
      Effect.gen(function* () {
        const first = yield* lead("a", undefined, 30)
        yield* append(first.fence)
        assert.deepStrictEqual(yield* fill(first.fence), [true])
        // Nobody has followed yet: the lease alone is over.
        yield* eventually(Effect.flip(append(first.fence)))
        assert.deepStrictEqual(yield* fill(first.fence), [landsLate && name === "redis"])
        const before = (yield* InvalidationLog.use((log) => log.sync(0))).head
        const second = yield* lead("b")
        const refused = yield* Effect.flip(append(first.fence))
        assert.strictEqual(refused.reason._tag, "Fenced")
        assert.isFalse(refused.isTemporary)
        assert.deepStrictEqual(yield* fill(first.fence), [landsLate && name === "redis"])
        assert.deepStrictEqual(yield* fill(second.fence), [true])
        assert.strictEqual((yield* InvalidationLog.use((log) => log.sync(0))).head, second.fence)
        assert.isAbove(second.fence, before)
        yield* append(second.fence)
        yield* append(undefined)
      }).pipe(Effect.provide(over()))
    )

    it.live("a cache under a fence that is over invalidates nothing and stores nothing, and answers", () =>
      Effect.gen(function* () {
        const manager = yield* CacheManager
        const teams = yield* Teams
        const { fence } = yield* lead("a")
        yield* Effect.provideService(teams.get("1"), Fence, fence)
        assert.deepStrictEqual(yield* teams.inspect(["1"]), ["fresh"])
        yield* InvalidationLog.use((log) => log.resign(fence))
        const refused = yield* Effect.flip(Effect.provideService(manager.invalidate({ primary: tag }), Fence, fence))
        assert.strictEqual(refused.reason._tag, "Fenced")
        assert.strictEqual(yield* Effect.provideService(teams.get("2"), Fence, fence), "2")
        const put = teams.put("3", "3", { readAt: yield* manager.position })
        const late = landsLate && name === "redis"
        assert.strictEqual(yield* Effect.provideService(put, Fence, fence), late)
        const condition = late ? "fresh" : "missing"
        assert.deepStrictEqual(yield* teams.inspect(["1", "2", "3"]), ["fresh", condition, condition])
      }).pipe(Effect.provide(Teams.layer.pipe(Layer.provideMerge(over()))))
    )

    it.live("one that hands over ends its work and stands aside; alone, it leads again", () =>
      Effect.gen(function* () {
        // So long a lease nobody waits for.
        const one = yield* candidate(3_000)
        yield* leads(one)
        const turns = yield* Queue.unbounded<string>()
        const work = Effect.andThen(Queue.offer(turns, "begins"), Effect.never)
        yield* Effect.forkScoped(one.whileLeading(Effect.ensuring(work, Queue.offer(turns, "ends"))))
        assert.strictEqual(yield* Queue.take(turns), "begins")
        const other = yield* candidate(3_000)
        assert.isTrue(yield* one.handOver)
        assert.strictEqual(yield* Queue.take(turns), "ends")
        yield* leads(other)
        assert.isFalse(yield* one.handOver)
        yield* other.stop
        yield* leads(one)
      }).pipe(Effect.scoped, Effect.provide(over()))
    )

    it.live("of three candidates one leads; when it stops, its work ends first and another follows at once", () =>
      Effect.gen(function* () {
        // So long a lease nobody waits for.
        const three = yield* Effect.forEach([1, 2, 3], () => candidate(3_000))
        const turns = yield* Queue.unbounded<string>()
        for (const { name, whileLeading } of three) {
          yield* Effect.forkScoped(
            whileLeading(
              Queue.offer(turns, `${name} begins`).pipe(
                Effect.andThen(Effect.never),
                Effect.ensuring(Queue.offer(turns, `${name} ends`))
              )
            )
          )
        }
        const began = yield* Queue.take(turns)
        const first = three.find(({ name }) => began === `${name} begins`)
        assert.isDefined(first)
        const tags = yield* Effect.forEach(three, ({ state }) => Effect.map(state, ({ _tag }) => _tag))
        assert.strictEqual(tags.filter((one) => one === "Leading").length, 1)
        const before = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        if (first !== undefined) yield* first.stop
        assert.strictEqual(yield* Queue.take(turns), `${first?.name} ends`)
        const followed = yield* Queue.take(turns)
        assert.notStrictEqual(followed, began)
        assert.isBelow((yield* Effect.clockWith((clock) => clock.currentTimeMillis)) - before, 2_000)
        yield* Effect.forEach(three, ({ stop }) => stop)
      }).pipe(Effect.scoped, Effect.provide(over()))
    )
  })
}

describe("Leadership", () => {
  it.effect("ends by the leader's own clock when the log does not answer any more", () =>
    Effect.gen(function* () {
      const leader = yield* Leadership
      const ended = yield* Deferred.make<void>()
      const working = yield* Deferred.make<void>()
      yield* Effect.forkScoped(
        leader.whileLeading(
          Deferred.succeed(working, undefined).pipe(
            Effect.andThen(Effect.never),
            Effect.ensuring(Deferred.succeed(ended, undefined))
          )
        )
      )
      yield* Deferred.await(working)
      yield* setGates(silent)
      yield* TestClock.adjust("2900 millis")
      assert.isFalse(Deferred.isDoneUnsafe(ended))
      yield* TestClock.adjust("100 millis")
      yield* Deferred.await(ended)
      assert.strictEqual((yield* leader.state)._tag, "Unknown")
      yield* setGates(Effect.void)
      const states = yield* Effect.forkChild(
        Stream.runHead(Stream.filter(leader.changes, ({ _tag }) => _tag === "Leading"))
      )
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(states)
    }).pipe(
      Effect.provide(
        Leadership.layer({ lease: "3 seconds" }).pipe(Layer.provide(gated), Layer.provideMerge(far({ process: "a" })))
      ),
      Effect.scoped
    )
  )

  it.live("a leader cut off from Redis is followed within two leases, and its late write is refused", () =>
    Effect.gen(function* () {
      const { port } = yield* RedisServer
      const proxy = yield* TcpProxy.make(port)
      const over = (to: number) =>
        Layer.fresh(
          Leadership.layer({ lease: 400 }).pipe(
            Layer.provideMerge(CacheManager.layerRedis),
            Layer.provide(Redis.layer({ port: to, commandTimeout: 200 })),
            Layer.provide(CacheConfig.layer({ process: `at ${to}` }))
          )
        )
      const cut = yield* Layer.build(over(proxy.port))
      const one = yield* Effect.provide(Leadership, cut)
      const state = yield* leads(one)
      const other = yield* Effect.provide(Leadership, yield* Layer.build(over(port)))
      yield* eventually(Effect.filterOrFail(other.state, ({ _tag }) => _tag === "StandingBy"))
      yield* proxy.become({ _tag: "Swallow" })
      const before = Date.now()
      yield* leads(other)
      assert.isBelow(Date.now() - before, 800)
      assert.notStrictEqual((yield* one.state)._tag, "Leading")
      yield* proxy.become({ _tag: "Open" })
      const fence = state._tag === "Leading" ? state.fence : 0
      const late = Effect.provide(
        Effect.provideService(
          CacheManager.use((manager) => manager.invalidate({ primary: tag })),
          Fence,
          fence
        ),
        cut
      )
      const refused = yield* eventually(
        Effect.filterOrFail(Effect.flip(late), ({ reason }) => reason._tag === "Fenced")
      )
      assert.strictEqual(refused.reason._tag, "Fenced")
    }).pipe(Effect.scoped, Effect.provide(redis))
  )

  it.live("after the table is lost nobody leads, and the next position is higher", () =>
    Effect.gen(function* () {
      const first = yield* lead("a")
      yield* Redis.use((it) => it.send("FLUSHALL"))
      assert.strictEqual((yield* Effect.flip(append(first.fence))).reason._tag, "Fenced")
      assert.deepStrictEqual(yield* fill(first.fence), [landsLate])
      const second = yield* lead("b")
      assert.strictEqual(second.holder, "b")
      assert.isAbove(second.fence, first.fence)
    }).pipe(Effect.provide(tiers.redis()))
  )
})
