import { assert, describe, it } from "@effect/vitest"
import {
  CacheConfig,
  CacheManager,
  CacheStore,
  DependencyGraph,
  DomainCache,
  InvalidationLog,
  Lookup,
  Tag,
  Warmer,
  WarmStage
} from "@letletme/cache"
import { CacheError, StoreFailed } from "@letletme/cache/CacheError"
import { Context, Effect, Fiber, Layer, Schema, Stream } from "effect"
import { eventually, tiers } from "./tiers.ts"

const graph = DependencyGraph.make({ team: [], match: ["team"] })
const ids = Array.from({ length: 25 }, (_, index) => `${index}`)

class Source extends Context.Service<Source, { asked: Array<string>; fails: boolean }>()("test/Source") {
  static readonly layer = Layer.sync(this, () => Source.of({ asked: [], fails: false }))
}

const lookup = (kind: string) => (id: string) =>
  Source.use((source) =>
    Effect.suspend(() => {
      source.asked.push(`${kind} ${id}`)
      return source.fails && kind === "team" ? Effect.fail("the source is away") : Effect.succeed(Lookup.found(id))
    })
  )

const shape = { graph, id: Schema.String, value: Schema.String, timeToLive: "metadata" } as const

class Teams extends DomainCache.Service<Teams>()("test/Teams", { ...shape, domain: "team", lookup: lookup("team") }) {}
class Matches extends DomainCache.Service<Matches>()("test/Matches", {
  ...shape,
  domain: "match",
  lookup: lookup("match")
}) {}
class TeamMatches extends DomainCache.Service<TeamMatches>()("test/TeamMatches", {
  ...shape,
  domain: "match",
  list: { of: "team", name: "ids" },
  lookup: lookup("list")
}) {}

const stages = Effect.gen(function* () {
  const all = Effect.succeed(ids)
  const { stage } = WarmStage
  // Out of order on purpose: the graph and the kinds decide.
  return [
    stage({ name: "lists", domain: "match", kind: "related", cache: yield* TeamMatches, ids: all }),
    stage({ name: "matches", domain: "match", kind: "primary", cache: yield* Matches, ids: all }),
    stage({ name: "teams", domain: "team", kind: "primary", cache: yield* Teams, ids: all })
  ]
})

for (const [name, tier] of Object.entries(tiers)) {
  const app = Warmer.layer(graph, stages, { batch: 10, concurrency: 2 }).pipe(
    Layer.provideMerge(Layer.mergeAll(Teams.layer, Matches.layer, TeamMatches.layer)),
    Layer.provideMerge(tier()),
    Layer.provideMerge(Source.layer)
  )

  describe(`Warmer over ${name}`, () => {
    it.live("an empty cache is loaded: primary data by the graph's levels, then what is related", () =>
      Effect.gen(function* () {
        const { warm } = yield* Warmer
        const { asked } = yield* Source
        const report = yield* warm
        assert.strictEqual(report.path, "loaded")
        assert.deepStrictEqual([report.total, report.loaded, report.failures], [75, 75, 0])
        assert.deepStrictEqual([...new Set(asked.map((what) => what.split(" ")[0]))], ["team", "match", "list"])
      }).pipe(Effect.provide(app))
    )

    it.live("one that is not empty is verified: what is fresh is left alone", () =>
      Effect.gen(function* () {
        const { warm } = yield* Warmer
        const source = yield* Source
        yield* warm
        source.asked = []
        const again = yield* warm
        assert.deepStrictEqual([again.path, again.loaded], ["verified", 0])
        assert.deepStrictEqual(source.asked, [])
        assert.isTrue(again.stages.every(({ found, total }) => found.fresh === total))
      }).pipe(Effect.provide(app))
    )

    it.live("what is invalidated, missing or corrupt is loaded anew, and nothing else", () =>
      Effect.gen(function* () {
        const { warm } = yield* Warmer
        const { invalidate } = yield* CacheManager
        const source = yield* Source
        const store = yield* CacheStore
        const teams = yield* Teams
        yield* warm
        yield* invalidate({ primary: Tag.of("team", "3") })
        const missing = (yield* teams.explain("4")).storeKey
        const corrupt = (yield* teams.explain("5")).storeKey
        yield* store.remove([missing])
        yield* store.fill([
          {
            key: corrupt,
            stamp: 0,
            revision: { time: 0, sequence: 0 },
            bytes: Buffer.from("not an entry"),
            timeToLive: 60_000,
            overwrite: true
          }
        ])
        source.asked = []
        const report = yield* warm
        assert.deepInclude(report.stages.find((stage) => stage.name === "teams")?.found, {
          fresh: 22,
          invalidated: 1,
          missing: 1,
          corrupt: 1
        })
        assert.deepStrictEqual(
          report.stages.flatMap(({ loaded }) => loaded.map(({ key, was }) => `${key} ${was}`)).toSorted(),
          ["team:3 invalidated", "team:4 missing", "team:5 corrupt"]
        )
        assert.deepStrictEqual(source.asked.toSorted(), ["team 3", "team 4", "team 5"])
      }).pipe(Effect.provide(app))
    )

    it.live("a failure is reported, and the rest is warmed all the same", () =>
      Effect.gen(function* () {
        const { warm } = yield* Warmer
        const source = yield* Source
        source.fails = true
        const report = yield* warm
        assert.isAbove(report.failures, 0)
        assert.include(report.stages.find((stage) => stage.name === "teams")?.failures.join(), "the source is away")
        assert.strictEqual(report.stages.find((stage) => stage.name === "lists")?.loaded.length, 25)
        source.fails = false
        // The source was left alone for a moment after so many failures.
        yield* eventually(Effect.filterOrFail(warm, ({ failures }) => failures === 0))
      }).pipe(Effect.provide(app))
    )

    it.live("two runs at once are done one after the other, and the source is asked once", () =>
      Effect.gen(function* () {
        const { warm } = yield* Warmer
        const { asked } = yield* Source
        const [first, second] = yield* Effect.all([warm, warm], { concurrency: 2 })
        assert.deepStrictEqual([first.path, first.loaded], ["loaded", 75])
        assert.deepStrictEqual([second.path, second.loaded], ["verified", 0])
        assert.strictEqual(asked.length, 75)
      }).pipe(Effect.provide(app))
    )

    it.live("tells how far it has come, and that it is done", () =>
      Effect.gen(function* () {
        const { progress, warm } = yield* Warmer
        const seen = yield* Effect.forkScoped(
          progress.pipe(
            Stream.dropWhile(({ total }) => total === 0),
            Stream.takeUntil(({ total }) => total === 0),
            Stream.runCollect
          ),
          { startImmediately: true }
        )
        yield* warm
        const steps = Array.from(yield* Fiber.join(seen))
        assert.isTrue(steps.every(({ done, total }) => done <= Math.max(total, 0)))
        assert.deepStrictEqual(steps.at(-1), { stage: "idle", done: 0, total: 0 })
      }).pipe(Effect.scoped, Effect.provide(app))
    )
  })
}

describe("Warmer over a store that takes longer than a read waits for it", () => {
  const storeTimeout = 5

  /** A store whose writes take four times as long as a read would wait, and then fail or not. */
  const slowly = (isDown: () => boolean) =>
    Layer.effect(
      CacheStore,
      CacheStore.use((store) =>
        Effect.succeed(
          CacheStore.of({
            ...store,
            fill: (fills) =>
              Effect.sleep(storeTimeout * 4).pipe(
                Effect.andThen(
                  isDown()
                    ? Effect.fail(
                        new CacheError({
                          reason: new StoreFailed({ operation: "Writing", temporary: true, cause: "down" })
                        })
                      )
                    : store.fill(fills)
                )
              )
          })
        )
      )
    ).pipe(Layer.provide(CacheStore.layerMemory))

  const over = (isDown: () => boolean) =>
    Warmer.layer(graph, stages, { batch: 10, concurrency: 2 }).pipe(
      Layer.provideMerge(Layer.mergeAll(Teams.layer, Matches.layer, TeamMatches.layer)),
      Layer.provideMerge(CacheManager.layerOver),
      Layer.provideMerge(InvalidationLog.layerMemory),
      Layer.provideMerge(slowly(isDown)),
      Layer.provideMerge(Source.layer),
      Layer.provide(CacheConfig.layer({ storeTimeout }))
    )

  it.live("what counts as loaded is stored", () =>
    Effect.gen(function* () {
      const { warm } = yield* Warmer
      const teams = yield* Teams
      const report = yield* warm
      assert.deepStrictEqual([report.loaded, report.failures], [75, 0])
      assert.isTrue((yield* teams.inspect(ids)).every((condition) => condition === "fresh"))
    }).pipe(Effect.provide(over(() => false)))
  )

  it.live("what the store does not take is a failure, and loaded by the next run", () =>
    Effect.suspend(() => {
      let down = true
      return Effect.gen(function* () {
        const { warm } = yield* Warmer
        const failed = yield* warm
        assert.deepStrictEqual([failed.loaded, failed.failures], [0, 9])
        assert.include(failed.stages[0]?.failures[0], "Writing failed: down")
        down = false
        assert.strictEqual((yield* warm).loaded, 75)
      }).pipe(Effect.provide(over(() => down)))
    })
  )
})
