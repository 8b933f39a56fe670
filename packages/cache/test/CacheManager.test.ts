import { assert, describe, it } from "@effect/vitest"
import { CacheManager, DependencyGraph, DomainCache, Lookup, Partitions, Tag } from "@letletme/cache"
import { Context, Deferred, Effect, Fiber, Layer, Option, Ref, Schema } from "effect"
import { redis, tiers } from "./tiers.ts"

const graph = DependencyGraph.make({ team: [], match: ["team"], table: ["match"] })

const Match = Schema.Struct({ id: Schema.String, home: Schema.String, away: Schema.String, goals: Schema.Int })
type Match = typeof Match.Type

/** The source of the tests: what it holds, how often it was asked, and a gate that holds a lookup up. */
class Source extends Context.Service<
  Source,
  {
    readonly matches: Map<string, Match>
    readonly asked: Array<string>
    readonly gate: Ref.Ref<Effect.Effect<void>>
  }
>()("test/Source") {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const gate = yield* Ref.make<Effect.Effect<void>>(Effect.void)
      const matches = new Map<string, Match>()
      for (const id of ["1", "2", "3"]) matches.set(id, { id, home: `h${id}`, away: `a${id}`, goals: 0 })
      return Source.of({ matches, asked: [], gate })
    })
  )
}

class MatchCache extends DomainCache.Service<MatchCache>()("test/MatchCache", {
  graph,
  domain: "match",
  id: Schema.String,
  value: Match,
  timeToLive: "metadata",
  dependsOn: ({ home, away }) => [Tag.of("team", home), Tag.of("team", away)],
  lookup: (id: string) =>
    Source.use(({ asked, gate, matches }) =>
      Effect.gen(function* () {
        asked.push(id)
        const answer = Lookup.fromOption(Option.fromUndefinedOr(matches.get(id)))
        yield* Effect.flatten(Ref.get(gate))
        return answer
      })
    )
}) {}

class TeamMatches extends DomainCache.Service<TeamMatches>()("test/TeamMatches", {
  graph,
  domain: "match",
  list: { of: "team", name: "ids" },
  id: Schema.String,
  value: Schema.Array(Schema.String),
  timeToLive: "metadata",
  lookup: (team: string) =>
    Source.use(({ asked, matches }) =>
      Effect.sync(() => {
        asked.push(`list ${team}`)
        return Lookup.found(
          [...matches.values()].filter(({ away, home }) => home === team || away === team).map(({ id }) => id)
        )
      })
    )
}) {}

class TableCache extends DomainCache.Service<TableCache>()("test/TableCache", {
  graph,
  domain: "table",
  id: Schema.String,
  value: Schema.Int,
  timeToLive: "derived",
  lookup: () =>
    Effect.gen(function* () {
      const { asked, matches } = yield* Source
      asked.push("table")
      const all = yield* MatchCache.use((cache) => cache.getMany([...matches.keys()]))
      return Lookup.found(all.reduce((sum, match) => sum + (Option.getOrUndefined(match)?.goals ?? 0), 0))
    })
}) {}

const partitioned = { of: () => undefined }
const within = Partitions.layerWithin("one")

type Tier = Layer.Layer<CacheManager, Layer.Error<ReturnType<typeof tiers.redis>> | Layer.Error<typeof redis>>

// A partition is a cache as any other.
const managers: Record<string, () => Tier> = {
  ...tiers,
  "a partition in memory": () => Layer.merge(Partitions.layerMemory(partitioned), within),
  "a partition in redis": () => Layer.merge(Partitions.layerRedis(partitioned), within).pipe(Layer.provide(redis))
}

for (const [name, tier] of Object.entries(managers)) {
  const app = TableCache.layer.pipe(
    Layer.provideMerge(Layer.mergeAll(MatchCache.layer, TeamMatches.layer)),
    Layer.provideMerge(tier()),
    Layer.provideMerge(Source.layer)
  )

  describe(`CacheManager over ${name}`, () => {
    it.live("loads once, and answers from the cache afterwards", () =>
      Effect.gen(function* () {
        const { asked } = yield* Source
        const matches = yield* MatchCache
        assert.strictEqual((yield* matches.get("1")).home, "h1")
        assert.strictEqual((yield* matches.get("1")).home, "h1")
        assert.deepStrictEqual(asked, ["1"])
        assert.strictEqual((yield* matches.explain("1")).state, "fresh")
      }).pipe(Effect.provide(app))
    )

    it.live("tells absent from unavailable, and remembers absent", () =>
      Effect.gen(function* () {
        const { asked } = yield* Source
        const matches = yield* MatchCache
        const error = yield* Effect.flip(matches.get("none"))
        assert.strictEqual(error.reason._tag, "Absent")
        assert.isTrue(Option.isNone(yield* matches.find("none")))
        assert.deepStrictEqual(asked, ["none"])
      }).pipe(Effect.provide(app))
    )

    it.live("a thousand callers of one key share one load", () =>
      Effect.gen(function* () {
        const { asked } = yield* Source
        const matches = yield* MatchCache
        const values = yield* Effect.forEach(Array.from({ length: 1_000 }), () => matches.get("1"), {
          concurrency: "unbounded"
        })
        assert.strictEqual(values.length, 1_000)
        assert.deepStrictEqual(asked, ["1"])
      }).pipe(Effect.provide(app))
    )

    it.live("getMany keeps the order and loads what is missing, once", () =>
      Effect.gen(function* () {
        const { asked } = yield* Source
        const matches = yield* MatchCache
        yield* matches.get("2")
        const values = yield* matches.getMany(["3", "2", "none", "1", "3"])
        assert.deepStrictEqual(
          values.map((value) => Option.getOrUndefined(value)?.id),
          ["3", "2", undefined, "1", "3"]
        )
        assert.deepStrictEqual(asked.toSorted(), ["1", "2", "3", "none"])
      }).pipe(Effect.provide(app))
    )

    it.live("an invalidated tag, a pattern and a cascade each reach what they name and nothing else", () =>
      Effect.gen(function* () {
        const cache = yield* CacheManager
        const matches = yield* MatchCache
        const state = (id: string) => Effect.map(matches.explain(id), (explanation) => explanation.state)
        const all = Effect.andThen(matches.getMany(["1", "2"]), Effect.void)
        yield* all
        yield* cache.invalidate({ primary: Tag.of("match", "1") })
        assert.deepStrictEqual([yield* state("1"), yield* state("2")], ["invalidated", "fresh"])
        yield* all
        yield* cache.invalidate({ primary: Tag.any("match", "team", "h2") })
        assert.deepStrictEqual([yield* state("1"), yield* state("2")], ["fresh", "invalidated"])
        yield* all
        yield* cache.invalidate({ primary: Tag.any("match") })
        assert.deepStrictEqual([yield* state("1"), yield* state("2")], ["invalidated", "invalidated"])
        yield* all
        const explanation = yield* matches.explain("1")
        assert.strictEqual(explanation.state, "fresh")
      }).pipe(Effect.provide(app))
    )

    it.live("a computed value depends on what its lookup read", () =>
      Effect.gen(function* () {
        const { asked, matches: held } = yield* Source
        const tables = yield* TableCache
        const matches = yield* MatchCache
        assert.strictEqual(yield* tables.get("all"), 0)
        const changed = { id: "2", home: "h2", away: "a2", goals: 3 }
        held.set("2", changed)
        const written = yield* matches.update("2", changed)
        assert.strictEqual(written._tag, "Updated")
        assert.strictEqual(yield* tables.get("all"), 3)
        assert.deepStrictEqual(asked.toSorted(), ["1", "2", "3", "table", "table"])
      }).pipe(Effect.provide(app))
    )

    it.live("an update that changes nothing appends nothing; an older revision is refused", () =>
      Effect.gen(function* () {
        const { asked, matches: held } = yield* Source
        const matches = yield* MatchCache
        const tables = yield* TableCache
        const value = { id: "1", home: "h1", away: "a1", goals: 1 }
        held.set("1", value)
        const revision = (time: number) => ({ revision: { time, sequence: 0 } })
        assert.strictEqual((yield* matches.update("1", value, revision(2_000)))._tag, "Updated")
        yield* tables.get("all")
        assert.strictEqual((yield* matches.update("1", value, revision(3_000)))._tag, "Unchanged")
        yield* tables.get("all")
        assert.strictEqual(asked.filter((what) => what === "table").length, 1)
        // What is older is not written. Its invalidation is appended: who was told of it may have seen more.
        assert.strictEqual((yield* matches.update("1", { ...value, goals: 9 }, revision(1_000)))._tag, "Superseded")
        // What is stated to be as it was is announced by nobody, whatever the store says of its revision.
        const [same] = yield* matches.updateMany(
          [{ id: "1", value: Option.some(value), before: Option.some(value) }],
          revision(1_000)
        )
        assert.strictEqual(same?._tag, "Unchanged")
        assert.strictEqual((yield* matches.get("1")).goals, 1)
      }).pipe(Effect.provide(app))
    )

    it.live(
      "an update that finds what was only loaded is announced, since another process may hold what was before",
      () =>
        Effect.gen(function* () {
          const { matches: held } = yield* Source
          const matches = yield* MatchCache
          const value = { id: "1", home: "h1", away: "a1", goals: 7 }
          held.set("1", value)
          yield* matches.get("1")
          assert.strictEqual((yield* matches.update("1", value))._tag, "Updated")
          assert.strictEqual((yield* matches.update("1", value))._tag, "Unchanged")
        }).pipe(Effect.provide(app))
    )

    it.live("an update that changes nothing takes its place among the writers", () =>
      Effect.gen(function* () {
        const matches = yield* MatchCache
        const value = { id: "1", home: "h1", away: "a1", goals: 1 }
        const revision = (time: number) => ({ revision: { time, sequence: 0 } })
        yield* matches.update("1", value, revision(1_000))
        assert.strictEqual((yield* matches.update("1", value, revision(3_000)))._tag, "Unchanged")
        const between = yield* matches.update("1", { ...value, goals: 2 }, revision(2_000))
        assert.strictEqual(between._tag, "Superseded")
        assert.notStrictEqual((yield* matches.get("1")).goals, 2)
      }).pipe(Effect.provide(app))
    )

    it.live("a put of what was read before an invalidation is not stored", () =>
      Effect.gen(function* () {
        const matches = yield* MatchCache
        const cache = yield* CacheManager
        const value = { id: "1", home: "h1", away: "a1", goals: 3 }
        const readAt = yield* cache.position
        assert.isTrue(yield* matches.put("1", value, { readAt }))
        yield* cache.invalidate({ primary: Tag.of("match", "1") })
        assert.isFalse(yield* matches.put("1", value, { readAt }))
        assert.strictEqual((yield* matches.explain("1")).state, "invalidated")
      }).pipe(Effect.provide(app))
    )

    it.live("a list is invalidated when a member joins or leaves, not when one changes", () =>
      Effect.gen(function* () {
        const { matches: held } = yield* Source
        const matches = yield* MatchCache
        const lists = yield* TeamMatches
        assert.deepStrictEqual(yield* lists.get("h1"), ["1"])
        yield* matches.get("1")
        const value = { id: "1", home: "h1", away: "a1", goals: 5 }
        // What was loaded does not tell what other processes hold, and so not which lists may have it.
        yield* matches.update("1", value)
        assert.strictEqual((yield* lists.explain("h1")).state, "invalidated")
        yield* lists.get("h1")
        // What came with an append does.
        yield* matches.update("1", { ...value, goals: 6 })
        assert.strictEqual((yield* lists.explain("h1")).state, "fresh")
        const moved = { id: "1", home: "h2", away: "a1", goals: 5 }
        held.set("1", moved)
        yield* lists.get("h2")
        yield* matches.update("1", moved)
        assert.deepStrictEqual(yield* lists.get("h1"), [])
        assert.deepStrictEqual(yield* lists.get("h2"), ["1", "2"])
      }).pipe(Effect.provide(app))
    )

    it.live("an invalidation during a load: the late fill is never served, and later callers do not join it", () =>
      Effect.gen(function* () {
        const { gate, matches: held } = yield* Source
        const matches = yield* MatchCache
        const cache = yield* CacheManager
        for (let trial = 0; trial < 50; trial++) {
          const reached = yield* Deferred.make<void>()
          const open = yield* Deferred.make<void>()
          held.set("1", { id: "1", home: "h1", away: "a1", goals: trial * 2 })
          yield* cache.invalidate({ primary: Tag.of("match", "1") })
          yield* Ref.set(gate, Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(open)))
          const early = yield* Effect.forkChild(matches.get("1"))
          yield* Deferred.await(reached)
          yield* Ref.set(gate, Effect.void)
          held.set("1", { id: "1", home: "h1", away: "a1", goals: trial * 2 + 1 })
          yield* cache.invalidate({ primary: Tag.of("match", "1") })
          const late = yield* matches.get("1")
          assert.strictEqual(late.goals, trial * 2 + 1)
          yield* Deferred.succeed(open, undefined)
          yield* Fiber.join(early)
          assert.strictEqual((yield* matches.get("1")).goals, trial * 2 + 1)
          assert.strictEqual((yield* matches.get("1", { skip: "near" })).goals, trial * 2 + 1)
        }
      }).pipe(Effect.provide(app))
    )

    it.live("getOrLoad loads with what the call brings, and shares it", () =>
      Effect.gen(function* () {
        const { asked } = yield* Source
        const matches = yield* MatchCache
        let loads = 0
        const load = Effect.sync(() => {
          loads++
          return Lookup.found({ id: "9", home: "h9", away: "a9", goals: 9 })
        })
        const all = yield* Effect.forEach([1, 2, 3], () => matches.getOrLoad("9", load), { concurrency: "unbounded" })
        assert.deepStrictEqual(
          all.map(({ goals }) => goals),
          [9, 9, 9]
        )
        assert.strictEqual((yield* matches.get("9")).goals, 9)
        assert.deepStrictEqual([loads, asked.length], [1, 0])
        const failed = yield* Effect.flip(matches.getOrLoad("10", Effect.fail("no luck" as const)))
        assert.strictEqual(failed, "no luck")
      }).pipe(Effect.provide(app))
    )

    it.live("an abandoned load is interrupted and leaks no lease", () =>
      Effect.gen(function* () {
        const { asked, gate } = yield* Source
        const matches = yield* MatchCache
        const reached = yield* Deferred.make<void>()
        const interrupted = yield* Deferred.make<void>()
        yield* Ref.set(
          gate,
          Effect.andThen(Deferred.succeed(reached, undefined), Effect.never).pipe(
            Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
          )
        )
        const caller = yield* Effect.forkChild(matches.get("1"))
        yield* Deferred.await(reached)
        yield* Fiber.interrupt(caller)
        yield* Deferred.await(interrupted)
        yield* Ref.set(gate, Effect.void)
        assert.strictEqual((yield* matches.get("1")).id, "1")
        assert.deepStrictEqual(asked, ["1", "1"])
      }).pipe(Effect.provide(app))
    )
  })
}
