/**
 * What the ratios usually are, and which of a quick run's are clearly lower: a loss that a change has brought.
 */
import type { Findings } from "./contest/Findings.ts"

/** The suites that a quick run needs. */
export const suites = ["l1", "l2", "mget"] as const

/**
 * Medians of quick runs, by client CPU time: it swings less than the rate on a machine that does something else beside.
 * After a lasting gain, raise them.
 */
const usual: Readonly<Record<string, number>> = {
  "l1.effectCache.cpu": 2.7,
  "l1.bentocache.cpu": 30,
  "l1.getOrLoad.bentocache.cpu": 14,
  "l2.c1.ioredisGet.cpu": 0.52,
  "l2.c64.ioredisBest.cpu": 0.68,
  "l2.c512.ioredisBest.cpu": 0.62,
  "mget.k1000.ioredisMget.cpu": 0.42
}

// A few short rounds scatter by a third: where none reaches half of the usual, that is no chance.
const room = 0.5

/**
 * What is clearly lower than usual, in words; and what a suite did not measure, which would hide a loss. Of all rounds the
 * best counts: a machine that is busy with something else makes nothing faster.
 */
export const losses = (findings: ReadonlyArray<Findings>): ReadonlyArray<string> => {
  const all = findings.flatMap(({ ratios }) => ratios)
  return Object.entries(usual).flatMap(([name, before]) => {
    const best = all.flatMap((ratio) => (ratio.name === name ? [ratio.max] : []))
    if (best.length === 0) return [`${name} was not measured`]
    const now = Math.max(...best)
    return now >= before * room ? [] : [`${name} is ${now.toFixed(2)}, usually ${before}`]
  })
}

// A task that only computes, and so has a core to itself where nobody else wants one.
const computing = "lru-cache · get"

/**
 * Which share of a core a task got that would have used a whole one. Below two thirds a quick run tells nothing: in its few
 * milliseconds of computing, code is measured before it is compiled.
 */
export const shareOfCore = (findings: ReadonlyArray<Findings>): number => {
  const rows = findings.flatMap(({ rows: all }) => all).filter(({ name }) => name === computing)
  const of = (wanted: string) => rows.find(({ metric }) => metric === wanted)?.median ?? Number.NaN
  return (of("ops/s") * of("client CPU ns/op")) / 1e9
}

/** The share of a core below which nothing can be said. */
export const leastShare = 2 / 3
