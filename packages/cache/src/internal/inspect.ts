/**
 * What the store holds of many keys, checked to the last byte and against the log.
 */
import { Effect } from "effect"
import type { CacheError } from "../CacheError.ts"
import type { Condition } from "../Domain.ts"
import type { Entry } from "../Entry.ts"
import type { Keyed } from "./Keys.ts"
import type { Shelf } from "./Shelf.ts"

/** What was found of a key, past the near cache. */
export interface Inspected<Id, A> {
  readonly keyed: Keyed<Id>
  readonly condition: Condition
  readonly entry: Entry<A> | undefined
}

/** Reads the keys past the near cache, in one round trip, after learning the log's head. */
export const inspect = Effect.fnUntraced(function* <Id, A>(
  shelf: Shelf<Id, A>,
  all: ReadonlyArray<Keyed<Id>>
): Effect.fn.Return<ReadonlyArray<Inspected<Id, A>>, CacheError> {
  const { clock, live, store } = shelf.kernel
  if (all.length === 0) return []
  const keys = all.map(({ key }) => shelf.storeKey(key))
  const [, found] = yield* Effect.all([live.catchUp, store.getMany(keys)], { concurrency: 2 })
  const now = clock.currentTimeMillisUnsafe()
  const trusted = live.isTrusted(now)
  return all.map((keyed, index): Inspected<Id, A> => {
    const bytes = found[index]
    if (bytes === undefined) return { keyed, condition: "missing", entry: undefined }
    const entry = shelf.open(keyed, bytes)
    if (entry === undefined) return { keyed, condition: "corrupt", entry }
    return { keyed, condition: shelf.stateOf(entry, now, trusted, Number.POSITIVE_INFINITY), entry }
  })
})
