/**
 * What actions come to, as it is sent.
 */
import { Schema } from "effect"

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

/** What an action came to. */
export const Outcome = Schema.Union([
  Schema.TaggedStruct("Verified", { report: IntegrityReport }),
  Schema.TaggedStruct("Repaired", { first: IntegrityReport, second: IntegrityReport }),
  Schema.TaggedStruct("Warmed", { report: WarmReport })
])
export type Outcome = typeof Outcome.Type

/** What takes longer than a request may. */
export const Kind = Schema.Literals(["warm", "verify", "repair"])
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
