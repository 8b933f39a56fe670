/**
 * A process's copy of the invalidation table: for each tag, the last position that invalidated it.
 *
 * The view is plain state without effects. Applying entries is a max-merge per tag, so their order does not matter;
 * only {@link View.position}, up to which nothing is missing, needs them without gaps.
 */
import type { Position } from "./Position.ts"
import * as Tag from "./Tag.ts"

/** One entry of the invalidation log. */
export interface LogEntry {
  readonly position: Position
  readonly tags: ReadonlyArray<Tag.Tag>
  /** The floor that this entry raises, where it does: entries stamped below it are stale. */
  readonly floor: Position | undefined
  /** Why: a word or a sentence of the caller's. */
  readonly cause: string
  /** The process that appended it. */
  readonly by: string
  /** The trace that it belongs to, if its process traces: see `TraceContext`. */
  readonly trace?: string | undefined
}

/** The whole table at one position. */
export interface Snapshot {
  readonly position: Position
  readonly floor: Position
  readonly marks: Iterable<readonly [Tag.Tag, Position]>
}

/** What invalidated an entry: the carried tag that was reached, and the position that reached it. */
export interface Invalidation {
  readonly tag: Tag.Tag
  readonly position: Position
}

/**
 * The view. Make one with {@link make}.
 */
export interface View {
  /** Up to here nothing is missing. */
  readonly position: Position
  /** The highest position heard of: beyond the position where entries are missing. */
  readonly highest: Position
  /** Entries stamped below the floor are stale whatever their tags. */
  readonly floor: Position
  /** Changes whenever a mark or the floor does: a check that was made at this version still holds. */
  readonly version: number
  /** How many tags are marked. */
  readonly size: number
  /**
   * Merges log entries. Answers `false` where one is missing before them: the marks are merged all the same, but the
   * position stays, and a snapshot is due.
   */
  readonly apply: (entries: ReadonlyArray<LogEntry>) => boolean
  /** Merges a snapshot and moves to its position. */
  readonly restore: (snapshot: Snapshot) => void
  /** Forgets marks at or below the floor, which say no more than the floor does. */
  readonly raiseFloor: (floor: Position) => void
  /** The last position that reaches the tag, or 0. */
  readonly reached: (tag: Tag.Tag) => Position
  /** What invalidated an entry with this stamp and these tags; `undefined` if it is valid. */
  readonly invalidation: (stamp: Position, tags: Iterable<Tag.Tag>) => Invalidation | undefined
  /** Whether an entry is valid: stamped at or above the floor, and no tag invalidated after its stamp. */
  readonly isValid: (stamp: Position, tags: Iterable<Tag.Tag>) => boolean
  /** The same for an entry that was found valid at that version: where little was marked since, only that is looked at. */
  readonly isStillValid: (stamp: Position, tags: ReadonlyArray<Tag.Tag>, checkedAt: number) => boolean
  /** The marks, for a snapshot or for compaction. */
  readonly marks: () => Iterable<readonly [Tag.Tag, Position]>
}

// So many of the latest marks are known by the version that they made: to look at more costs as much as to look anew.
const latest = 16

/**
 * Makes an empty view: position 0, floor 0.
 *
 * @example
 * ```ts
 * import { Tag, View } from "@letletme/cache"
 *
 * const view = View.make()
 * view.restore({ position: 41, floor: 0, marks: [] })
 * view.apply([{ position: 42, tags: [Tag.any("match")], floor: undefined, cause: "import", by: "me" }])
 * view.isValid(41, [Tag.of("match", "17")]) // false: invalidated at 42
 * view.isValid(42, [Tag.of("match", "17")]) // true: its load began at 42
 * ```
 */
export const make = (): View => {
  let position: Position = 0
  let floor: Position = 0
  // The newest mark: an entry stamped at or after it is valid whatever its tags, without a look at them.
  let newest: Position = 0
  let version = 0
  const marks = new Map<Tag.Tag, Position>()
  // Per stem, the newest mark at or below it: what an entry that depends on "any of these" has to know.
  const below = new Map<string, Position>()

  // What made each of the latest versions; `undefined` for a floor.
  const made: Array<{ readonly tag: Tag.Tag; readonly at: Position } | undefined> = []

  /** Answers whether it was lower before. */
  const raise = <K>(map: Map<K, Position>, key: K, to: Position): boolean => {
    const known = map.get(key)
    if (known !== undefined && known >= to) return false
    map.set(key, to)
    return true
  }

  const mark = (tag: Tag.Tag, at: Position) => {
    if (at <= floor) return
    if (at > newest) newest = at
    version++
    made[version % latest] = { tag, at }
    raise(marks, tag, at)
    // Whatever is above a stem has its mark or a newer one: the first that has needs no look further up.
    for (let stem = Tag.stem(tag); raise(below, stem, at);) {
      const end = stem.lastIndexOf(":")
      if (end === -1) return
      stem = stem.slice(0, end)
    }
  }

  const raiseFloor = (to: Position) => {
    if (to <= floor) return
    floor = to
    version++
    made[version % latest] = undefined
    for (const [tag, at] of marks) if (at <= floor) marks.delete(tag)
    for (const [stem, at] of below) if (at <= floor) below.delete(stem)
  }

  const reached = (tag: Tag.Tag): Position => {
    const stem = Tag.stem(tag)
    let last = Tag.isPattern(tag) ? (below.get(stem) ?? 0) : (marks.get(tag) ?? 0)
    for (let end = stem.length; end !== -1; end = stem.lastIndexOf(":", end - 1)) {
      const above = marks.get(Tag.patternOf(stem.slice(0, end)))
      if (above !== undefined && above > last) last = above
    }
    return last
  }

  const invalidation = (stamp: Position, tags: Iterable<Tag.Tag>): Invalidation | undefined => {
    if (stamp >= newest) return undefined
    for (const tag of tags) {
      const at = reached(tag)
      if (at > stamp) return { tag, position: at }
    }
    return undefined
  }

  const isValid = (stamp: Position, tags: Iterable<Tag.Tag>): boolean =>
    stamp >= floor && invalidation(stamp, tags) === undefined

  const isStillValid = (stamp: Position, tags: ReadonlyArray<Tag.Tag>, checkedAt: number): boolean => {
    if (!(version - checkedAt < latest)) return isValid(stamp, tags)
    for (let next = checkedAt + 1; next <= version; next++) {
      const mark = made[next % latest]
      if (mark === undefined) return isValid(stamp, tags)
      if (mark.at > stamp && tags.some((tag) => Tag.reaches(mark.tag, tag))) return false
    }
    return true
  }

  return {
    get position() {
      return position
    },
    get highest() {
      return Math.max(position, newest, floor)
    },
    get floor() {
      return floor
    },
    get version() {
      return version
    },
    get size() {
      return marks.size
    },
    apply: (entries) => {
      let complete = true
      for (const entry of entries) {
        // Up to the position nothing is missing: it was merged before.
        if (entry.position <= position) continue
        for (const tag of entry.tags) mark(tag, entry.position)
        if (entry.floor !== undefined) raiseFloor(entry.floor)
        if (entry.position === position + 1) position = entry.position
        else if (entry.position > position) complete = false
      }
      return complete
    },
    restore: (snapshot) => {
      raiseFloor(snapshot.floor)
      for (const [tag, at] of snapshot.marks) mark(tag, at)
      if (snapshot.position > position) position = snapshot.position
    },
    raiseFloor,
    reached,
    invalidation,
    isValid,
    isStillValid,
    marks: () => marks
  }
}
