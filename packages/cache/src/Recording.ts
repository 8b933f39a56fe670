/**
 * What an effect reads through the cache, recorded by itself through the fiber's context.
 *
 * A load records its reads, so that its entry depends on them; a snapshot records its reads, so that it can tell
 * whether all of them hold at one position. The two nest in any order.
 */
import { Context, Effect } from "effect"
import type { Position } from "./Position.ts"
import type { Tag } from "./Tag.ts"

/** A value that was read: the stamp and tags of its entry, and whether it was valid then. */
export interface Read {
  readonly stamp: Position
  readonly tags: ReadonlyArray<Tag>
  /** When the entry was written (epoch ms), where that is known. */
  readonly createdAt?: number | undefined
  /** Until when it is fresh (epoch ms), where that is known. */
  readonly freshUntil?: number | undefined
}

/** Collects reads. */
export interface Recorder {
  readonly record: (read: Read, valid: boolean) => void
  /** Inside a snapshot nothing stale may be answered. */
  readonly isSnapshot: boolean
  /** Inside the load of a strong read that the log did not answer, everything comes from the source. */
  readonly isExact: boolean
}

/** The recorder of the load or snapshot that runs in this fiber, if one does. */
export const Recorder = Context.Reference<Recorder | undefined>("@letletme/cache/Recorder", {
  defaultValue: () => undefined
})

/**
 * Tells the load or snapshot around it that what it reads from its source holds everything that was announced up to this
 * position. What is older at hand is then not taken for as new: the view has to reach the position first.
 */
export const readUpTo = (position: Position): Effect.Effect<void> =>
  Effect.flatMap(Recorder, (recorder) => Effect.sync(() => recorder?.record({ stamp: position, tags: [] }, true)))

/** A load's recorder: the tags of all that was read, and the lowest stamp of what was read stale. */
export interface LoadRecorder extends Recorder {
  readonly tags: ReadonlySet<Tag>
  readonly stamp: Position
  /** The highest stamp that was read: only a view that has reached it can tell whether all that was read goes together. */
  readonly highest: Position
}

/** Makes the recorder of a load whose stamp is known; reading a stale input lowers it. */
export const forLoad = (stamp: Position, isExact: boolean): LoadRecorder => {
  const tags = new Set<Tag>()
  let lowest = stamp
  let highest = stamp
  return {
    isSnapshot: false,
    isExact,
    tags,
    get stamp() {
      return lowest
    },
    get highest() {
      return highest
    },
    record: (read, valid) => {
      for (const tag of read.tags) tags.add(tag)
      if (read.stamp > highest) highest = read.stamp
      if (!valid && read.stamp < lowest) lowest = read.stamp
    }
  }
}

/** The recorder of what several recorders want to know. */
export const forAll = (recorders: ReadonlyArray<Recorder>): Recorder => ({
  isSnapshot: recorders.some(({ isSnapshot }) => isSnapshot),
  isExact: recorders.some(({ isExact }) => isExact),
  record: (read, valid) => {
    for (const recorder of recorders) recorder.record(read, valid)
  }
})

/** A snapshot's recorder: every read, passed on to the load around it. */
export interface SnapshotRecorder extends Recorder {
  readonly reads: ReadonlyArray<Read>
  /** How far the view has to have come before it can tell whether the reads hold together ({@link readUpTo}). */
  readonly upTo: Position
  /** Whether a read was answered with a value that was already invalid. */
  readonly isTorn: boolean
}

/** Makes the recorder of a snapshot inside `outer`. */
export const forSnapshot = (outer: Recorder | undefined): SnapshotRecorder => {
  const reads: Array<Read> = []
  let upTo = 0
  let isTorn = false
  return {
    isSnapshot: true,
    isExact: outer?.isExact === true,
    reads,
    get upTo() {
      return upTo
    },
    get isTorn() {
      return isTorn
    },
    record: (read, valid) => {
      upTo = Math.max(upTo, read.stamp)
      // What has no tags was read from no cache: nothing makes it invalid.
      if (read.tags.length > 0) reads.push(read)
      if (!valid) isTorn = true
      outer?.record(read, valid)
    }
  }
}
