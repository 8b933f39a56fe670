/**
 * What actions come to, as it is sent.
 */
import { Schema } from "effect"
import { problems } from "../Recoveries.ts"

const Count = Schema.Finite

const IntegrityReport = Schema.Struct({
  domains: Schema.Array(
    Schema.Struct({
      domain: Schema.String,
      total: Count,
      found: Schema.Struct({
        valid: Count,
        restamped: Count,
        stale: Count,
        corrupt: Count,
        missing: Count,
        orphaned: Count,
        undecided: Count
      }),
      mended: Count
    })
  ),
  total: Count,
  foreign: Count,
  otherSchema: Count,
  mended: Count,
  findings: Schema.Array(
    Schema.Struct({
      key: Schema.String,
      verdict: Schema.Literals(["restamped", "stale", "corrupt", "missing", "orphaned", "undecided", "foreign"]),
      detail: Schema.String,
      mended: Schema.Boolean
    })
  ),
  failures: Schema.Array(Schema.String),
  millis: Count,
  isClean: Schema.Boolean
}).annotate({ identifier: "IntegrityReport" })

const WarmReport = Schema.Struct({
  path: Schema.Literals(["loaded", "verified"]),
  total: Count,
  loaded: Count,
  failures: Count,
  millis: Count,
  stages: Schema.Array(
    Schema.Struct({ name: Schema.String, total: Count, loaded: Count, failures: Schema.Array(Schema.String) })
  )
}).annotate({ identifier: "WarmReport" })

const Problem = Schema.Literals(problems)

/** A step of a recovery. */
const RecoveryStep = Schema.Union([
  Schema.TaggedStruct("Checked", { problem: Problem, finding: Schema.optional(Schema.String) }),
  Schema.TaggedStruct("Remedied", {
    problem: Problem,
    remedy: Schema.String,
    attempt: Count,
    error: Schema.optional(Schema.String)
  }),
  Schema.TaggedStruct("Resolved", { problem: Problem, attempts: Count }),
  Schema.TaggedStruct("NeedsPerson", { problem: Problem, attempts: Count, finding: Schema.String })
])

export type RecoveryStep = typeof RecoveryStep.Type

/** What an action came to. */
export const Outcome = Schema.Union([
  Schema.TaggedStruct("Recovered", { resolved: Schema.Boolean, trail: Schema.Array(RecoveryStep) }),
  Schema.TaggedStruct("Maintained", { resolved: Schema.Boolean, trail: Schema.Array(RecoveryStep) }),
  Schema.TaggedStruct("Rotated", {
    /** The key that writes. */
    key: Schema.String,
    seen: Count,
    current: Count,
    renewed: Count,
    removed: Count,
    overtaken: Count
  }),
  Schema.TaggedStruct("Verified", { report: IntegrityReport }),
  Schema.TaggedStruct("Repaired", { first: IntegrityReport, second: IntegrityReport }),
  Schema.TaggedStruct("Warmed", { report: WarmReport })
])
export type Outcome = typeof Outcome.Type

/** What takes longer than a request may. */
export const Kind = Schema.Literals(["warm", "verify", "repair", "rotate", "maintenance", "recovery"])
export type Kind = typeof Kind.Type

/** An action: what it is, how far it has come, and what it came to. */
export const Action = Schema.Struct({
  id: Schema.String,
  kind: Kind,
  /** `stopped`: it was ended before it was done. */
  state: Schema.Literals(["running", "done", "failed", "stopped"]),
  /** Epoch ms. */
  startedAt: Schema.Finite,
  endedAt: Schema.NullOr(Schema.Finite),
  progress: Schema.Struct({ stage: Schema.String, done: Count, total: Count }),
  outcome: Schema.NullOr(Outcome),
  /** Why it failed. */
  failure: Schema.NullOr(Schema.String)
}).annotate({ identifier: "Action" })
export interface Action extends Schema.Schema.Type<typeof Action> {}

/** Why a key is fresh, stale or absent: what `CacheManager.explain` answers. */
export const Explanation = Schema.Struct({
  key: Schema.String,
  storeKey: Schema.String,
  tier: Schema.Literals(["near", "store", "none"]),
  state: Schema.Literals(["fresh", "expired", "invalidated", "missing", "corrupt"]),
  because: Schema.String,
  position: Count,
  floor: Count,
  isTrusted: Schema.Boolean,
  entry: Schema.optional(
    Schema.Struct({
      stamp: Count,
      absent: Schema.Boolean,
      revision: Schema.Struct({ time: Count, sequence: Count }),
      createdAt: Count,
      freshUntil: Count,
      expiresAt: Count,
      bytes: Count,
      tags: Schema.Array(Schema.Struct({ tag: Schema.String, reachedAt: Count }))
    })
  ),
  invalidation: Schema.optional(
    Schema.Struct({
      tag: Schema.String,
      position: Count,
      cause: Schema.optional(Schema.String),
      by: Schema.optional(Schema.String)
    })
  )
}).annotate({ identifier: "Explanation" })
export interface Explanation extends Schema.Schema.Type<typeof Explanation> {}
