/**
 * An entry of the log as it is sent.
 */
import { Schema } from "effect"

/** An entry of the log, and which domains it reached. */
export const LogEntry = Schema.Struct({
  position: Schema.Finite,
  /** When this process heard of it (epoch ms). */
  at: Schema.Finite,
  cause: Schema.String,
  by: Schema.String,
  /** At most 50 of them; `more` counts the others. */
  tags: Schema.Array(Schema.String),
  more: Schema.Int,
  domains: Schema.Array(Schema.String)
}).annotate({ identifier: "LogEntry" })
export type LogEntry = typeof LogEntry.Type
