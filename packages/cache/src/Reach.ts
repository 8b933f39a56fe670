/**
 * What an invalidation would reach, told before it is made.
 */
import { Effect, Result, Stream } from "effect"
import * as CacheConfig from "./CacheConfig.ts"
import type { CacheError } from "./CacheError.ts"
import { CacheManager } from "./CacheManager.ts"
import { CacheStore } from "./CacheStore.ts"
import * as Entry from "./Entry.ts"
import * as Namespace from "./internal/namespace.ts"
import { LiveView } from "./LiveView.ts"
import * as Tag from "./Tag.ts"
import * as View from "./View.ts"

// Entries in one round trip.
const batch = 200

/**
 * Counts, for each open domain and list, the entries of the store that are valid now and would not be any more. It
 * reads the header of every entry, and changes nothing: use it where somebody looks before an invalidation, not on a
 * hot path. Fails with `CacheError` where the store does not answer.
 *
 * @example
 * ```ts
 * import { CacheManager, reach, Tag } from "@letletme/cache"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const cache = yield* CacheManager
 *   const tags = yield* cache.tagsOf({ primary: Tag.of("team", "7"), cascade: true })
 *   return yield* reach(tags) // { team: 1, match: 38, … }
 * })
 * ```
 */
export const reach: (
  tags: ReadonlySet<Tag.Tag>
) => Effect.Effect<Readonly<Record<string, number>>, CacheError, CacheManager | CacheStore | LiveView> = Effect.fn(
  "reach"
)(function* (tags) {
  const manager = yield* CacheManager
  const store = yield* CacheStore
  const live = yield* LiveView
  const { namespace } = yield* CacheConfig.Settings
  const auditors = yield* manager.auditors
  const owners = Namespace.owners(namespace, auditors)
  const counts: Record<string, number> = Object.fromEntries(auditors.map(({ domain }) => [domain, 0]))
  // A table with these marks alone: an entry that it calls invalid is one that they reach.
  const marks = View.make()
  marks.apply([{ position: 1, tags: [...tags], floor: undefined, cause: "", by: "" }])
  // A scan may answer a key twice.
  const seen = new Set<string>()

  const count = Effect.fnUntraced(function* (names: ReadonlyArray<string>) {
    const fresh = names.filter((name) => !seen.has(name))
    for (const name of fresh) seen.add(name)
    for (const [{ domain, storeKey }, keys] of owners.apart(fresh).entries) {
      const found = yield* store.getMany(keys.map(storeKey))
      for (const [index, key] of keys.entries()) {
        const bytes = found[index]
        const entry = bytes === undefined ? undefined : Result.getOrUndefined(Entry.unseal(key, bytes))
        if (entry === undefined || !live.view.isValid(entry.stamp, entry.tags)) continue
        if (!marks.isValid(0, entry.tags)) counts[domain] = (counts[domain] ?? 0) + 1
      }
    }
  })

  yield* live.catchUp
  yield* store
    .scan(Namespace.prefix(namespace))
    .pipe(Stream.flattenIterable, Stream.grouped(batch), Stream.runForEach(count))
  return counts
})
