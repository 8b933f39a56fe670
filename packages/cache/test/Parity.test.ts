/**
 * What users of other caches ask for: issues that are open there, each with the test that it is here.
 */
import { assert, describe, it } from "@effect/vitest"
import {
  CacheConfig,
  CacheManager,
  DependencyGraph,
  DomainCache,
  LiveView,
  Lookup,
  type Policy,
  Tag
} from "@letletme/cache"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import { tiers } from "./tiers.ts"

const graph = DependencyGraph.make({ page: [] })

/** Pages by id, and the batches that were asked for. */
class Pages extends Context.Service<
  Pages,
  { readonly values: Map<string, number>; readonly batches: Array<ReadonlyArray<string>>; isAway: boolean }
>()("test/Pages") {
  static readonly layer = Layer.sync(this, () => Pages.of({ values: new Map(), batches: [], isAway: false }))
}

/** A process of its own over the store and the log in context. */
const start = (policy: Partial<Policy.Policy<number>> = {}) => {
  class PageCache extends DomainCache.Service<PageCache>()("test/PageCache", {
    graph,
    domain: "page",
    id: Schema.String,
    value: Schema.Int,
    timeToLive: "1 day",
    jitter: 0,
    ...policy,
    lookupMany: (questions) =>
      Pages.use((pages) => {
        const ids = questions.map(({ id }) => id)
        pages.batches.push(ids)
        if (pages.isAway) return Effect.fail("the source is away")
        return Effect.succeed(ids.map((id) => Lookup.fromOption(Option.fromUndefinedOr(pages.values.get(id)))))
      })
  }) {}
  const process = Layer.fresh(
    PageCache.layer.pipe(Layer.provideMerge(CacheManager.layerOver), Layer.provide(CacheConfig.layer({})))
  )
  return Effect.map(Layer.build(process), (context) => ({
    pages: Context.get(context, PageCache),
    manager: Context.get(context, CacheManager),
    live: Context.get(context, LiveView)
  }))
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `${index}`)

for (const [name, tier] of Object.entries(tiers)) {
  const world = tier().pipe(Layer.provideMerge(Pages.layer))

  describe(`what users of other caches ask for, over ${name}`, () => {
    // FusionCache #16, #453; bentocache #78; zio-cache #109; dotnet/runtime #117870
    it.live("getMany asks the source once for all that is missing, in one lookup", () =>
      Effect.gen(function* () {
        const { batches, values } = yield* Pages
        const ids = numbered(110)
        for (const [index, id] of ids.entries()) values.set(id, index)
        const one = yield* start()
        yield* one.pages.getMany(ids.slice(0, 10))
        const all = yield* one.pages.getMany(ids)
        assert.deepStrictEqual(
          all,
          ids.map((_, index) => Option.some(index))
        )
        assert.deepStrictEqual(batches, [ids.slice(0, 10), ids.slice(10)])
        assert.strictEqual(batches[1]?.length, 100)
        yield* one.pages.getMany(ids)
        assert.strictEqual(batches.length, 2)
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    // Invalidation that deletes nothing: bentocache `expire`, FusionCache `Expire`.
    it.live("what is invalidated is stale and not gone, in every process, and served where a read allows it", () =>
      Effect.gen(function* () {
        const pages = yield* Pages
        pages.values.set("a", 1)
        const all = [yield* start(), yield* start(), yield* start()] as const
        for (const one of all) assert.strictEqual(yield* one.pages.get("a"), 1)
        pages.values.set("a", 2)
        const position = yield* all[0].pages.invalidate(["a"])
        pages.isAway = true
        for (const one of all) {
          yield* one.live.reach(position, 5_000)
          assert.deepStrictEqual(yield* one.pages.inspect(["a"]), ["invalidated"])
          assert.strictEqual(yield* Effect.flip(one.pages.get("a")), "the source is away")
          assert.strictEqual(yield* one.pages.get("a", { staleIfUnavailable: "invalidated" }), 1)
        }
        pages.isAway = false
        for (const one of all) assert.strictEqual(yield* one.pages.get("a"), 2)
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("an invalidation reaches every process: entity, pattern and stated tag alike", () =>
      Effect.gen(function* () {
        const { values } = yield* Pages
        values.set("a", 0)
        const all = yield* Effect.forEach(numbered(5), () => start())
        const [first] = all
        if (first === undefined) return assert.fail("no process")
        for (const [round, primary] of [Tag.of("page", "a"), Tag.any("page")].entries()) {
          for (const one of all) assert.strictEqual(yield* one.pages.get("a"), round)
          values.set("a", round + 1)
          const position = yield* first.manager.invalidate({ primary })
          for (const one of all) assert.strictEqual(yield* one.pages.get("a", { after: position }), round + 1)
        }
      }).pipe(Effect.scoped, Effect.provide(world))
    )
  })
}

const inMemory = CacheManager.layerMemory.pipe(Layer.provideMerge(Pages.layer))

describe("lifetimes that users of other caches ask for", () => {
  // bentocache #114
  it.effect("a value decides how long it lives, and how long past that it may be served", () =>
    Effect.gen(function* () {
      const pages = yield* Pages
      const one = yield* start({
        adaptive: (value) => (value === 1 ? "1 minute" : "1 hour"),
        grace: (value) => (value === 1 ? "1 minute" : "2 hours"),
        staleWhileRevalidate: "none",
        staleIfUnavailable: "expired"
      })
      pages.values.set("short", 1)
      pages.values.set("long", 2)
      yield* one.pages.getMany(["short", "long"])
      pages.isAway = true
      yield* TestClock.adjust("90 seconds")
      assert.strictEqual(yield* one.pages.get("short"), 1)
      yield* TestClock.adjust("31 seconds")
      assert.strictEqual(yield* Effect.flip(one.pages.get("short")), "the source is away")
      yield* TestClock.adjust("2 hours")
      assert.strictEqual(yield* one.pages.get("long"), 2)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* Effect.flip(one.pages.get("long")), "the source is away")
    }).pipe(Effect.scoped, Effect.provide(inMemory))
  )

  // cacheable #1226
  it.effect("a process goes by its own copy for less long than the store keeps the entry", () =>
    Effect.gen(function* () {
      const { batches, values } = yield* Pages
      const short = yield* start({ nearTimeToLive: "10 seconds" })
      const other = yield* start()
      values.set("a", 1)
      assert.strictEqual(yield* short.pages.get("a"), 1)
      values.set("a", 2)
      // Loaded anew by another process, and announced by nobody.
      yield* other.pages.refresh(["a"])
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(yield* short.pages.get("a"), 1)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* short.pages.get("a"), 2)
      // The store still has it: the source was asked by nobody again, and the copy is at hand anew.
      values.set("a", 3)
      yield* other.pages.refresh(["a"])
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(yield* short.pages.get("a"), 2)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* short.pages.get("a"), 3)
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* short.pages.get("a"), 3)
      yield* TestClock.adjust("5 seconds")
      values.set("a", 4)
      yield* other.pages.refresh(["a"])
      assert.strictEqual(yield* short.pages.get("a"), 3)
      assert.strictEqual(batches.length, 4)
    }).pipe(Effect.scoped, Effect.provide(inMemory))
  )
})
