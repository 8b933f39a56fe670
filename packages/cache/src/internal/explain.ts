/**
 * Looks at what each tier holds of a key, and says in a sentence why it is fresh, stale or absent.
 */
import { Effect, Result } from "effect"
import type { CacheError } from "../CacheError.ts"
import type { Entry } from "../Entry.ts"
import type { Explanation } from "../Explanation.ts"
import type { InvalidationLog } from "../InvalidationLog.ts"
import type { Keyed } from "./Keys.ts"
import type { Shelf } from "./Shelf.ts"

export const explain = Effect.fnUntraced(function* <Id, A>(
  shelf: Shelf<Id, A>,
  log: InvalidationLog["Service"],
  { id, key }: Keyed<Id>
): Effect.fn.Return<Explanation, CacheError> {
  const { clock, live, store } = shelf.kernel
  const { view } = live
  const storeKey = shelf.storeKey(key)
  const nearby = shelf.near.peek(id)
  const [, [bytes]] = yield* Effect.all([live.catchUp, store.getMany([storeKey])], { concurrency: 2 })
  const decoded = bytes === undefined ? undefined : shelf.decode({ id, key }, bytes)
  const stored = decoded === undefined ? undefined : Result.getOrUndefined(decoded)
  const now = clock.currentTimeMillisUnsafe()
  const isTrusted = live.isTrusted(now)
  const worth = (entry: Entry<A> | undefined) => shelf.stateOf(entry, now, isTrusted, Number.POSITIVE_INFINITY)
  const tier =
    worth(nearby) === "fresh" ? "near" : stored !== undefined ? "store" : nearby !== undefined ? "near" : "none"
  const entry = tier === "near" ? nearby : stored
  const isCorrupt = bytes !== undefined && stored === undefined && tier === "none"
  const state = isCorrupt ? "corrupt" : worth(entry)

  const hit = entry === undefined ? undefined : view.invalidation(entry.stamp, entry.tags)
  const logged = hit === undefined ? undefined : yield* log.at(hit.position)
  const invalidation = hit === undefined ? undefined : { ...hit, cause: logged?.cause, by: logged?.by }

  const seconds = (until: number) => `${Math.round(Math.abs(until - now) / 1000)} s`
  const because = (): string => {
    if (isCorrupt) return "The store has bytes under this key that are not a readable entry: they will be overwritten."
    if (entry === undefined) return "No tier has an entry: the next read loads it."
    if (state === "missing") return `It expired for good ${seconds(entry.expiresAt)} ago.`
    if (!isTrusted) return "The log does not answer, so whether it was invalidated is not known."
    if (entry.stamp < view.floor) {
      return `Its stamp ${entry.stamp} is below the floor ${view.floor}: the log started anew, or was compacted, since.`
    }
    if (invalidation !== undefined) {
      const why = invalidation.cause === undefined ? "" : ` because of "${invalidation.cause}" by ${invalidation.by}`
      return `${invalidation.tag} was invalidated at ${invalidation.position}${why}, after its load began at ${entry.stamp}.`
    }
    const what = entry.absent
      ? "The source says that it does not exist; that"
      : "No tag of it was invalidated since its load began; it"
    return state === "fresh"
      ? `${what} is fresh for another ${seconds(entry.freshUntil)}.`
      : `Its time to live ended ${seconds(entry.freshUntil)} ago; it is kept for another ${seconds(entry.expiresAt)}.`
  }

  return {
    key,
    storeKey,
    tier,
    state,
    because: because(),
    position: view.position,
    floor: view.floor,
    isTrusted,
    entry:
      entry === undefined
        ? undefined
        : {
            stamp: entry.stamp,
            absent: entry.absent,
            revision: entry.revision,
            createdAt: entry.createdAt,
            freshUntil: entry.freshUntil,
            expiresAt: entry.expiresAt,
            bytes: entry.bytes,
            tags: entry.tags.map((tag) => ({ tag, reachedAt: view.reached(tag) }))
          },
    invalidation
  }
})
