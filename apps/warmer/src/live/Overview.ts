/**
 * Everything about a warmer at a glance, as it is sent.
 */
import { Schema } from "effect"

const Count = Schema.Finite

/** A domain of the graph. Counts have grown since the process began; sizes are those of its near cache. */
export const DomainNow = Schema.Struct({
  name: Schema.String,
  dependsOn: Schema.Array(Schema.String),
  nearEntries: Count,
  nearBytes: Count,
  nearHits: Count,
  storeHits: Count,
  misses: Count,
  stale: Count,
  loads: Count,
  loadFailures: Count,
  /** Milliseconds spent in lookups. */
  loadMillis: Count,
  corrupt: Count,
  updates: Count
})
export type DomainNow = { -readonly [K in keyof typeof DomainNow.Type]: (typeof DomainNow.Type)[K] }

/** How far something has come; nothing is under way where `total` is 0. */
export const Progress = Schema.Struct({
  what: Schema.Literals(["warm", "verify"]),
  stage: Schema.String,
  done: Count,
  total: Count
}).annotate({ identifier: "Progress" })
export type Progress = typeof Progress.Type

/** A key, and about how often it is read. */
export const HotKey = Schema.Struct({ key: Schema.String, perSecond: Schema.Finite }).annotate({ identifier: "HotKey" })
export type HotKey = typeof HotKey.Type

/** The overview. Times are epoch milliseconds. */
export const Overview = Schema.Struct({
  at: Count,
  /** What the log calls this process. */
  process: Schema.String,
  startedAt: Count,
  season: Schema.NullOr(Schema.String),
  health: Schema.Struct({
    status: Schema.Literals(["starting", "ready", "degraded", "stopping"]),
    reasons: Schema.Array(Schema.String)
  }),
  leadership: Schema.Struct({
    state: Schema.Literals(["leading", "standing by", "unknown"]),
    leader: Schema.NullOr(Schema.String)
  }),
  data: Schema.Struct({
    /** When the source stated what is in force. */
    revision: Schema.NullOr(Schema.String),
    /** Milliseconds since the source last answered this process. */
    age: Schema.NullOr(Count)
  }),
  domains: Schema.Array(DomainNow),
  /** The keys that are read most in this process, about how often. */
  hottest: Schema.Array(HotKey),
  log: Schema.Struct({
    position: Count,
    floor: Count,
    /** The highest position that was heard of: the view lags where it is above its own. */
    highest: Count,
    trusted: Schema.Boolean,
    /** Tags that the view remembers. */
    tags: Count
  }),
  /** Appends of this process, by the first word of their cause. */
  invalidations: Schema.Record(Schema.String, Count),
  storeErrors: Schema.Record(Schema.String, Count),
  warmed: Schema.NullOr(Schema.Struct({ path: Schema.String, entries: Count, loaded: Count, millis: Count })),
  consistency: Schema.NullOr(Schema.Struct({ samples: Count, inconsistent: Count, nines: Count, oldest: Count })),
  memory: Schema.Struct({
    /** Bytes: of the process, of its heap in use, and of Redis with its limit (0: none). */
    resident: Count,
    heap: Count,
    redis: Schema.NullOr(Schema.Struct({ used: Count, limit: Count }))
  })
}).annotate({ identifier: "Overview" })
export type Overview = typeof Overview.Type
