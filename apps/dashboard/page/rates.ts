/**
 * From counts that grow to what happens now.
 */
import type { DomainNow, Overview } from "@letletme/warmer/live/Overview"

type Counts = Pick<DomainNow, "nearHits" | "storeHits" | "misses" | "stale" | "loads" | "loadFailures" | "loadMillis">

/** What happened in a span of time. */
export interface Rates {
  readonly readsPerSecond: number
  /** Of the reads; `undefined` where nothing was read. */
  readonly hitShare: number | undefined
  readonly loadsPerSecond: number
  readonly failures: number
  /** The mean of a lookup (ms); `undefined` where there was none. */
  readonly loadMillis: number | undefined
}

const names = ["nearHits", "storeHits", "misses", "stale", "loads", "loadFailures", "loadMillis"] as const

const sumOf = (domains: ReadonlyArray<Counts>): Counts => {
  const sum = { nearHits: 0, storeHits: 0, misses: 0, stale: 0, loads: 0, loadFailures: 0, loadMillis: 0 }
  for (const domain of domains) for (const name of names) sum[name] += domain[name]
  return sum
}

const between = (before: Counts, after: Counts, seconds: number): Rates => {
  const grown = (name: keyof Counts) => after[name] - before[name]
  const hits = grown("nearHits") + grown("storeHits")
  const reads = hits + grown("misses") + grown("stale")
  const loads = grown("loads") + grown("loadFailures")
  return {
    readsPerSecond: seconds > 0 ? reads / seconds : 0,
    hitShare: reads > 0 ? hits / reads : undefined,
    loadsPerSecond: seconds > 0 ? loads / seconds : 0,
    failures: grown("loadFailures"),
    loadMillis: loads > 0 ? grown("loadMillis") / loads : undefined
  }
}

/** Of all domains, or of one, over the latest overviews. */
export const latest = (overviews: ReadonlyArray<Overview>, seconds: number, domain?: string): Rates | undefined => {
  const last = overviews.at(-1)
  const first = overviews.find(({ at }) => last !== undefined && at >= last.at - seconds * 1000)
  if (last === undefined || first === undefined || first === last) return undefined
  const of = ({ domains }: Overview) => sumOf(domains.filter(({ name }) => domain === undefined || name === domain))
  return between(of(first), of(last), (last.at - first.at) / 1000)
}

/** Of each step from one overview to the next. */
export const steps = (
  overviews: ReadonlyArray<Overview>
): ReadonlyArray<{ readonly at: number; readonly rates: Rates }> =>
  overviews.slice(1).map((after, index) => {
    const before = overviews[index] ?? after
    return { at: after.at, rates: between(sumOf(before.domains), sumOf(after.domains), (after.at - before.at) / 1000) }
  })

/** Of the whole time since the process began. */
export const hitShareSince = (domain: DomainNow): number | undefined => {
  const hits = domain.nearHits + domain.storeHits
  const reads = hits + domain.misses + domain.stale
  return reads > 0 ? hits / reads : undefined
}
