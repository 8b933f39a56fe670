/**
 * Why a source gave no revision. What was held before is kept; nothing of a refused answer is used.
 */
import { Schema } from "effect"

/** The source could not be reached, or answered with an error. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {
  what: Schema.String,
  status: Schema.NullOr(Schema.Int),
  /** How long it asks to be left alone (ms). */
  retryAfter: Schema.NullOr(Schema.Finite),
  detail: Schema.String
}) {
  readonly temporary = true
  override get message(): string {
    const status = this.status === null ? "" : ` with status ${this.status}`
    return `${this.what} is not available${status}: ${this.detail}. It is asked again; the last good data stays.`
  }
}

/** The whole answer did not arrive in time. */
export class Timeout extends Schema.TaggedError<Timeout>()("Timeout", { what: Schema.String, millis: Schema.Finite }) {
  readonly temporary = true
  override get message(): string {
    return `${this.what} did not arrive whole within ${this.millis} ms. It is asked again; the last good data stays.`
  }
}

/** The game is being updated: the API is closed for a while. */
export class Maintenance extends Schema.TaggedError<Maintenance>()("Maintenance", { what: Schema.String }) {
  readonly temporary = true
  override get message(): string {
    return `${this.what}: the game is being updated. It is asked again later; the last good data stays.`
  }
}

/** The answer is not a whole JSON document. */
export class Malformed extends Schema.TaggedError<Malformed>()("Malformed", {
  what: Schema.String,
  detail: Schema.String
}) {
  readonly temporary = true
  override get message(): string {
    return `${this.what} is not a JSON document: ${this.detail}. Check what answers at that address; the last good data stays.`
  }
}

/** A field is missing or has the wrong form. */
export class Invalid extends Schema.TaggedError<Invalid>()("Invalid", { what: Schema.String, detail: Schema.String }) {
  readonly temporary = false
  override get message(): string {
    return `${this.what} does not have the expected form: ${this.detail}. If the API has changed, the model has to follow; the last good data stays.`
  }
}

/** Every part is well-formed, and they do not fit together. */
export class Incoherent extends Schema.TaggedError<Incoherent>()("Incoherent", { detail: Schema.String }) {
  readonly temporary = true
  override get message(): string {
    return `The parts of the data do not fit together: ${this.detail}. They may be of two moments, and are asked for again; the last good data stays.`
  }
}

/** Why a source gave no revision. */
export const Reason = Schema.Union([Unavailable, Timeout, Maintenance, Malformed, Invalid, Incoherent])
export type Reason = typeof Reason.Type

/** The error of a source. */
export class SourceError extends Schema.TaggedError<SourceError>()("SourceError", { reason: Reason }) {
  override get message(): string {
    return this.reason.message
  }

  /** Whether asking again may help. */
  get isTemporary(): boolean {
    return this.reason.temporary
  }
}
