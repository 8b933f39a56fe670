/**
 * The error flow and the recovery flow through a whole cache: each branch, over memory and over Redis, by its trail.
 */
import { assert, describe, it } from "@effect/vitest"
import {
  CacheManager,
  CacheMetrics,
  CacheStore,
  DependencyGraph,
  DomainCache,
  ErrorFlow,
  Integrity,
  Lookup,
  Recovery,
  WarmStage
} from "@letletme/cache"
import { CacheError, StoreFailed } from "@letletme/cache/CacheError"
import type { Plan, Strategy } from "@letletme/cache/ErrorFlow"
import type { Procedure } from "@letletme/cache/Recovery"
import { Context, Effect, Layer, Option, PubSub, Schedule, Schema } from "effect"
import { tiers } from "./tiers.ts"

const graph = DependencyGraph.make({ team: [] })

const failure = (isTemporary: boolean) =>
  new CacheError({
    reason: new StoreFailed({ operation: "Reading the source", temporary: isTemporary, cause: "away" })
  })

/** The source of the tests: the failures that come next, and how often it was asked. */
class Source extends Context.Service<Source, { next: Array<CacheError>; asked: number }>()("test/Flows/Source") {
  static readonly layer = Layer.sync(this, () => Source.of({ next: [], asked: 0 }))
}

class Teams extends DomainCache.Service<Teams>()("test/Flows/Teams", {
  graph,
  domain: "team",
  id: Schema.String,
  value: Schema.String,
  timeToLive: "metadata",
  staleWhileRevalidate: "none",
  staleIfUnavailable: "none",
  lookup: (id: string) =>
    Source.use((source) =>
      Effect.suspend(() => {
        source.asked++
        const next = source.next.shift()
        return next === undefined ? Effect.succeed(Lookup.found(`team ${id}`)) : Effect.fail(next)
      })
    )
}) {}

const stages = Effect.map(Teams, (cache) => [
  WarmStage.stage({ name: "teams", domain: "team", kind: "primary", cache, ids: Effect.succeed(["1", "2"]) })
])
const retry = Schedule.recurs(2)

for (const [name, tier] of Object.entries(tiers)) {
  const cache = Integrity.layer(graph, stages).pipe(
    Layer.provideMerge(Teams.layer),
    Layer.provideMerge(Source.layer),
    Layer.provideMerge(tier())
  )

  describe(`the error flow over ${name}`, () => {
    /** Reads a team that was invalidated, of a source that fails so, and answers what came of it and the way there. */
    const read = (strategy: Strategy, failures: ReadonlyArray<CacheError>) =>
      Effect.gen(function* () {
        const teams = yield* Teams
        const source = yield* Source
        yield* teams.get("1")
        yield* teams.invalidate(["1"])
        source.next = [...failures]
        const errors = yield* ErrorFlow
        const steps = yield* errors.steps
        const plan: Plan<string, unknown, never> = {
          domain: "team",
          operation: "read",
          stale: Effect.option(teams.get("1", { staleWhileRevalidate: "invalidated" })),
          source: Effect.succeed("of the source"),
          default: () => "by default"
        }
        const answer = yield* Effect.result(errors.handle<string, unknown, never>(teams.get("1"), plan))
        const trail = (yield* PubSub.takeUpTo(steps, 256)).map((step) =>
          step._tag === "Classified"
            ? step.kind
            : step._tag === "FellBack"
              ? `${step.strategy} ${step.helped ? "helped" : "did not help"}`
              : step._tag === "Triggered"
                ? step.problem
                : step._tag
        )
        return { answer: answer._tag === "Success" ? answer.success : String(answer.failure), trail }
      }).pipe(
        Effect.scoped,
        Effect.provide(
          ErrorFlow.layer({ strategies: { team: strategy }, retry }).pipe(
            Layer.provideMerge(
              Recovery.layer({ procedures: { inconsistency: well, performance: well, connection: well } })
            ),
            Layer.provideMerge(cache)
          )
        )
      )
    const well: Procedure = { check: Effect.succeedNone, remedies: [] }
    const temporary = Array.from({ length: 3 }, () => failure(true))
    const tried = ["temporary", "Retried", "temporary", "Retried", "temporary"]

    it.live("temporary, and a retry helps: the answer", () =>
      Effect.gen(function* () {
        const { answer, trail } = yield* read("fail", temporary.slice(0, 2))
        assert.strictEqual(answer, "team 1")
        assert.deepStrictEqual(trail, ["temporary", "Retried", "temporary", "Retried"])
      })
    )

    for (const [strategy, expected] of [
      ["stale", "team 1"],
      ["source", "of the source"],
      ["default", "by default"]
    ] as const) {
      it.live(`temporary, and retries are exhausted: fallback to ${strategy}, log and count, trigger recovery`, () =>
        Effect.gen(function* () {
          const { answer, trail } = yield* read(strategy, temporary)
          assert.strictEqual(answer, expected)
          assert.deepStrictEqual(trail, [...tried, `${strategy} helped`, "Counted", "connection"])
        })
      )
    }

    it.live(
      "temporary, retries are exhausted, and the strategy is to fail: the error, counted, recovery triggered",
      () =>
        Effect.gen(function* () {
          const { answer, trail } = yield* read("fail", temporary)
          assert.include(answer, "It may pass: try again.")
          assert.deepStrictEqual(trail, [...tried, "fail did not help", "Counted", "connection"])
        })
    )

    it.live("permanent: no retry, the fallback answers", () =>
      Effect.gen(function* () {
        const { answer, trail } = yield* read("stale", [failure(false)])
        assert.strictEqual(answer, "team 1")
        assert.deepStrictEqual(trail, ["permanent", "stale helped", "Counted", "connection"])
      })
    )
  })

  describe(`the recovery flow over ${name}`, () => {
    /** Recovery whose checks and remedies are those of the cache itself. */
    const recovery = (remedy: "works" | "does nothing") =>
      Layer.unwrap(
        Effect.gen(function* () {
          const integrity = yield* Integrity
          const manager = yield* CacheManager
          const metrics = yield* CacheMetrics
          const works = remedy === "works"
          const near = Effect.map(metrics.counts, ({ domains }) => domains["team"]?.nearEntries ?? 0)
          return Recovery.layer({
            patience: "10 seconds",
            pause: "1 millis",
            procedures: {
              inconsistency: {
                check: Effect.map(integrity.verify, ({ isClean }) =>
                  isClean ? Option.none() : Option.some("not right")
                ),
                remedies: [{ name: "rebuild", apply: works ? integrity.repair : Effect.void }]
              },
              performance: {
                check: Effect.map(near, (entries) => (entries > 0 ? Option.some("full") : Option.none())),
                remedies: [{ name: "evict cold entries", apply: works ? manager.evict(1) : Effect.void }]
              },
              connection: { check: Effect.succeedNone, remedies: [] }
            }
          })
        })
      ).pipe(Layer.provideMerge(cache))

    /** The team's entry in the store becomes something that is no entry. */
    const spoil = Effect.gen(function* () {
      const teams = yield* Teams
      const store = yield* CacheStore
      yield* teams.getMany(["1", "2"])
      const { storeKey } = yield* teams.explain("1")
      const bytes = Buffer.from("not an entry")
      const revision = { time: 0, sequence: 0 }
      yield* store.fill([{ key: storeKey, stamp: 0, revision, bytes, timeToLive: 60_000, overwrite: true }])
    })
    const tags = (trail: ReadonlyArray<{ readonly _tag: string }>) => trail.map(({ _tag }) => _tag)

    it.live("inconsistency: found, rebuilt, verified, resolved", () =>
      Effect.gen(function* () {
        yield* spoil
        const { run } = yield* Recovery
        const { resolved, trail } = yield* run("inconsistency")
        assert.isTrue(resolved)
        assert.deepStrictEqual(tags(trail), ["Checked", "Remedied", "Checked", "Resolved"])
        assert.deepStrictEqual(yield* Teams.use((teams) => teams.inspect(["1", "2"])), ["fresh", "fresh"])
      }).pipe(Effect.provide(recovery("works")))
    )

    it.live("performance: found, cold entries evicted, resolved", () =>
      Effect.gen(function* () {
        yield* Teams.use((teams) => teams.getMany(["1", "2"]))
        const { run } = yield* Recovery
        const { resolved, trail } = yield* run("performance")
        assert.isTrue(resolved)
        assert.deepStrictEqual(tags(trail), ["Checked", "Remedied", "Checked", "Resolved"])
      }).pipe(Effect.provide(recovery("works")))
    )

    it.live("what no remedy helps against needs a person, after a bounded number of attempts", () =>
      Effect.gen(function* () {
        yield* spoil
        const { run, unresolved } = yield* Recovery
        const { resolved, trail } = yield* run("inconsistency")
        assert.isFalse(resolved)
        assert.strictEqual(tags(trail).at(-1), "NeedsPerson")
        assert.strictEqual(tags(trail).filter((tag) => tag === "Remedied").length, 3)
        assert.deepStrictEqual([...(yield* unresolved)], [["inconsistency", "not right"]])
      }).pipe(Effect.provide(recovery("does nothing")))
    )

    it.live("where nothing is wrong nothing is done", () =>
      Effect.gen(function* () {
        const { run } = yield* Recovery
        const { resolved, trail } = yield* run("connection")
        assert.isTrue(resolved)
        assert.deepStrictEqual(tags(trail), ["Checked", "Resolved"])
      }).pipe(Effect.provide(recovery("works")))
    )
  })
}
