/**
 * What can go wrong in the cache, as one tagged error with a tagged reason.
 */
import { Schema } from "effect"

/** The entity does not exist: the source said so. It is an answer, and may itself be cached. */
export class Absent extends Schema.TaggedError<Absent>()("Absent", { key: Schema.String }) {
  override get message(): string {
    return `${this.key} does not exist at the source. Use \`find\` where that is an answer to expect.`
  }
}

/**
 * The value is not cached, and the source was not asked.
 *
 * - `overloaded`: so many lookups run and wait already that this one was shed.
 * - `failing`: lookups of the domain failed so often that the source is left alone for a while.
 * - `failed`: the load that another caller brought, and this one waited for, failed.
 */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {
  key: Schema.String,
  because: Schema.Literals(["overloaded", "failing", "failed"]),
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.key} is not available: ${this.detail}. Try again later, or let the domain serve stale values.`
  }
}

/** A bound on time was reached. */
export class Timeout extends Schema.TaggedError<Timeout>()("Timeout", {
  operation: Schema.String,
  millis: Schema.Finite
}) {
  override get message(): string {
    return `${this.operation} took longer than ${this.millis} ms. Check the source and Redis, or raise the time-out.`
  }
}

/** The store or the log failed. An invalidation that fails so is not acknowledged: do it again. */
export class StoreFailed extends Schema.TaggedError<StoreFailed>()("StoreFailed", {
  operation: Schema.String,
  temporary: Schema.Boolean,
  cause: Schema.Defect()
}) {
  override get message(): string {
    const cause = (this.cause instanceof Error ? this.cause.message : String(this.cause)).replace(/\.$/, "")
    return `${this.operation} failed: ${cause}. ${this.temporary ? "It may pass: try again." : "Trying again will not help: mend the cause."}`
  }
}

/** A value does not fit its domain's schema, so it is not stored. */
export class Unencodable extends Schema.TaggedError<Unencodable>()("Unencodable", {
  key: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `The value of ${this.key} does not fit its schema: ${this.detail}. Mend the value or the schema.`
  }
}

/** A key or a value is larger than the settings allow, so it is not stored. */
export class TooLarge extends Schema.TaggedError<TooLarge>()("TooLarge", {
  /** The key, or its first hundred characters. */
  key: Schema.String,
  what: Schema.Literals(["key", "value"]),
  bytes: Schema.Int,
  limit: Schema.Int
}) {
  override get message(): string {
    const variable = this.what === "key" ? "CACHE_MAX_KEY_BYTES" : "CACHE_MAX_VALUE_BYTES"
    return `The ${this.what} of ${this.key} has ${this.bytes} bytes, and may have ${this.limit}. Make it smaller, or raise ${variable}.`
  }
}

/** Reads inside one `snapshot` kept being overtaken by invalidations. */
export class SnapshotConflict extends Schema.TaggedError<SnapshotConflict>()("SnapshotConflict", {
  attempts: Schema.Finite
}) {
  override get message(): string {
    return `A snapshot was overtaken by invalidations ${this.attempts} times. Read less in it, or allow more attempts.`
  }
}

/** A cascade was asked of a domain that no open cache declares. */
export class UnknownDomain extends Schema.TaggedError<UnknownDomain>()("UnknownDomain", {
  domain: Schema.String,
  known: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `"${this.domain}" is not a domain of an open cache (${this.known.join(", ") || "none is open"}). Provide its layer, or correct the name.`
  }
}

/**
 * What was asked belongs to another partition than it has to.
 *
 * - `nowhere`: the partition function names no partition, or one whose name is not of letters, digits, `-` and `_`.
 * - `several`: what has to be of one partition is of several.
 * - `elsewhere`: inside one partition, something of another was read, written or depended on.
 */
export class Misplaced extends Schema.TaggedError<Misplaced>()("Misplaced", {
  /** A key or tag, or the operation. */
  what: Schema.String,
  because: Schema.Literals(["nowhere", "several", "elsewhere"]),
  partitions: Schema.Array(Schema.String)
}) {
  override get message(): string {
    const names = this.partitions.map((name) => `"${name}"`).join(", ")
    switch (this.because) {
      case "nowhere":
        return `${this.what} is of no partition${names === "" ? "" : `: ${names} is no name of one`}. Do it inside \`Partitions.within\`, or correct the partition function.`
      case "several":
        return `${this.what} is of several partitions (${names}), and each has a log of its own. Do it once for each, or use \`Partitions.invalidate\`.`
      case "elsewhere":
        return `${this.what} is not of the partition it is used in (${names}). Partitions do not depend on each other: cut the graph elsewhere, or leave this out.`
    }
  }
}

/** The process leads no longer, so what it wrote as the leader is refused. Nothing was written. */
export class Fenced extends Schema.TaggedError<Fenced>()("Fenced", { fence: Schema.Finite }) {
  override get message(): string {
    return `The leadership that began at position ${this.fence} has ended: nothing was written. Whoever leads now does it.`
  }
}

/** Why the cache failed. */
export const Reason = Schema.Union([
  UnknownDomain,
  Misplaced,
  Absent,
  Fenced,
  Unavailable,
  Timeout,
  StoreFailed,
  Unencodable,
  TooLarge,
  SnapshotConflict
])
export type Reason = typeof Reason.Type

/**
 * The cache's error. Handle one reason with `Effect.catchReason("CacheError", "Absent", …)`.
 */
export class CacheError extends Schema.TaggedError<CacheError>()("CacheError", { reason: Reason }) {
  override get message(): string {
    return this.reason.message
  }

  /** Whether trying again may help. */
  get isTemporary(): boolean {
    switch (this.reason._tag) {
      case "Unavailable":
      case "Timeout":
      case "SnapshotConflict":
        return true
      case "StoreFailed":
        return this.reason.temporary
      case "Absent":
      case "Fenced":
      case "Unencodable":
      case "TooLarge":
      case "UnknownDomain":
      case "Misplaced":
        return false
    }
  }
}
