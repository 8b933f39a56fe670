/**
 * What the processes under test and their coordinator tell each other, over the channel that Node gives a child.
 */
import { Schema } from "effect"
import { Seen } from "./Model.ts"

/** The kinds of reads; their index is what is sent. */
export const kinds = [
  "default",
  "many",
  "bounded",
  "past near",
  "own write",
  "strong",
  "after",
  "snapshot",
  "lenient",
  "anew"
] as const
export type Kind = (typeof kinds)[number]

/** How reads end; their index is what is sent. */
export const outcomes = [
  "answered",
  "SourceFailed",
  "Timeout",
  "Unavailable",
  "StoreFailed",
  "SnapshotConflict",
  "other"
] as const

const Address = Schema.Struct({ host: Schema.NonEmptyString, port: Schema.Int })

/** Where a process finds Redis. */
export const Target = Schema.TaggedUnion({
  Standalone: Address.fields,
  Sentinel: { name: Schema.NonEmptyString, sentinels: Schema.Array(Address) },
  Cluster: { nodes: Schema.Array(Address) }
})
export type Target = typeof Target.Type

/** What a process is started with. */
export const Assignment = Schema.Struct({
  /** Its name: another one for each life. */
  name: Schema.NonEmptyString,
  target: Target,
  seed: Schema.Int,
  /** Told apart from all other lives of all processes. */
  life: Schema.Int,
  /** The monotonic clock's time zero (ns), the same for all. */
  zero: Schema.BigIntFromString,
  readsPerSecond: Schema.Finite,
  /** 0 for a process that only reads. */
  writesPerSecond: Schema.Finite,
  readTimeout: Schema.Int,
  maxStaleness: Schema.Int,
  maxLookups: Schema.Int
})
export type Assignment = typeof Assignment.Type

/** Times are microseconds since time zero. */
export const FromWorker = Schema.TaggedUnion({
  Ready: {},
  /** A lookup, or a change where `isChange`. */
  Ask: { id: Schema.Int, rows: Schema.Array(Schema.Int), isChange: Schema.Boolean },
  /** Nobody waits for the answer to this question any more. */
  Forget: { id: Schema.Int },
  /** A write that the cache acknowledged; `update` is its number where it told its values apart, else 0. */
  Acknowledged: {
    startedAt: Schema.Int,
    at: Schema.Int,
    position: Schema.Int,
    seen: Seen,
    update: Schema.Int
  },
  /**
   * The reads that ended before `clock`, as numbers: kind, key, began at, took, the view's position, the position asked
   * for, outcome, how many numbers follow, and what was seen (see `Model.seenOf`).
   */
  Reads: {
    clock: Schema.Int,
    numbers: Schema.Array(Schema.Int),
    /** Since when the oldest read that has not ended is under way; −1 where there is none. */
    oldest: Schema.Int,
    /** How many reads were not begun so far, since too many were under way. */
    heldBack: Schema.Int
  },
  /** All keys as this process reads them, and how many lookups that took. */
  Probed: { id: Schema.Int, seen: Seen, loads: Schema.Int, failures: Schema.Int },
  Defect: { text: Schema.String }
})
export type FromWorker = typeof FromWorker.Type

export const ToWorker = Schema.TaggedUnion({
  /** Versions in the order of the rows asked for; null where the source fails. */
  Answer: { id: Schema.Int, versions: Schema.NullOr(Schema.Array(Schema.Int)) },
  /** The newest position acknowledged to anybody. */
  Newest: { position: Schema.Int },
  /** To announce rows that were changed by a process which died. */
  Announce: { rows: Schema.Array(Schema.Int) },
  /** Whether nothing is to be written, nor loaded anew, for the moment. */
  Calm: { isCalm: Schema.Boolean },
  Probe: { id: Schema.Int }
})
export type ToWorker = typeof ToWorker.Type
