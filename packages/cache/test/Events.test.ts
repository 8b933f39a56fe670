import { assert, describe, it } from "@effect/vitest"
import {
  CacheConfig,
  type CacheEvent,
  CacheManager,
  CacheMetrics,
  CacheStore,
  DependencyGraph,
  DomainCache,
  Lookup,
  Tag
} from "@letletme/cache"
import { Context, Effect, Layer, PubSub, Schema } from "effect"
import { tiers } from "./tiers.ts"

class Source extends Context.Service<Source, { fails: boolean }>()("test/Source") {
  static readonly layer = Layer.sync(this, () => Source.of({ fails: false }))
}

class Values extends DomainCache.Service<Values>()("test/Values", {
  graph: DependencyGraph.make({ value: [] }),
  domain: "value",
  id: Schema.String,
  value: Schema.String,
  timeToLive: "metadata",
  lookup: (id: string) =>
    Source.use(({ fails }) =>
      fails ? Effect.fail("the source is away") : Effect.succeed(Lookup.found(id.repeat(100)))
    )
}) {}

for (const [name, tier] of Object.entries(tiers)) {
  const app = (settings: Partial<CacheConfig.Settings> = {}) =>
    Values.layer.pipe(Layer.provideMerge(tier(settings)), Layer.provideMerge(Source.layer))

  describe(`events and counts over ${name}`, () => {
    it.live("tells of loads, failures, invalidations, stale answers, corrupt bytes and refused writes", () =>
      Effect.gen(function* () {
        const manager = yield* CacheManager
        const source = yield* Source
        const store = yield* CacheStore
        const values = yield* Values
        const events = yield* manager.events
        const next = <T extends CacheEvent["_tag"]>(tag: T) =>
          Effect.filterOrFail(
            PubSub.take(events),
            (event): event is Extract<CacheEvent, { readonly _tag: T }> => event._tag === tag,
            (event) => `expected ${tag}, got ${event._tag}`
          )

        yield* values.get("a")
        assert.deepInclude(yield* next("Loaded"), { key: Tag.of("value", "a"), because: "missing" })

        const position = yield* manager.invalidate({ primary: Tag.of("value", "a") }, { cause: "a test" })
        assert.deepInclude(yield* next("Invalidated"), { position, cause: "a test", tags: [Tag.of("value", "a")] })

        yield* values.get("a", { staleWhileRevalidate: "invalidated" })
        assert.strictEqual((yield* next("ServedStale")).because, "invalidated")
        assert.strictEqual((yield* next("Loaded")).because, "invalidated")

        source.fails = true
        yield* Effect.flip(values.get("b"))
        assert.strictEqual((yield* next("LoadFailed")).key, Tag.of("value", "b"))
        source.fails = false

        const { storeKey } = yield* values.explain("c")
        const noise = { stamp: 0, revision: { time: 0, sequence: 0 }, timeToLive: 60_000, overwrite: true }
        yield* store.fill([{ ...noise, key: storeKey, bytes: Buffer.from("noise") }])
        yield* values.get("c")
        assert.include((yield* next("Corrupt")).detail, "header")
        yield* next("Loaded")

        const newer = { time: 2_000, sequence: 0 }
        yield* values.update("d", "new", { revision: newer })
        yield* next("Invalidated")
        assert.isFalse(
          yield* values.put("d", "old", { readAt: yield* manager.position, revision: { ...newer, time: 1_000 } })
        )
      }).pipe(Effect.scoped, Effect.provide(app()))
    )

    it.live("counts hits by tier, misses, loads and invalidations by kind", () =>
      Effect.gen(function* () {
        const manager = yield* CacheManager
        const metrics = yield* CacheMetrics
        const values = yield* Values
        yield* values.get("a")
        yield* values.get("a")
        yield* values.get("a", { skip: "near" })
        yield* manager.invalidate({ primary: Tag.any("value"), related: [Tag.of("other")] }, { cause: "import 7" })
        yield* manager.invalidate({ primary: Tag.of("value", "b") }, { cause: "import 8" })
        const counts = yield* metrics.counts
        assert.deepInclude(counts.domains["value"], { nearHits: 1, storeHits: 1, misses: 1, loads: 1, nearEntries: 1 })
        assert.deepStrictEqual(counts.invalidations, { import: 2 })
        assert.deepStrictEqual([counts.invalidatedTags, counts.invalidatedPatterns], [3, 1])
      }).pipe(Effect.provide(app()))
    )

    it.live("the near cache keeps within its entries and its bytes", () =>
      Effect.gen(function* () {
        const metrics = yield* CacheMetrics
        const values = yield* Values
        yield* values.getMany(Array.from({ length: 50 }, (_, index) => `${index}`))
        const near = (yield* metrics.counts).domains["value"]
        assert.strictEqual(near?.nearEntries, 10)
        assert.isAtMost(near?.nearBytes ?? 0, 1_000_000)
      }).pipe(Effect.provide(app({ nearEntries: 10, nearBytes: 1_000_000 })))
    )

    it.live("bytes bound it too", () =>
      Effect.gen(function* () {
        const metrics = yield* CacheMetrics
        const values = yield* Values
        yield* values.getMany(Array.from({ length: 50 }, (_, index) => `${index}`))
        const near = (yield* metrics.counts).domains["value"]
        assert.isAtMost(near?.nearBytes ?? 0, 5_000)
        assert.isAbove(near?.nearEntries ?? 0, 0)
      }).pipe(Effect.provide(app({ nearBytes: 5_000 })))
    )
  })
}
