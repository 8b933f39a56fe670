/**
 * Warming: an empty cache is loaded, primary data before related, each in the order of the graph; one that is not empty
 * is verified, and what is invalid is reloaded.
 */
import { Cause, Clock, Context, Effect, Layer, Result, type Scope, Semaphore, Stream, SubscriptionRef } from "effect"
import type { CacheError } from "./CacheError.ts"
import type { DependencyGraph } from "./DependencyGraph.ts"
import type { Condition, Domain, Warmed } from "./Domain.ts"
import * as Instruments from "./Instruments.ts"
import * as Meter from "./Meter.ts"
import type { Tag } from "./Tag.ts"

/** A stage's ids, read for one run. */
interface Prepared {
  readonly keys: ReadonlyArray<Tag>
  /** Looks at those between two places, and loads what is not fresh. */
  readonly warm: (from: number, to: number) => Effect.Effect<ReadonlyArray<Warmed<unknown>>, CacheError>
}

/** One kind of entries to warm. Make one with {@link stage}. */
export interface Stage<D extends string> {
  readonly name: string
  readonly domain: D
  /** Entities are primary; lists and what is computed are related, and come after all primary data. */
  readonly kind: "primary" | "related"
  readonly prepare: Effect.Effect<Prepared, unknown>
}

/** Describes a stage: a cache, and the ids to warm in it. */
export const stage = <D extends string, Id, A, E, E2>(options: {
  readonly name: string
  readonly domain: D
  readonly kind: "primary" | "related"
  readonly cache: Domain<Id, A, E>
  readonly ids: Effect.Effect<ReadonlyArray<Id>, E2>
}): Stage<D> => ({
  name: options.name,
  domain: options.domain,
  kind: options.kind,
  prepare: Effect.map(options.ids, (ids) => ({
    keys: ids.map(options.cache.key),
    warm: (from, to) => options.cache.warm(ids.slice(from, to))
  }))
})

/** The stages as they are worked off: primary data of every level of the graph first, then what is related to it. */
export const inOrder = <D extends string>(
  graph: DependencyGraph<D>,
  stages: ReadonlyArray<Stage<NoInfer<D>>>
): ReadonlyArray<Stage<D>> =>
  (["primary", "related"] as const).flatMap((kind) =>
    graph.levels.flatMap((level) => stages.filter((one) => one.kind === kind && level.includes(one.domain)))
  )

/** What came of one stage. */
export interface StageReport {
  readonly name: string
  readonly total: number
  /** How many entries were in each condition when they were looked at. */
  readonly found: Readonly<Record<Condition, number>>
  /** The keys that were loaded, and in what condition they had been. */
  readonly loaded: ReadonlyArray<{ readonly key: Tag; readonly was: Condition }>
  readonly failures: ReadonlyArray<string>
}

/** What came of a run. */
export interface Report {
  /** Whether the cache was empty, or was verified. */
  readonly path: "loaded" | "verified"
  readonly stages: ReadonlyArray<StageReport>
  readonly total: number
  readonly loaded: number
  readonly failures: number
  readonly millis: number
}

/** How far a run has come. */
export interface Progress {
  /** What is worked on; `idle` between two runs, when the other two are 0. */
  readonly stage: string
  readonly done: number
  readonly total: number
}

/** How a run proceeds. */
export interface Options {
  /** Ids in one round trip and one lookup. A run that breaks off loses at most one batch of each stage. */
  readonly batch: number
  /** Batches under way at once. */
  readonly concurrency: number
}

/** Nothing is under way. */
export const idle: Progress = { stage: "idle", done: 0, total: 0 }

/**
 * The warmer. Running it twice is harmless: the second run finds everything fresh.
 */
export class Warmer extends Context.Service<
  Warmer,
  {
    /**
     * Looks at everything, and loads what is not fresh. Failures are reported, not thrown: the rest is warmed all the
     * same. One run at a time: who asks during another waits for that, and then finds fresh what it loaded.
     */
    readonly warm: Effect.Effect<Report>
    /** How far the present run has come. */
    readonly progress: Stream.Stream<Progress>
  }
>()("@letletme/cache/Warmer") {
  /** A warmer of these stages, in the order of the graph. */
  static readonly layer = <D extends string, E, R>(
    graph: DependencyGraph<D>,
    stages: Effect.Effect<ReadonlyArray<Stage<NoInfer<D>>>, E, R>,
    options: Options = { batch: 200, concurrency: 4 }
  ): Layer.Layer<Warmer, E, Exclude<R, Scope.Scope>> =>
    Layer.effect(
      this,
      Effect.gen(function* () {
        const clock = yield* Clock.Clock
        const order = inOrder(graph, yield* stages)
        const progress = yield* SubscriptionRef.make(idle)
        const single = yield* Semaphore.make(1)

        const meter = yield* Meter.make
        const sums = { loaded: 0, kept: 0, failures: 0, millis: 0, endedAt: 0 }
        meter.observe(Instruments.warmed, { outcome: "loaded" }, () => sums.loaded)
        meter.observe(Instruments.warmed, { outcome: "kept" }, () => sums.kept)
        meter.observe(Instruments.warmFailures, {}, () => sums.failures)
        meter.observe(Instruments.warmDuration, {}, () => sums.millis / 1_000)
        meter.observe(Instruments.warmTime, {}, () => sums.endedAt / 1_000)

        const runStage = Effect.fnUntraced(function* (name: string, prepared: Result.Result<Prepared, unknown>) {
          const found = { fresh: 0, expired: 0, invalidated: 0, missing: 0, corrupt: 0 }
          const loaded: Array<{ readonly key: Tag; readonly was: Condition }> = []
          const failures: Array<string> = []
          if (Result.isFailure(prepared)) {
            return { name, total: 0, found, loaded, failures: [String(prepared.failure)] }
          }
          const { keys, warm } = prepared.success
          const starts = Array.from({ length: Math.ceil(keys.length / options.batch) }, (_, i) => i * options.batch)
          yield* Effect.forEach(
            starts,
            Effect.fnUntraced(function* (from) {
              const warmed = yield* Effect.result(warm(from, from + options.batch))
              if (warmed._tag === "Failure") {
                failures.push(warmed.failure.message)
                return
              }
              // A lookup that failed for a whole batch is one failure.
              const failed = new Set<string>()
              for (const [offset, { failure, was }] of warmed.success.entries()) {
                found[was]++
                const key = keys[from + offset]
                if (failure !== undefined) failed.add(String(Cause.squash(failure)))
                else if (key !== undefined && was !== "fresh") loaded.push({ key, was })
              }
              failures.push(...failed)
              yield* SubscriptionRef.update(progress, ({ done, total }) => ({
                stage: name,
                done: done + warmed.success.length,
                total
              }))
            }),
            { concurrency: options.concurrency, discard: true }
          )
          return { name, total: keys.length, found, loaded, failures }
        })

        const warm = Effect.fn("Warmer.warm")(function* (): Effect.fn.Return<Report> {
          const startedAt = clock.currentTimeMillisUnsafe()
          const prepared = yield* Effect.forEach(order, (one) =>
            Effect.map(Effect.result(one.prepare), (result) => ({ name: one.name, result }))
          )
          const entries = prepared.reduce(
            (count, { result }) => count + (Result.isSuccess(result) ? result.success.keys.length : 0),
            0
          )
          yield* SubscriptionRef.set(progress, { stage: "starting", done: 0, total: entries })
          const reports: Array<StageReport> = []
          for (const { name, result } of prepared) reports.push(yield* runStage(name, result))
          yield* SubscriptionRef.set(progress, idle)
          const sum = (of: (report: StageReport) => number) => reports.reduce((total, report) => total + of(report), 0)
          const total = sum((report) => report.total)
          const missing = sum(({ found }) => found.missing)
          const loaded = sum((report) => report.loaded.length)
          const failures = sum((report) => report.failures.length)
          const endedAt = clock.currentTimeMillisUnsafe()
          const millis = endedAt - startedAt
          sums.loaded += loaded
          sums.kept += sum(({ found }) => found.fresh)
          sums.failures += failures
          sums.millis = millis
          if (failures === 0) sums.endedAt = endedAt
          const path = total > 0 && missing === total ? "loaded" : "verified"
          return { path, stages: reports, total, loaded, failures, millis }
        })

        return Warmer.of({ warm: single.withPermit(warm()), progress: SubscriptionRef.changes(progress) })
      })
    )
}
