/**
 * The first tier: decoded entries in the process, bounded by entries and by bytes, least recently used out first.
 */
import { Effect, Exit } from "effect"
import { LRUCache } from "lru-cache"
import { Absent, CacheError } from "../CacheError.ts"
import type { Entry } from "../Entry.ts"
import type { Tag } from "../Tag.ts"

/** An entry at hand, with its answer made ready: a hit allocates nothing. */
export interface Near<A> {
  readonly entry: Entry<A>
  readonly answer: Exit.Exit<A, CacheError>
  /** Until when a hit needs nothing but the validity check (epoch ms): the refresh-ahead or the end of freshness. */
  readonly easyUntil: number
  /** The view's version at which it was last found valid. */
  checkedAt: number
}

export interface NearCache<A> {
  readonly get: (key: Tag) => Near<A> | undefined
  /** Looks without counting as a use. */
  readonly peek: (key: Tag) => Entry<A> | undefined
  readonly set: (key: Tag, entry: Entry<A>, easyUntil: number) => void
  /** The keys at hand, least lately used last. */
  readonly keys: () => Iterable<Tag>
  readonly entries: () => number
  readonly bytes: () => number
}

/** The answer of an entry to `get`. */
export const answerOf = <A>(key: Tag, entry: Entry<A>): Exit.Exit<A, CacheError> =>
  entry.value === undefined ? Exit.fail(new CacheError({ reason: new Absent({ key }) })) : Exit.succeed(entry.value)

// What a cached entry takes beside its payload: objects, tags, the slot. An estimate on the safe side.
const overhead = 512

export const make = <A>(bounds: { readonly entries: number; readonly bytes: number }): Effect.Effect<NearCache<A>> =>
  Effect.sync(() => {
    const lru = new LRUCache<Tag, Near<A>>({
      max: bounds.entries,
      maxSize: bounds.bytes,
      sizeCalculation: ({ entry }) => entry.bytes + overhead
    })
    return {
      get: (key) => lru.get(key),
      peek: (key) => lru.peek(key)?.entry,
      set: (key, entry, easyUntil) => {
        lru.set(key, { entry, answer: answerOf(key, entry), easyUntil, checkedAt: -1 })
      },
      keys: () => lru.keys(),
      entries: () => lru.size,
      bytes: () => lru.calculatedSize
    }
  })
