/**
 * A consistency monitor for production: asks the source again for a sample of what the cache answers, and compares.
 *
 * @see https://engineering.fb.com/2022/06/08/core-infra/cache-made-consistent/ - caches that are monitored for
 * consistency, and the nines that they reach
 */
import { Clock, Context, Duration, Effect, Layer, Random, Schedule, Semaphore, Struct } from "effect"
import * as CacheConfig from "./CacheConfig.ts"
import type { CacheEvent, Inconsistency } from "./CacheEvent.ts"
import { CacheManager } from "./CacheManager.ts"
import * as Instruments from "./Instruments.ts"
import { carries } from "./internal/Shelf.ts"
import * as Meter from "./Meter.ts"
import type { Difference, Doubt, Examined, Probe } from "./Probe.ts"
import type { Tag } from "./Tag.ts"

/** How the monitor samples. */
export interface Options {
  /** A sample is taken once in this time. Default: one minute. */
  readonly window?: Duration.Input | undefined
  /** Of each domain or list at most so many entries in a window. Default: 100. */
  readonly sample?: number | undefined
  /**
   * Lookups of the monitor for each read and lookup of the domain, at most. Default: 0.01. `Infinity` is for a source that
   * costs nothing to ask: then only `sample` bounds them.
   */
  readonly share?: number | undefined
  /**
   * How long a difference has to last: longer than a change of the source may wait to be announced, and longer than the
   * source that this process asks may be behind the log. Default: twice `CacheConfig.maxStaleness`.
   */
  readonly grace?: Duration.Input | undefined
  /** Whether what is inconsistent is invalidated and loaded anew. Default: true. */
  readonly repair?: boolean | undefined
  /** A window in which this does not hold is passed over. Default: it always holds. */
  readonly when?: Effect.Effect<boolean> | undefined
  /** Domains and lists, as they are counted, whose values may differ from the source while they are fresh. */
  readonly except?: ReadonlyArray<string> | undefined
}

/** An inconsistency, as it is told. */
export type Finding = Extract<CacheEvent, { readonly _tag: "Inconsistent" }>

/** What was found of one domain or list. */
export interface DomainConsistency {
  /** Entries that were compared with the source: consistent or not. */
  readonly samples: number
  readonly inconsistent: Readonly<Record<Inconsistency, number>>
  readonly undecided: Readonly<Record<Doubt, number>>
  /** Lookups of the monitor. */
  readonly lookups: number
  readonly repaired: number
}

/** What was found since the monitor began. */
export interface Counts {
  readonly windows: number
  readonly samples: number
  readonly inconsistent: number
  readonly lookups: number
  /** The greatest age of an inconsistent entry (ms). */
  readonly oldest: number
  /**
   * The nines of consistent samples: 3 is 99.9 %. Where none was inconsistent, as many as so many samples can show.
   */
  readonly nines: number
  readonly domains: Readonly<Record<string, DomainConsistency>>
}

/** What came of one window. */
export interface Report {
  readonly samples: number
  readonly undecided: number
  readonly lookups: number
  readonly findings: ReadonlyArray<Finding>
}

/** What the monitor remembers of a domain. */
interface Ledger {
  readonly inconsistent: Record<Inconsistency, number>
  readonly undecided: Record<Doubt, number>
  /** The keys at hand that were looked at, longest ago first. */
  readonly seen: Set<Tag>
  /** Lookups that the domain's readers have paid for. */
  credit: number
  demand: number
  samples: number
  lookups: number
  repaired: number
}

const open = (): Ledger => ({
  inconsistent: { unannounced: 0, "tier-difference": 0, corrupt: 0, "stale-served": 0, "missing-dependency": 0 },
  undecided: { missing: 0, overtaken: 0, unanswered: 0, behind: 0, input: 0 },
  seen: new Set(),
  credit: 0,
  demand: 0,
  samples: 0,
  lookups: 0,
  repaired: 0
})

const copyOf = ({ inconsistent, lookups, repaired, samples, undecided }: Ledger): DomainConsistency => ({
  samples,
  inconsistent: { ...inconsistent },
  undecided: { ...undecided },
  lookups,
  repaired
})

// Entries that are looked at between two questions for the log's head.
const chunk = 16

const total = (record: Readonly<Record<string, number>>): number =>
  Object.values(record).reduce((sum, one) => sum + one, 0)

/**
 * The monitor. It exists only where its layer is provided; the read path does nothing for it. The rule by which it
 * judges is in `docs/monitor.md`.
 *
 * @example
 * ```ts
 * import { CacheManager, ConsistencyMonitor } from "@letletme/cache"
 * import { Effect, Layer } from "effect"
 *
 * const cache = ConsistencyMonitor.layer({ window: "1 minute", share: 0.01 }).pipe(
 *   Layer.provideMerge(CacheManager.layerMemory)
 * )
 *
 * const program = Effect.gen(function* () {
 *   const { inconsistent, nines, samples } = yield* ConsistencyMonitor.use(({ counts }) => counts)
 *   yield* Effect.log(`${inconsistent} of ${samples} samples were inconsistent: ${nines.toFixed(1)} nines`)
 * }).pipe(Effect.provide(cache))
 * ```
 */
export class ConsistencyMonitor extends Context.Service<
  ConsistencyMonitor,
  {
    /** Takes one sample now, and answers when it is judged: after `grace`, where something differs. */
    readonly check: Effect.Effect<Report>
    /** A copy of all counts. */
    readonly counts: Effect.Effect<Counts>
  }
>()("@letletme/cache/ConsistencyMonitor") {
  /** A monitor of all domains that are open in the manager in context, now or later. */
  static readonly layer = (options: Options = {}): Layer.Layer<ConsistencyMonitor, never, CacheManager> =>
    Layer.effect(
      this,
      Effect.gen(function* () {
        const manager = yield* CacheManager
        const clock = yield* Clock.Clock
        const { maxStaleness } = yield* CacheConfig.Settings
        const { repair = true, sample = 100, share = 0.01 } = options
        const window = Duration.toMillis(Duration.fromInputUnsafe(options.window ?? "1 minute"))
        const grace = Duration.toMillis(Duration.fromInputUnsafe(options.grace ?? maxStaleness * 2))
        const except = new Set(options.except)
        const single = yield* Semaphore.make(1)
        const ledgers = new Map<string, Ledger>()
        let windows = 0
        let oldest = 0

        const meter = yield* Meter.make

        const ledgerOf = (domain: string): Ledger => {
          const known = ledgers.get(domain)
          if (known !== undefined) return known
          const ledger = open()
          ledgers.set(domain, ledger)
          meter.observe(Instruments.samples, { domain }, () => ledger.samples)
          meter.observe(Instruments.monitorLookups, { domain }, () => ledger.lookups)
          for (const cause of Struct.keys(ledger.inconsistent)) {
            meter.observe(Instruments.inconsistent, { domain, cause }, () => ledger.inconsistent[cause])
          }
          for (const reason of Struct.keys(ledger.undecided)) {
            meter.observe(Instruments.undecided, { domain, reason }, () => ledger.undecided[reason])
          }
          return ledger
        }

        /** The keys to look at: half of them new ones, so that neither these nor the others wait for ever. */
        const pick = Effect.fnUntraced(function* (probe: Probe, { seen }: Ledger) {
          const keys = new Set(probe.keys())
          for (const key of seen) if (!keys.has(key)) seen.delete(key)
          const unseen = yield* Random.shuffle(keys.difference(seen))
          const first = unseen.slice(0, Math.max(sample - seen.size, Math.ceil(sample / 2)))
          return [...first, ...[...seen].slice(0, sample - first.length)]
        })

        /** Counts what came of a look, and pays for it. Answers the differences, which are not counted yet. */
        const settle = (ledger: Ledger, examined: ReadonlyArray<Examined>): ReadonlyArray<Difference> =>
          examined.flatMap((one) => {
            if (one.asked) {
              ledger.lookups++
              ledger.credit--
            }
            if (one._tag === "Consistent") ledger.samples++
            if (one._tag === "Undecided") ledger.undecided[one.because]++
            return one._tag === "Different" ? [one] : []
          })

        /** What a look answers whose log or store did not: what the source was asked for is not known. */
        const unanswered = (keys: ReadonlyArray<Tag>): ReadonlyArray<Examined> =>
          keys.map((key) => ({ _tag: "Undecided", key, because: "unanswered", asked: true }))

        const look = Effect.fnUntraced(function* (probe: Probe) {
          const ledger = ledgerOf(probe.domain)
          const demand = probe.demand()
          const earned = share === Number.POSITIVE_INFINITY ? share : share * Math.max(0, demand - ledger.demand)
          ledger.demand = demand
          ledger.credit = Math.min(ledger.credit + earned, sample * 2)
          const picked = yield* pick(probe, ledger)
          const suspects: Array<Difference> = []
          let next = 0
          // A difference is looked at twice: the second lookup is paid for before the first is made.
          const affordable = () => Math.min(chunk, Math.floor((ledger.credit - suspects.length) / 2))
          while (next < picked.length && affordable() > 0) {
            const keys = picked.slice(next, next + affordable())
            next += keys.length
            const examined = yield* Effect.orElseSucceed(probe.examine(keys), () => unanswered(keys))
            for (const key of keys) {
              ledger.seen.delete(key)
              ledger.seen.add(key)
            }
            suspects.push(...settle(ledger, examined))
          }
          return { probe, ledger, suspects }
        })

        const convict = Effect.fnUntraced(function* (probe: Probe, ledger: Ledger, found: Difference) {
          const { cause, detail, entry, key } = found
          const age = entry === undefined ? 0 : Math.max(0, clock.currentTimeMillisUnsafe() - entry.createdAt)
          const explanation = yield* Effect.orElseSucceed(probe.explain(key), () => undefined)
          const repaired = repair && (yield* probe.repair(found))
          const { domain } = probe
          const finding: Finding = { _tag: "Inconsistent", key, domain, cause, detail, age, explanation, repaired }
          ledger.samples++
          ledger.inconsistent[cause]++
          if (repaired) ledger.repaired++
          oldest = Math.max(oldest, age)
          probe.tell(finding)
          yield* Effect.logWarning(
            `${key} is inconsistent (${cause}): ${detail}${repaired ? " It was loaded anew." : ""}`
          )
          return finding
        })

        const confirm = Effect.fnUntraced(function* (
          { ledger, probe, suspects }: Effect.Success<ReturnType<typeof look>>,
          suspected: ReadonlyArray<Tag>
        ) {
          const findings: Array<Finding> = []
          for (let from = 0; from < suspects.length; from += chunk) {
            const some = suspects.slice(from, from + chunk)
            const again = yield* Effect.orElseSucceed(probe.confirm(some), () => unanswered(some.map(({ key }) => key)))
            for (const found of settle(ledger, again)) {
              // What was computed from something suspect says nothing of the entry.
              const isBlamed = suspected.some((key) => key !== found.key && carries(found.inputs, key))
              if (isBlamed) ledger.undecided.input++
              else findings.push(yield* convict(probe, ledger, found))
            }
          }
          return findings
        })

        const sums = () => {
          const all = [...ledgers.values()]
          const sum = (of: (ledger: Ledger) => number) => all.reduce((count, one) => count + of(one), 0)
          return {
            samples: sum(({ samples }) => samples),
            inconsistent: sum(({ inconsistent }) => total(inconsistent)),
            undecided: sum(({ undecided }) => total(undecided)),
            lookups: sum(({ lookups }) => lookups)
          }
        }

        const ninesOf = ({ inconsistent, samples }: Readonly<Record<"inconsistent" | "samples", number>>) =>
          samples === 0 ? 0 : Math.log10(samples / Math.max(1, inconsistent))
        meter.observe(Instruments.nines, {}, () => ninesOf(sums()))
        meter.observe(Instruments.inconsistentAge, {}, () => oldest / 1_000)

        const check = Effect.gen(function* () {
          const before = sums()
          const probes = (yield* manager.probes).filter(({ domain }) => !except.has(domain))
          const looked = yield* Effect.forEach(probes, look)
          const suspected = looked.flatMap(({ suspects }) => suspects.map(({ key }) => key))
          if (suspected.length > 0) yield* Effect.sleep(grace)
          const findings = yield* Effect.forEach(looked, (one) => confirm(one, suspected))
          windows++
          const after = sums()
          return {
            samples: after.samples - before.samples,
            undecided: after.undecided - before.undecided,
            lookups: after.lookups - before.lookups,
            findings: findings.flat()
          }
        }).pipe(single.withPermit, Effect.withSpan("ConsistencyMonitor.check"))

        const watch = Effect.catchDefect(Effect.when(check, options.when ?? Effect.succeed(true)), (defect) =>
          Effect.logError("The consistency monitor failed", defect)
        )
        yield* Effect.forkScoped(Effect.delay(Effect.repeat(watch, Schedule.fixed(window)), window))

        return ConsistencyMonitor.of({
          check,
          counts: Effect.sync(() => {
            const { inconsistent, lookups, samples } = sums()
            const domains = Array.from(ledgers, ([domain, ledger]) => [domain, copyOf(ledger)] as const)
            return {
              windows,
              samples,
              inconsistent,
              lookups,
              oldest,
              nines: ninesOf({ inconsistent, samples }),
              domains: Object.fromEntries(domains)
            }
          })
        })
      })
    )
}
