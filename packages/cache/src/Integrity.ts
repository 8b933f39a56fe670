/**
 * Integrity: every entry beside the source, every key of the namespace beside what ought to be there, and the repair of
 * exactly what is not right.
 */
import { Clock, Context, Effect, Layer, Result, type Scope, Semaphore, Stream, SubscriptionRef } from "effect"
import type { Audited, Auditor, Verdict } from "./Auditor.ts"
import * as CacheConfig from "./CacheConfig.ts"
import type { CacheError } from "./CacheError.ts"
import { CacheManager } from "./CacheManager.ts"
import { CacheStore } from "./CacheStore.ts"
import type { DependencyGraph } from "./DependencyGraph.ts"
import * as Namespace from "./internal/namespace.ts"
import type { Tag } from "./Tag.ts"
import { idle, inOrder, type Progress, type Stage } from "./Warmer.ts"

/** How many entries of a domain got each verdict. */
export type Counts = Readonly<Record<Verdict, number>>

/** What was found of one domain or list. */
export interface DomainReport {
  readonly domain: string
  readonly total: number
  readonly found: Counts
  /** How many of them were mended. */
  readonly mended: number
}

/** An entry that is not right, or a key that does not belong. */
export interface Finding {
  /** The entry's key; of what is foreign, its name in the store. */
  readonly key: string
  readonly verdict: Exclude<Verdict, "valid"> | "foreign"
  readonly detail: string
  readonly mended: boolean
}

/** What came of one pass. */
export interface Report {
  readonly domains: ReadonlyArray<DomainReport>
  readonly total: number
  /** Keys of the namespace that are no entry of an open domain. */
  readonly foreign: number
  /** Entries of open domains in another schema: code of another version may read them, and they run out by themselves. */
  readonly otherSchema: number
  /** How many entries and keys were mended. */
  readonly mended: number
  /** The first 1,000; the counts are of all. */
  readonly findings: ReadonlyArray<Finding>
  /** What could not be looked at, and why: the first 100. */
  readonly failures: ReadonlyArray<string>
  readonly millis: number
  /** Every entry is valid, none is missing, nothing else is there, and all of it was looked at. */
  readonly isClean: boolean
}

/** What came of a repair: what was found and mended, and what a second pass found after it. */
export interface Repair {
  readonly first: Report
  readonly second: Report
}

/** How a pass proceeds. */
export interface Options {
  /** Entries in one round trip and one lookup. Default: 200. */
  readonly batch?: number | undefined
  /** Batches under way at once. Default: 4. */
  readonly concurrency?: number | undefined
  /** Domains and lists whose values may differ from the source for as long as they live: they are left alone. */
  readonly except?: ReadonlyArray<string> | undefined
}

const verdicts = { valid: 0, restamped: 0, stale: 0, corrupt: 0, missing: 0, orphaned: 0, undecided: 0 }
const maxFindings = 1_000
const maxFailures = 100

/** What a pass has found so far. */
const makeTally = () => {
  const domains = new Map<string, { found: Record<Verdict, number>; mended: number }>()
  const findings: Array<Finding> = []
  const failures: Array<string> = []
  // What computed entries must not be judged by.
  const suspects = new Set<Tag>()
  let [foreign, otherSchema, mended] = [0, 0, 0]

  const find = (finding: Finding) => {
    if (finding.mended) mended++
    if (findings.length < maxFindings) findings.push(finding)
  }

  return {
    suspects,
    audited: (domain: string, all: ReadonlyArray<Audited>) => {
      const ledger = domains.get(domain) ?? { found: { ...verdicts }, mended: 0 }
      domains.set(domain, ledger)
      for (const { detail, key, mended, verdict } of all) {
        ledger.found[verdict]++
        if (verdict === "valid") continue
        if (mended) ledger.mended++
        else suspects.add(key)
        find({ key, verdict, detail, mended })
      }
    },
    foreign: (key: string, mended: boolean) => {
      foreign++
      find({ key, verdict: "foreign", detail: "It is no entry of an open domain.", mended })
    },
    otherSchema: () => {
      otherSchema++
    },
    failed: (failure: string) => {
      if (failures.length < maxFailures) failures.push(failure)
    },
    report: (millis: number): Report => {
      const listed = Array.from(domains, ([domain, { found, mended }]): DomainReport => {
        const total = Object.values(found).reduce((sum, count) => sum + count, 0)
        return { domain, total, found, mended }
      })
      const sum = (of: (domain: DomainReport) => number) => listed.reduce((total, domain) => total + of(domain), 0)
      const total = sum((domain) => domain.total)
      const isClean = sum(({ found }) => found.valid) === total && foreign === 0 && failures.length === 0
      return { domains: listed, total, foreign, otherSchema, mended, findings, failures, millis, isClean }
    }
  }
}

/**
 * The verification and its repair. What counts as what, and why a repair keeps the protocol, is in `docs/integrity.md`.
 *
 * @example
 * ```ts
 * import { Integrity } from "@letletme/cache"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const integrity = yield* Integrity
 *   const report = yield* integrity.verify
 *   if (report.isClean) return report
 *   const { second } = yield* integrity.repair
 *   return second
 * })
 * ```
 */
export class Integrity extends Context.Service<
  Integrity,
  {
    /** Looks at everything and changes nothing. What could not be looked at is reported, not thrown. */
    readonly verify: Effect.Effect<Report>
    /** Mends whatever is not right, and looks at everything again. */
    readonly repair: Effect.Effect<Repair>
    /** How far the present pass has come. */
    readonly progress: Stream.Stream<Progress>
  }
>()("@letletme/cache/Integrity") {
  /**
   * Over the stages that a `Warmer` warms: their ids are those that ought to be there.
   */
  static readonly layer = <D extends string, E, R>(
    graph: DependencyGraph<D>,
    stages: Effect.Effect<ReadonlyArray<Stage<NoInfer<D>>>, E, R>,
    { batch = 200, concurrency = 4, except = [] }: Options = {}
  ): Layer.Layer<Integrity, E, CacheManager | CacheStore | Exclude<R, Scope.Scope>> =>
    Layer.effect(
      this,
      Effect.gen(function* () {
        const clock = yield* Clock.Clock
        const manager = yield* CacheManager
        const store = yield* CacheStore
        const { namespace } = yield* CacheConfig.Settings
        const order = inOrder(graph, yield* stages)
        const progress = yield* SubscriptionRef.make(idle)
        const single = yield* Semaphore.make(1)

        const pass = Effect.fn("Integrity.pass")(function* (mends: boolean): Effect.fn.Return<Report> {
          const startedAt = clock.currentTimeMillisUnsafe()
          const tally = makeTally()
          const owners = Namespace.owners(namespace, yield* manager.auditors)
          const expected = new Set<string>()

          const audit = Effect.fnUntraced(function* (auditor: Auditor, keys: ReadonlyArray<Tag>) {
            if (except.includes(auditor.domain)) return
            const audited = yield* Effect.result(auditor.audit(keys, { mends, suspects: tally.suspects }))
            if (Result.isSuccess(audited)) tally.audited(auditor.domain, audited.success)
            else tally.failed(`${keys.length} entries of ${auditor.domain}: ${audited.failure.message}`)
          })

          const prepared = yield* Effect.forEach(order, ({ name, prepare }) =>
            Effect.map(Effect.result(prepare), (result) => {
              if (Result.isSuccess(result)) return { name, keys: result.success.keys }
              tally.failed(`${name}: ${String(result.failure)}`)
              return { name, keys: [] }
            })
          )
          const total = prepared.reduce((sum, { keys }) => sum + keys.length, 0)
          yield* SubscriptionRef.set(progress, { stage: "starting", done: 0, total })
          for (const { keys, name } of prepared) {
            const auditor = owners.of(keys[0])
            if (auditor === undefined) {
              if (keys.length > 0) tally.failed(`${name}: no open domain has its keys`)
              continue
            }
            for (const key of keys) expected.add(auditor.storeKey(key))
            yield* Effect.forEach(
              inBatches(keys, batch),
              (some) =>
                Effect.andThen(
                  audit(auditor, some),
                  SubscriptionRef.update(progress, (at) => ({ ...at, stage: name, done: at.done + some.length }))
                ),
              { concurrency, discard: true }
            )
          }

          /** Looks at a page of the namespace: what no stage names. */
          const walk = Effect.fnUntraced(function* (page: ReadonlyArray<string>) {
            const unnamed = [...new Set(page)].filter((key) => !expected.has(key))
            for (const key of unnamed) expected.add(key)
            const { entries, foreign, otherSchema } = owners.apart(unnamed)
            otherSchema.forEach(tally.otherSchema)
            for (const [auditor, keys] of entries) {
              for (const some of inBatches(keys, batch)) yield* audit(auditor, some)
            }
            if (foreign.length === 0) return
            if (mends) yield* store.remove(foreign)
            for (const key of foreign) tally.foreign(key, mends)
          })
          yield* SubscriptionRef.update(progress, (at) => ({ ...at, stage: "keys of the namespace" }))
          yield* Stream.runForEach(store.scan(Namespace.prefix(namespace)), walk).pipe(
            Effect.catch((error: CacheError) => Effect.sync(() => tally.failed(`The namespace: ${error.message}`)))
          )
          yield* SubscriptionRef.set(progress, idle)
          return tally.report(clock.currentTimeMillisUnsafe() - startedAt)
        })

        return Integrity.of({
          verify: single.withPermit(pass(false)),
          repair: single.withPermit(
            Effect.gen(function* () {
              const first = yield* pass(true)
              return { first, second: yield* pass(false) }
            })
          ),
          progress: SubscriptionRef.changes(progress)
        })
      })
    )
}

const inBatches = <A>(items: ReadonlyArray<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size))
