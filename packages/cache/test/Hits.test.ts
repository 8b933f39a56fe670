import { assert, describe, it } from "@effect/vitest"
import { CacheManager, CacheMetrics, DependencyGraph, DomainCache, Lookup, Tag } from "@letletme/cache"
import { Deferred, Effect, Fiber, Layer, Schema } from "effect"

const graph = DependencyGraph.make({ number: [], text: [], pair: [] })

class Numbers extends DomainCache.Service<Numbers>()("test/Hits/Numbers", {
  graph,
  domain: "number",
  id: Schema.FiniteFromString,
  value: Schema.Struct({ id: Schema.Finite }),
  timeToLive: "metadata",
  lookup: (id) => Effect.succeed(id < 0 ? Lookup.absent : Lookup.found({ id }))
}) {}

class Texts extends DomainCache.Service<Texts>()("test/Hits/Texts", {
  graph,
  domain: "text",
  id: Schema.String,
  value: Schema.Struct({ id: Schema.String }),
  timeToLive: "metadata",
  lookup: (id) => Effect.succeed(Lookup.found({ id }))
}) {}

/** Ids that are no plain values: two that are alike are two objects. */
class Pairs extends DomainCache.Service<Pairs>()("test/Hits/Pairs", {
  graph,
  domain: "pair",
  id: Schema.TemplateLiteralParser([Schema.Finite, "-", Schema.Finite]),
  value: Schema.Struct({ sum: Schema.Finite }),
  timeToLive: "metadata",
  lookup: ([one, , other]) => Effect.succeed(Lookup.found({ sum: one + other }))
}) {}

const caches = Layer.mergeAll(Numbers.layer, Texts.layer, Pairs.layer).pipe(
  Layer.provideMerge(CacheManager.layerMemory)
)

const hits = Effect.map(
  CacheMetrics.use(({ counts }) => counts),
  ({ domains }) => Object.values(domains).reduce((sum, { nearHits }) => sum + nearHits, 0)
)

describe("Hits in memory", () => {
  it.effect("what is shed is what was not read lately; the store has it still", () =>
    Effect.gen(function* () {
      const manager = yield* CacheManager
      const numbers = yield* Numbers
      yield* numbers.getMany([1, 2, 3, 4])
      yield* numbers.get(1)
      yield* manager.evict(0.5)
      const counts = Effect.map(
        CacheMetrics.use((metrics) => metrics.counts),
        ({ domains }) => domains["number"]
      )
      assert.strictEqual((yield* counts)?.nearEntries, 2)
      const before = yield* hits
      yield* numbers.get(1)
      yield* numbers.get(4)
      assert.strictEqual((yield* hits) - before, 2)
      yield* numbers.get(2)
      assert.strictEqual((yield* hits) - before, 2)
      assert.strictEqual((yield* counts)?.loads, 4)
    }).pipe(Effect.provide(caches))
  )

  it.effect("a read is a description: run again it reads again, and sees what changed", () =>
    Effect.gen(function* () {
      const numbers = yield* Numbers
      const read = numbers.get(1)
      assert.strictEqual(yield* hits, 0)
      const first = yield* read
      assert.strictEqual(yield* read, first)
      assert.strictEqual(yield* Effect.map(read, (value) => value), first)
      assert.strictEqual(yield* hits, 2)
      yield* numbers.invalidate([1])
      assert.notStrictEqual(yield* read, first)
      assert.strictEqual(yield* hits, 2)
    }).pipe(Effect.provide(caches))
  )

  it.effect("ids of every kind find what they stored: numbers, texts, structures", () =>
    Effect.gen(function* () {
      const [numbers, texts, pairs] = yield* Effect.all([Numbers, Texts, Pairs])
      for (const expected of [0, 4]) {
        assert.deepStrictEqual(yield* numbers.get(17), { id: 17 })
        assert.deepStrictEqual(yield* texts.get("17"), { id: "17" })
        assert.deepStrictEqual(yield* texts.get("number:17"), { id: "number:17" })
        assert.deepStrictEqual(yield* pairs.get([17, "-", 4]), { sum: 21 })
        assert.strictEqual(yield* hits, expected)
      }
    }).pipe(Effect.provide(caches))
  )

  it.effect("a value that the source does not have is absent however often one asks, and asked for once", () =>
    Effect.gen(function* () {
      const numbers = yield* Numbers
      for (let time = 0; time < 3; time++) {
        assert.strictEqual((yield* Effect.flip(numbers.get(-1))).reason._tag, "Absent")
      }
      const { domains } = yield* CacheMetrics.use(({ counts }) => counts)
      assert.strictEqual(domains["number"]?.loads, 1)
    }).pipe(Effect.provide(caches))
  )

  it.effect("a loop of hits lets other fibers run, and can be interrupted", () =>
    Effect.gen(function* () {
      const numbers = yield* Numbers
      yield* numbers.get(1)
      const ran = yield* Deferred.make<void>()
      const endless = yield* Effect.forkChild(
        Effect.gen(function* () {
          while (true) yield* numbers.get(1)
        })
      )
      yield* Effect.forkChild(Deferred.succeed(ran, undefined))
      yield* Deferred.await(ran)
      yield* Fiber.interrupt(endless)
    }).pipe(Effect.provide(caches))
  )

  it.effect("a hit is recorded by the load and the snapshot that it is read in", () =>
    Effect.gen(function* () {
      const manager = yield* CacheManager
      const numbers = yield* Numbers
      yield* numbers.get(1)
      let runs = 0
      const read = manager.snapshot(
        Effect.gen(function* () {
          const value = yield* numbers.get(1)
          // What was read is invalidated before the snapshot ends: it runs again.
          if (++runs === 1) yield* manager.invalidate({ primary: Tag.of("number", "1") })
          return value
        })
      )
      assert.deepStrictEqual(yield* read, { id: 1 })
      assert.strictEqual(runs, 2)
    }).pipe(Effect.provide(caches))
  )

  it.effect("a hit allocates two small objects and nothing more", () =>
    Effect.gen(function* () {
      const numbers = yield* Numbers
      yield* numbers.get(1)
      const count = 20_000
      const loop = Effect.gen(function* () {
        for (let index = 0; index < count; index++) yield* numbers.get(1)
      })
      // The first rounds are what it takes to compile.
      const bytesOf = Effect.gen(function* () {
        const before = process.memoryUsage().heapUsed
        yield* loop
        return (process.memoryUsage().heapUsed - before) / count
      })
      const rounds: Array<number> = []
      for (let round = 0; round < 10; round++) rounds.push(yield* bytesOf)
      // A collection in the middle of a round makes it look smaller than it was.
      const allocated = rounds.toSorted((a, b) => a - b)[6] ?? Number.NaN
      assert.isAbove(allocated, 0)
      assert.isBelow(allocated, 160)
    }).pipe(Effect.provide(caches))
  )
})
