/**
 * Counters of a cache, as plain numbers: counting costs a hit an addition. Readers take a copy, and Effect's metrics read
 * them when they are exported.
 */
import { Context, Effect, Layer } from "effect"
import * as Instruments from "./Instruments.ts"
import * as Meter from "./Meter.ts"

/** The counts of one domain since its layer was built. */
export interface DomainCounts {
  /** Answered from the near cache. */
  nearHits: number
  /** Answered from the store. */
  storeHits: number
  /** Neither tier had a fresh value. */
  misses: number
  /** Answered with a stale value, as the policy allows. */
  stale: number
  /** Lookups that answered, and that failed. */
  loads: number
  loadFailures: number
  /** Time spent in lookups (ms). */
  loadMillis: number
  /** Waited for a load of another process. */
  leaseWaits: number
  /** Stored bytes that were not readable. */
  corrupt: number
  /** Writes refused because the store held something newer. */
  refused: number
  /** Updates that changed something, and that changed nothing. */
  updates: number
  unchanged: number
}

/** The counts of the whole cache. */
export interface CacheCounts {
  /** Appends by the first word of their cause. At most 256 are told apart; the rest count as `other`. */
  readonly invalidations: Readonly<Record<string, number>>
  /** Tags appended, and of them patterns. */
  readonly invalidatedTags: number
  readonly invalidatedPatterns: number
  /** Failed calls of the store and the log, by operation. */
  readonly storeErrors: Readonly<Record<string, number>>
  readonly domains: Readonly<Record<string, DomainCounts & NearSize>>
}

/** What the near cache of a domain holds. */
export interface NearSize {
  readonly nearEntries: number
  readonly nearBytes: number
}

/** Where a domain counts, and records how long what is no hit took (seconds). */
export interface DomainMeter {
  readonly counts: DomainCounts
  readonly read: (seconds: number) => void
  readonly load: (seconds: number) => void
}

const zero = (): DomainCounts => ({
  nearHits: 0,
  storeHits: 0,
  misses: 0,
  stale: 0,
  loads: 0,
  loadFailures: 0,
  loadMillis: 0,
  leaseWaits: 0,
  corrupt: 0,
  refused: 0,
  updates: 0,
  unchanged: 0
})

const maxCauses = 256

// The cache's own, by their first word.
const ownCauses = ["invalidate", "update", "monitor", "integrity", "restore"]

const operations = ["read", "poll", "lease", "release", "fill", "sync"] as const

/** A call of the store or, with `sync`, of the log. */
export type Operation = (typeof operations)[number]

/**
 * The first words of an application's causes, which the metric of invalidations tells apart beside the cache's own;
 * every other counts as `other`, since a cause may be anybody's text. Provide it to the layer of the counters.
 *
 * @example
 * ```ts
 * import { CacheManager, CacheMetrics } from "@letletme/cache"
 * import { Layer } from "effect"
 *
 * const cache = CacheManager.layerMemory.pipe(Layer.provide(Layer.succeed(CacheMetrics.Causes, ["import"])))
 * ```
 */
const Causes = Context.Reference<ReadonlyArray<string>>("@letletme/cache/CacheMetrics/Causes", {
  defaultValue: () => []
})

/**
 * The counters of a cache.
 */
export class CacheMetrics extends Context.Service<
  CacheMetrics,
  {
    /** The counters of a domain, for the cache itself to add to. */
    readonly domain: (name: string, size: () => NearSize) => DomainMeter
    readonly countInvalidation: (cause: string, tags: number, patterns: number) => void
    readonly countStoreError: (operation: Operation) => void
    /** How long a call took (seconds). */
    readonly timeStore: (operation: Operation, seconds: number) => void
    readonly timeAppend: (seconds: number) => void
    /** A copy of all counts. */
    readonly counts: Effect.Effect<CacheCounts>
  }
>()("@letletme/cache/CacheMetrics") {
  static readonly Causes = Causes

  static readonly layer: Layer.Layer<CacheMetrics> = Layer.effect(
    this,
    Effect.gen(function* () {
      const meter = yield* Meter.make
      const domains = new Map<string, { counts: DomainCounts; size: () => NearSize }>()
      const invalidations = new Map<string, number>()
      const storeErrors = new Map<string, number>()
      let tagCount = 0
      let patternCount = 0

      const known = new Set([...ownCauses, ...(yield* Causes), Meter.other])
      const byCause = new Map<string, number>()
      for (const cause of known) {
        meter.observe(Instruments.invalidations, { cause }, () => byCause.get(cause) ?? 0)
      }
      meter.observe(Instruments.invalidatedTags, { kind: "pattern" }, () => patternCount)
      meter.observe(Instruments.invalidatedTags, { kind: "tag" }, () => tagCount - patternCount)
      for (const operation of operations) {
        meter.observe(Instruments.storeFailures, { operation }, () => storeErrors.get(operation) ?? 0)
      }
      const store = {
        read: meter.recorder(Instruments.storeDuration, { operation: "read" }),
        poll: meter.recorder(Instruments.storeDuration, { operation: "poll" }),
        lease: meter.recorder(Instruments.storeDuration, { operation: "lease" }),
        release: meter.recorder(Instruments.storeDuration, { operation: "release" }),
        fill: meter.recorder(Instruments.storeDuration, { operation: "fill" }),
        sync: meter.recorder(Instruments.storeDuration, { operation: "sync" })
      }

      const add = (map: Map<string, number>, key: string) => map.set(key, (map.get(key) ?? 0) + 1)

      /** Of a domain that is opened again the numbers begin anew. */
      const open = (domain: string, size: () => NearSize) => {
        const before = domains.get(domain)
        if (before !== undefined) return Object.assign(before, { counts: zero(), size })
        const opened = { counts: zero(), size }
        domains.set(domain, opened)
        const count = <L extends string>(
          instrument: Meter.Instrument<L>,
          labels: Readonly<Record<NoInfer<L>, string>>,
          key: keyof DomainCounts
        ) => meter.observe(instrument, labels, () => opened.counts[key])
        count(Instruments.hits, { domain, tier: "near" }, "nearHits")
        count(Instruments.hits, { domain, tier: "store" }, "storeHits")
        count(Instruments.misses, { domain }, "misses")
        count(Instruments.stale, { domain }, "stale")
        count(Instruments.loads, { domain, outcome: "success" }, "loads")
        count(Instruments.loads, { domain, outcome: "failure" }, "loadFailures")
        count(Instruments.leaseWaits, { domain }, "leaseWaits")
        count(Instruments.corrupt, { domain }, "corrupt")
        count(Instruments.refused, { domain }, "refused")
        count(Instruments.updates, { domain, outcome: "changed" }, "updates")
        count(Instruments.updates, { domain, outcome: "unchanged" }, "unchanged")
        meter.observe(Instruments.nearEntries, { domain }, () => opened.size().nearEntries)
        meter.observe(Instruments.nearSize, { domain }, () => opened.size().nearBytes)
        return opened
      }

      return CacheMetrics.of({
        domain: (domain, size) => {
          const { counts } = open(domain, size)
          return {
            counts,
            read: meter.recorder(Instruments.readDuration, { domain }),
            load: meter.recorder(Instruments.loadDuration, { domain })
          }
        },
        countInvalidation: (cause, tags, patterns) => {
          const word = cause.split(" ", 1)[0] ?? cause
          add(invalidations, invalidations.has(word) || invalidations.size < maxCauses ? word : Meter.other)
          add(byCause, known.has(word) ? word : Meter.other)
          tagCount += tags
          patternCount += patterns
        },
        countStoreError: (operation) => add(storeErrors, operation),
        timeStore: (operation, seconds) => store[operation](seconds),
        timeAppend: meter.recorder(Instruments.appendDuration, {}),
        counts: Effect.sync(() => ({
          invalidations: Object.fromEntries(invalidations),
          invalidatedTags: tagCount,
          invalidatedPatterns: patternCount,
          storeErrors: Object.fromEntries(storeErrors),
          domains: Object.fromEntries(
            Array.from(domains, ([name, { counts, size }]) => [name, { ...counts, ...size() }] as const)
          )
        }))
      })
    })
  )
}
