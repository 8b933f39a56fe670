import { assert, describe, it } from "@effect/vitest"
import {
  CacheManager,
  CacheMetrics,
  CacheStore,
  DependencyGraph,
  DomainCache,
  Integrity,
  InvalidationLog,
  Lookup,
  Tag,
  Warmer,
  WarmStage
} from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { Context, Effect, Fiber, Layer, Option, Schema, Stream } from "effect"
import { tiers } from "./tiers.ts"

const graph = DependencyGraph.make({ match: [], table: ["match"] })

/** The primary data: scores of matches by number. */
class Source extends Context.Service<
  Source,
  { scores: Map<number, number>; queries: number; size: number; fails: boolean; onQuery: Effect.Effect<void> }
>()("test/Source") {
  static readonly layer = Layer.sync(this, () =>
    Source.of({ scores: new Map(), queries: 0, size: 0, fails: false, onQuery: Effect.void })
  )
}

const fill = (source: Source["Service"], size: number) => {
  source.size = size
  for (let id = 1; id <= size; id++) source.scores.set(id, id)
}

const Match = Schema.Struct({ id: Schema.Int, score: Schema.Int })

class Matches extends DomainCache.Service<Matches>()("test/Matches", {
  graph,
  domain: "match",
  id: Schema.FiniteFromString,
  value: Match,
  timeToLive: "metadata",
  lookupMany: (questions) =>
    Effect.gen(function* () {
      const source = yield* Source
      source.queries++
      if (source.fails) return yield* Effect.fail("the source is away")
      const answers = questions.map(({ id }) =>
        Lookup.fromOption(Option.map(Option.fromUndefinedOr(source.scores.get(id)), (score) => ({ id, score })))
      )
      yield* source.onQuery
      return answers
    })
}) {}

/** A table sums four matches, which it reads through the cache. */
class Tables extends DomainCache.Service<Tables>()("test/Tables", {
  graph,
  domain: "table",
  id: Schema.FiniteFromString,
  value: Schema.Int,
  timeToLive: "derived",
  lookup: (id) =>
    Effect.gen(function* () {
      const matches = yield* Matches.use((cache) => cache.getMany([1, 2, 3, 4].map((at) => (id - 1) * 4 + at)))
      return Lookup.found(matches.flatMap(Option.toArray).reduce((sum, { score }) => sum + score, 0))
    })
}) {}

const tableCount = 20

// A load goes on without a store that is slow, as one is beside other tests: here each is to be stored.
const patient = { storeTimeout: 10_000 }

const stages = Effect.gen(function* () {
  const source = yield* Source
  const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1)
  return [
    WarmStage.stage({
      name: "matches",
      domain: "match",
      kind: "primary",
      cache: yield* Matches,
      ids: Effect.sync(() => numbers(source.size))
    }),
    WarmStage.stage({
      name: "tables",
      domain: "table",
      kind: "related",
      cache: yield* Tables,
      ids: Effect.sync(() => numbers(source.size === 0 ? 0 : tableCount))
    })
  ]
})

/** All keys of the store and what they hold, but for leases. */
const contents = Effect.gen(function* () {
  const store = yield* CacheStore
  const keys = (yield* Stream.runCollect(store.scan("letletme:"))).flat().filter((key) => !key.includes(":#lease:"))
  const found = yield* store.getMany(keys)
  return new Map(keys.map((key, index) => [key, Buffer.from(found[index] ?? []).toString("latin1")] as const))
})

const difference = (before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>) =>
  [...new Set([...before.keys(), ...after.keys()])].filter((key) => before.get(key) !== after.get(key)).toSorted()

/** Puts bytes under a key of the store, whatever they are. */
const plant = Effect.fnUntraced(function* (keys: ReadonlyArray<string>, bytes: Uint8Array) {
  const store = yield* CacheStore
  const revision = { time: 0, sequence: 0 }
  yield* store.fill(keys.map((key) => ({ key, stamp: 0, revision, bytes, timeToLive: 600_000, overwrite: true })))
})

const storeKeys = Effect.fnUntraced(function* (ids: ReadonlyArray<number>) {
  const matches = yield* Matches
  const { key, storeKey } = yield* matches.explain(1)
  return ids.map((id) => storeKey.replace(key, matches.key(id)))
})

const range = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index)

const none = { valid: 0, restamped: 0, stale: 0, corrupt: 0, missing: 0, orphaned: 0, undecided: 0 }

const foundOf = (report: Effect.Success<Integrity["Service"]["verify"]>, domain: string) =>
  report.domains.find((one) => one.domain === domain)?.found

for (const [name, tier] of Object.entries(tiers)) {
  const app = Layer.merge(Warmer.layer(graph, stages), Integrity.layer(graph, stages)).pipe(
    Layer.provideMerge(Tables.layer.pipe(Layer.provideMerge(Matches.layer))),
    Layer.provideMerge(tier(patient)),
    Layer.provideMerge(Source.layer)
  )

  const warmed = Effect.fnUntraced(function* (size: number) {
    const source = yield* Source
    fill(source, size)
    const { failures } = yield* Warmer.use(({ warm }) => warm)
    assert.strictEqual(failures, 0)
    // A cold cache is warmed with at most one lookup for each batch.
    assert.isAtMost(source.queries, Math.ceil(size / 200))
    source.queries = 0
    return source
  })

  describe(`Integrity over ${name}`, () => {
    it.live(
      "of 10,000 entries it finds exactly those that are not right, mends exactly those, and then finds none",
      () =>
        Effect.gen(function* () {
          const integrity = yield* Integrity
          const manager = yield* CacheManager
          const matches = yield* Matches
          const store = yield* CacheStore
          const source = yield* warmed(10_000 - tableCount)
          // Orphans: the source had them once.
          const orphans = range(20_000, 100)
          for (const id of orphans) source.scores.set(id, id)
          yield* matches.getMany(orphans)
          for (const id of orphans) source.scores.delete(id)
          const [corrupt, missing, announced, unannounced] = [1_000, 2_000, 3_000, 3_500].map((from, index) =>
            range(from, index < 2 ? 100 : 50)
          )
          assert(corrupt && missing && announced && unannounced)
          yield* plant(yield* storeKeys(corrupt), Buffer.from("LLC1 not an entry"))
          yield* store.remove(yield* storeKeys(missing))
          yield* manager.invalidate(announced.map((id) => ({ primary: matches.key(id) })))
          for (const id of [...announced, ...unannounced]) source.scores.set(id, -id)
          const foreign = range(1, 10).map((at) => `letletme:${at % 2 === 0 ? "stranger:" : "match:*"}${at}`)
          yield* plant(foreign, Buffer.from("of somebody else"))

          source.queries = 0
          const before = yield* contents
          const verified = yield* integrity.verify
          assert.deepStrictEqual(difference(before, yield* contents), [])
          const expected = { ...none, valid: 9_980 - 300, corrupt: 100, missing: 100, stale: 100, orphaned: 100 }
          assert.deepStrictEqual(foundOf(verified, "match"), expected)
          assert.deepStrictEqual(foundOf(verified, "table"), { ...none, valid: tableCount })
          assert.deepStrictEqual([verified.foreign, verified.otherSchema, verified.isClean], [10, 0, false])
          const keysOf = (ids: ReadonlyArray<number>) => ids.map(matches.key)
          assert.deepStrictEqual(
            verified.findings.map(({ key, verdict }) => `${verdict} ${key}`).toSorted(),
            [
              ...keysOf(corrupt).map((key) => `corrupt ${key}`),
              ...keysOf(missing).map((key) => `missing ${key}`),
              ...keysOf([...announced, ...unannounced]).map((key) => `stale ${key}`),
              ...keysOf(orphans).map((key) => `orphaned ${key}`),
              ...foreign.map((key) => `foreign ${key}`)
            ].toSorted()
          )
          // One lookup for each batch of 200 that has an entry; pages of the namespace bring the orphans.
          assert.isAtMost(source.queries, 50 + 100)

          const wrong = [...corrupt, ...missing, ...announced, ...unannounced, ...orphans]
          const writes = yield* countCommands
          const { first, second } = yield* integrity.repair
          const written = yield* countCommands
          const touched = [...(yield* storeKeys(wrong)), ...foreign].toSorted()
          assert.deepStrictEqual(difference(before, yield* contents), touched)
          assert.strictEqual(first.mended, 410)
          assert.deepStrictEqual(foundOf(first, "match"), expected)
          assert.isTrue(second.isClean)
          assert.deepStrictEqual([second.total, second.mended, second.findings], [10_000, 0, []])
          if (writes !== undefined && written !== undefined) {
            // Each wrong entry is written once, or deleted; the unreadable ones make room first.
            assert.strictEqual(written.set - writes.set, 300)
            assert.isAtMost(written.unlink - writes.unlink, 100 + 100 + 10)
          }
          assert.deepStrictEqual(yield* matches.get(3_500), { id: 3_500, score: -3_500 })
        }).pipe(Effect.provide(app))
    )

    it.live("what is right and stale is stamped anew: one read of the cache, nothing is loaded", () =>
      Effect.gen(function* () {
        const integrity = yield* Integrity
        const log = yield* InvalidationLog
        const manager = yield* CacheManager
        const metrics = yield* CacheMetrics
        const source = yield* warmed(1_000)
        const before = yield* contents
        // As after a restart: the floor is above every stamp.
        yield* log.compact(yield* manager.invalidate({ primary: Tag.of("elsewhere") }))
        const loads = Effect.map(metrics.counts, ({ domains }) => Object.values(domains).map((one) => one.loads))
        const loadsBefore = yield* loads
        const reads = yield* countCommands
        const { first, second } = yield* integrity.repair
        const read = yield* countCommands
        assert.deepStrictEqual(foundOf(first, "match"), { ...none, restamped: 1_000 })
        assert.deepStrictEqual(foundOf(first, "table"), { ...none, restamped: tableCount })
        assert.strictEqual(first.mended, 1_000 + tableCount)
        assert.isTrue(second.isClean)
        assert.deepStrictEqual(yield* loads, loadsBefore)
        // One reading of each batch in each of the two passes, of which there are six; and one lookup of the five of matches.
        if (reads !== undefined && read !== undefined) assert.strictEqual(read.mget - reads.mget, 2 * 6)
        assert.strictEqual(source.queries, 2 * 5)
        assert.strictEqual(difference(before, yield* contents).length, 1_000 + tableCount)
      }).pipe(Effect.provide(app))
    )

    it.live("a computed entry is not judged by what is not right itself; a repair mends both", () =>
      Effect.gen(function* () {
        const integrity = yield* Integrity
        const tables = yield* Tables
        const source = yield* warmed(80)
        source.scores.set(1, 100)
        const verified = yield* integrity.verify
        assert.deepStrictEqual(
          verified.findings.map(({ key, verdict }) => [verdict, key]),
          [
            ["stale", "match:1"],
            ["undecided", "table:1"]
          ]
        )
        const { second } = yield* integrity.repair
        assert.isTrue(second.isClean)
        assert.strictEqual(yield* tables.get(1), 100 + 2 + 3 + 4)
      }).pipe(Effect.provide(app))
    )

    it.live("a write that comes while the source is asked stays", () =>
      Effect.gen(function* () {
        const integrity = yield* Integrity
        const matches = yield* Matches
        const source = yield* warmed(80)
        const store = yield* CacheStore
        const [corrupt] = yield* storeKeys([7])
        assert(corrupt !== undefined)
        yield* plant([corrupt], Buffer.from("not an entry"))
        yield* store.remove(yield* storeKeys([8]))
        let isFirst = true
        source.onQuery = Effect.suspend(() => {
          if (!isFirst) return Effect.void
          isFirst = false
          source.scores.set(7, 700).set(8, 800)
          return Effect.orDie(
            matches.updateMany([
              { id: 7, value: Option.some({ id: 7, score: 700 }) },
              { id: 8, value: Option.some({ id: 8, score: 800 }) }
            ])
          )
        })
        const { second } = yield* integrity.repair
        assert.deepStrictEqual(second.findings, [])
        assert.deepStrictEqual(yield* matches.getMany([7, 8], { skip: "near" }), [
          Option.some({ id: 7, score: 700 }),
          Option.some({ id: 8, score: 800 })
        ])
      }).pipe(Effect.provide(app))
    )

    it.live("what the source does not answer is undecided, and left alone", () =>
      Effect.gen(function* () {
        const integrity = yield* Integrity
        const source = yield* warmed(80)
        source.fails = true
        const before = yield* contents
        const { first, second } = yield* integrity.repair
        assert.deepStrictEqual(foundOf(first, "match"), { ...none, undecided: 80 })
        assert.deepStrictEqual([first.mended, second.isClean], [0, false])
        assert.deepStrictEqual(difference(before, yield* contents), [])
      }).pipe(Effect.provide(app))
    )

    it.live("entries of another schema and leases are left alone; what was cached as absent is right", () =>
      Effect.gen(function* () {
        const integrity = yield* Integrity
        const matches = yield* Matches
        yield* warmed(80)
        yield* matches.find(5_000)
        yield* plant(["letletme:match:1@00000000", "letletme:#lease:match:1@00000000"], Buffer.from("1"))
        const { first, second } = yield* integrity.repair
        assert.deepStrictEqual([first.otherSchema, first.foreign, first.mended], [1, 0, 0])
        assert.deepStrictEqual(foundOf(first, "match"), { ...none, valid: 81 })
        assert.isTrue(second.isClean)
      }).pipe(Effect.provide(app))
    )

    it.live("tells how far it has come", () =>
      Effect.gen(function* () {
        const { progress, verify } = yield* Integrity
        yield* warmed(80)
        const seen = yield* Effect.forkScoped(
          progress.pipe(
            Stream.dropWhile(({ total }) => total === 0),
            Stream.takeUntil(({ total }) => total === 0),
            Stream.runCollect
          ),
          { startImmediately: true }
        )
        yield* verify
        const steps = yield* Fiber.join(seen)
        assert.isTrue(steps.every(({ done, total }) => done <= total))
        assert.deepStrictEqual(steps.at(-1), { stage: "idle", done: 0, total: 0 })
      }).pipe(Effect.scoped, Effect.provide(app))
    )
  })
}

/** How many times a real server was told to read keys, to write or to delete one; nothing over memory. */
const countCommands = Effect.gen(function* () {
  const redis = yield* Effect.serviceOption(Redis)
  if (Option.isNone(redis)) return undefined
  const [stats] = yield* redis.value.pipeline([["INFO", "commandstats"]])
  const text = stats?._tag === "Success" ? String(stats.success) : ""
  const calls = (command: string) => Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(text)?.[1] ?? 0)
  return { mget: calls("mget"), set: calls("set"), unlink: calls("unlink") }
})

it.live("a key that SCAN answers twice is looked at once", () => {
  const twice = Layer.effect(
    CacheStore,
    CacheStore.useSync((store) =>
      CacheStore.of({ ...store, scan: (prefix) => Stream.map(store.scan(prefix), (keys) => [...keys, ...keys]) })
    )
  ).pipe(Layer.provide(CacheStore.layerMemory))
  const manager = CacheManager.layerOver.pipe(
    Layer.provideMerge(InvalidationLog.layerMemory),
    Layer.provideMerge(twice)
  )
  return Effect.gen(function* () {
    const matches = yield* Matches
    const integrity = yield* Integrity
    yield* matches.find(5_000)
    yield* plant(["letletme:stranger"], Buffer.from("x"))
    const report = yield* integrity.verify
    assert.deepStrictEqual([report.total, report.foreign], [1, 1])
  }).pipe(
    Effect.provide(
      Integrity.layer(graph, stages).pipe(
        Layer.provideMerge(Tables.layer.pipe(Layer.provideMerge(Matches.layer))),
        Layer.provideMerge(manager),
        Layer.provideMerge(Source.layer)
      )
    )
  )
})

it.live("after a loss of the log on a server, what is left is stamped anew and nothing is loaded", () =>
  Effect.gen(function* () {
    const integrity = yield* Integrity
    const metrics = yield* CacheMetrics
    const redis = yield* Redis
    const source = yield* Source
    fill(source, 400)
    yield* Warmer.use(({ warm }) => warm)
    const loads = Effect.map(metrics.counts, ({ domains }) => Object.values(domains).map((one) => one.loads))
    const before = yield* loads
    // As a failover does to which the last appends did not get through: a new incarnation begins.
    yield* redis.remove(["{letletme}:table"])
    const { first, second } = yield* integrity.repair
    assert.deepStrictEqual(foundOf(first, "match"), { ...none, restamped: 400 })
    assert.deepStrictEqual(foundOf(first, "table"), { ...none, restamped: tableCount })
    assert.isTrue(second.isClean)
    assert.deepStrictEqual(yield* loads, before)
  }).pipe(
    Effect.provide(
      Layer.merge(Warmer.layer(graph, stages), Integrity.layer(graph, stages)).pipe(
        Layer.provideMerge(Tables.layer.pipe(Layer.provideMerge(Matches.layer))),
        Layer.provideMerge(tiers.redis(patient)),
        Layer.provideMerge(Source.layer)
      )
    )
  )
)
