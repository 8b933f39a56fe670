/**
 * Counters of a cache, as plain numbers: counting costs a hit an addition. Readers take a copy.
 */
import { Context, Effect, Layer } from "effect"

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

/**
 * The counters of a cache.
 */
export class CacheMetrics extends Context.Service<
  CacheMetrics,
  {
    /** The counters of a domain, for the cache itself to add to. */
    readonly domain: (name: string, size: () => NearSize) => DomainCounts
    readonly countInvalidation: (cause: string, tags: number, patterns: number) => void
    readonly countStoreError: (operation: string) => void
    /** A copy of all counts. */
    readonly counts: Effect.Effect<CacheCounts>
  }
>()("@letletme/cache/CacheMetrics") {
  static readonly layer: Layer.Layer<CacheMetrics> = Layer.sync(this, () => {
    const domains = new Map<string, { readonly counts: DomainCounts; readonly size: () => NearSize }>()
    const invalidations = new Map<string, number>()
    const storeErrors = new Map<string, number>()
    let tagCount = 0
    let patternCount = 0

    const add = (map: Map<string, number>, key: string) => {
      const known = map.has(key) || map.size < maxCauses ? key : "other"
      map.set(known, (map.get(known) ?? 0) + 1)
    }

    return CacheMetrics.of({
      domain: (name, size) => {
        const counts = zero()
        domains.set(name, { counts, size })
        return counts
      },
      countInvalidation: (cause, tags, patterns) => {
        add(invalidations, cause.split(" ", 1)[0] ?? cause)
        tagCount += tags
        patternCount += patterns
      },
      countStoreError: (operation) => add(storeErrors, operation),
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
}
