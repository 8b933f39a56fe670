/**
 * An overview as a warmer might tell it.
 */
import type { Overview } from "@letletme/warmer/live/Overview"

const domain = (name: string, nearHits: number, misses: number) => ({
  name,
  dependsOn: [],
  nearEntries: 38,
  nearBytes: 12_345,
  nearHits,
  storeHits: 10,
  misses,
  stale: 0,
  loads: misses,
  loadFailures: 0,
  loadMillis: misses * 4,
  corrupt: 0,
  updates: 0
})

/** At that moment, with so many matches answered from the near cache. */
export const overview = (at: number, nearHits: number): Overview => ({
  at,
  process: "w1.3f0c9a52",
  startedAt: 0,
  season: "2030-31",
  health: { status: "ready", reasons: [] },
  leadership: { state: "leading", leader: "w1.3f0c9a52" },
  data: { revision: "2030-10-14T17:30:00Z", age: 2_000 },
  domains: [domain("match", nearHits, 10), domain("standing", 0, 0)],
  hottest: [
    { key: "standing:2030-31:overall", perSecond: 42.25 },
    { key: `match:2030-31:${"9".repeat(200)}`, perSecond: 0.5 }
  ],
  log: { position: 1_795_449_461_212_752, floor: 1, highest: 1_795_449_461_212_755, trusted: true, tags: 712 },
  invalidations: {},
  storeErrors: {},
  warmed: { path: "loaded", entries: 575, loaded: 575, millis: 210 },
  consistency: null,
  memory: { resident: 130_000_000, heap: 40_000_000, redis: { used: 3_000_000, limit: 268_435_456 } }
})
