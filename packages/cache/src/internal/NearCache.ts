/**
 * The near cache: decoded entries in the process, bounded by entries and by bytes, least recently used out first.
 *
 * An entry is a slot in a few columns instead of objects of its own, so that it costs little beside its value, and a
 * hit is a lookup, three comparisons and a relink. The order of use is a list linked through the columns, as in
 * lru-cache (https://github.com/isaacs/node-lru-cache).
 */
import type { Clock } from "effect"
import { compareRevisions, type Entry, noRevision } from "../Entry.ts"
import type { Tag } from "../Tag.ts"
import type { View } from "../View.ts"
import type { Keys } from "./Keys.ts"

export interface NearCache<Id, A> {
  /**
   * The slot of an entry that is fresh, not due for a refresh ahead, and valid; it counts as used. `nowhere` otherwise. A
   * slot is good until the next `set`.
   */
  readonly hit: (id: Id, now: number) => number
  /** The value in a slot; `undefined` where the source said that there is none. */
  readonly valueAt: (slot: number) => A | undefined
  readonly entryAt: (slot: number) => Entry<A>
  /** The entry, whatever it is worth unless its time at hand is over; it counts as used. */
  readonly get: (id: Id) => Entry<A> | undefined
  /** Looks without counting as a use. */
  readonly peek: (id: Id) => Entry<A> | undefined
  /** Whether there is an entry, whatever it is worth. */
  readonly has: (id: Id) => boolean
  /** Whether the entry at hand is of the same load as this one, and its time at hand is not over. */
  readonly hasLoad: (id: Id, entry: Entry<A>) => boolean
  /** Unless it displaces others, an entry is kept only where there is room, or in its own place. */
  readonly set: (id: Id, entry: Entry<A>, displaces?: boolean) => void
  /** Drops this share of the entries, the least lately used. */
  readonly evict: (share: number) => void
  /** The keys at hand, least lately used last. */
  readonly keys: () => Iterable<Tag>
  readonly entries: () => number
  readonly bytes: () => number
}

/** No slot. */
export const nowhere = -1

// What an entry takes beside its payload: the slot, the map's share, the tags. An estimate on the safe side.
const overhead = 256

// The columns of numbers, side by side for each slot.
const numbersEach = 5
const stampAt = 0
const createdAt = 1
const freshAt = 2
const expiresAt = 3
// The view's version at which the entry was last found valid.
const checkedAt = 4

// The columns of the list, and of what is counted.
const linksEach = 4
const olderAt = 0
const newerAt = 1
const bytesAt = 2
const kindAt = 3

const isAbsent = 1
const isAnnounced = 2

/** A copy with room for so many, and for no more: an array that grows by itself takes up to half as much again. */
const longer = <B>(array: ReadonlyArray<B>, length: number): Array<B | undefined> =>
  Array.from({ length }, (_, index) => array[index])

// Entries with the same dependencies share one list of them, as far as this table reaches.
const sharedLists = 1_024
const noTags: ReadonlyArray<Tag> = []

export const make = <Id, A>(options: {
  /** Bounds of what is held. */
  readonly entries: number
  readonly bytes: number
  readonly view: View
  /** The share of its time to live after which an entry is refreshed ahead. */
  readonly refreshAhead: number | undefined
  /** How long an entry is at hand before the store is asked again (ms). Without it: as long as it is fresh. */
  readonly lifetime?: { readonly millis: number; readonly clock: Clock.Clock } | undefined
  readonly keys: Pick<Keys<Id>, "of" | "inMap">
}): NearCache<Id, A> => {
  const { keys, lifetime, refreshAhead, view } = options
  const slots = new Map<Id | string, number>()
  let ids: Array<Id | undefined> = []
  let values: Array<A | undefined> = []
  let dependencies: Array<ReadonlyArray<Tag> | undefined> = []
  let revisions: Array<Entry<A>["revision"] | undefined> = []
  let numbers = new Float64Array(0)
  let links = new Int32Array(0)
  // Until when each slot is at hand; empty where there is no such bound.
  const handyUntil: Array<number> = []
  const free: Array<number> = []
  let oldest = nowhere
  let newest = nowhere
  let bytes = 0

  const number = (slot: number, column: number): number => numbers[slot * numbersEach + column] ?? 0
  const link = (slot: number, column: number): number => links[slot * linksEach + column] ?? nowhere

  const lists = new Map<string, ReadonlyArray<Tag>>()
  const shared = (tags: ReadonlyArray<Tag>): ReadonlyArray<Tag> => {
    if (tags.length === 0) return noTags
    const text = tags.join(" ")
    const known = lists.get(text)
    if (known !== undefined) return known
    if (lists.size >= sharedLists) lists.clear()
    lists.set(text, tags)
    return tags
  }

  let lastRevision = noRevision
  const sharedRevision = (revision: Entry<A>["revision"]) => {
    if (compareRevisions(revision, lastRevision) !== 0) lastRevision = revision
    return lastRevision
  }

  const unlink = (slot: number) => {
    const older = link(slot, olderAt)
    const newer = link(slot, newerAt)
    if (older === nowhere) oldest = newer
    else links[older * linksEach + newerAt] = newer
    if (newer === nowhere) newest = older
    else links[newer * linksEach + olderAt] = older
  }

  const append = (slot: number) => {
    links[slot * linksEach + olderAt] = newest
    links[slot * linksEach + newerAt] = nowhere
    if (newest === nowhere) oldest = slot
    else links[newest * linksEach + newerAt] = slot
    newest = slot
  }

  const use = (slot: number) => {
    if (slot === newest) return
    unlink(slot)
    append(slot)
  }

  const drop = (slot: number) => {
    const id = ids[slot]
    unlink(slot)
    if (id !== undefined) slots.delete(keys.inMap(id))
    bytes -= link(slot, bytesAt) + overhead
    ids[slot] = undefined
    values[slot] = undefined
    dependencies[slot] = noTags
    free.push(slot)
  }

  const grow = () => {
    const length = Math.min(options.entries, Math.max(64, (numbers.length / numbersEach) * 2))
    const longerNumbers = new Float64Array(length * numbersEach)
    longerNumbers.set(numbers)
    numbers = longerNumbers
    const longerLinks = new Int32Array(length * linksEach)
    longerLinks.set(links)
    links = longerLinks
    ids = longer(ids, length)
    values = longer(values, length)
    dependencies = longer(dependencies, length)
    revisions = longer(revisions, length)
  }

  const slotFor = (id: Id): number => {
    if (slots.size >= options.entries) drop(oldest)
    const slot = free.pop() ?? slots.size
    if (slot * numbersEach === numbers.length) grow()
    slots.set(keys.inMap(id), slot)
    ids[slot] = id
    return slot
  }

  const tagsAt = (slot: number): ReadonlyArray<Tag> => {
    const id = ids[slot]
    return id === undefined ? noTags : [keys.of(id), ...(dependencies[slot] ?? noTags)]
  }

  const holds = (slot: number): boolean => {
    const { version } = view
    const checked = number(slot, checkedAt)
    if (checked === version) return true
    if (!view.isStillValid(number(slot, stampAt), tagsAt(slot), checked)) return false
    numbers[slot * numbersEach + checkedAt] = version
    return true
  }

  const isOver = (slot: number): boolean =>
    lifetime !== undefined && lifetime.clock.currentTimeMillisUnsafe() >= (handyUntil[slot] ?? 0)

  const easyUntil = (slot: number): number => {
    const until = number(slot, freshAt)
    if (refreshAhead === undefined) return until
    const from = number(slot, createdAt)
    return from + (until - from) * refreshAhead
  }

  const entryAt = (slot: number): Entry<A> => {
    const kind = link(slot, kindAt)
    return {
      stamp: number(slot, stampAt),
      createdAt: number(slot, createdAt),
      freshUntil: number(slot, freshAt),
      expiresAt: number(slot, expiresAt),
      revision: revisions[slot] ?? noRevision,
      absent: (kind & isAbsent) !== 0,
      announced: (kind & isAnnounced) !== 0,
      tags: tagsAt(slot),
      value: values[slot],
      bytes: link(slot, bytesAt)
    }
  }

  return {
    hit: (id, now) => {
      const slot = slots.get(keys.inMap(id))
      if (slot === undefined) return nowhere
      if (now >= easyUntil(slot) || isOver(slot) || !holds(slot)) return nowhere
      use(slot)
      return slot
    },
    valueAt: (slot) => values[slot],
    entryAt,
    get: (id) => {
      const slot = slots.get(keys.inMap(id))
      if (slot === undefined || isOver(slot)) return undefined
      use(slot)
      return entryAt(slot)
    },
    peek: (id) => {
      const slot = slots.get(keys.inMap(id))
      return slot === undefined ? undefined : entryAt(slot)
    },
    has: (id) => slots.has(keys.inMap(id)),
    hasLoad: (id, entry) => {
      const slot = slots.get(keys.inMap(id))
      return (
        slot !== undefined &&
        !isOver(slot) &&
        number(slot, createdAt) === entry.createdAt &&
        number(slot, stampAt) === entry.stamp &&
        number(slot, expiresAt) === entry.expiresAt &&
        link(slot, bytesAt) === entry.bytes
      )
    },
    set: (id, entry, displaces = true) => {
      const held = slots.get(keys.inMap(id))
      const size = entry.bytes + overhead
      const isFull = slots.size >= options.entries || bytes + size > options.bytes
      if (isFull && held === undefined && !displaces) return
      if (held !== undefined) drop(held)
      if (size > options.bytes) return
      while (bytes + size > options.bytes) drop(oldest)
      const slot = slotFor(id)
      bytes += size
      values[slot] = entry.value
      dependencies[slot] = shared(entry.tags.slice(1))
      revisions[slot] = sharedRevision(entry.revision)
      numbers.set([entry.stamp, entry.createdAt, entry.freshUntil, entry.expiresAt, Number.NaN], slot * numbersEach)
      links[slot * linksEach + bytesAt] = entry.bytes
      links[slot * linksEach + kindAt] = (entry.absent ? isAbsent : 0) | (entry.announced ? isAnnounced : 0)
      if (lifetime !== undefined) handyUntil[slot] = lifetime.clock.currentTimeMillisUnsafe() + lifetime.millis
      append(slot)
    },
    keys: function* () {
      let slot = newest
      // What is used meanwhile moves ahead of the walk: it is bounded all the same.
      for (let left = slots.size; left > 0 && slot !== nowhere; left--) {
        const id = ids[slot]
        if (id !== undefined) yield keys.of(id)
        slot = link(slot, olderAt)
      }
    },
    evict: (share) => {
      for (let rest = Math.ceil(slots.size * share); rest > 0; rest--) drop(oldest)
    },
    entries: () => slots.size,
    bytes: () => bytes
  }
}
