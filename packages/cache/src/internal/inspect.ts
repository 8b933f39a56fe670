/**
 * What the store holds of many keys, checked to the last byte and against the log.
 */
import { Effect } from "effect"
import type { CacheError } from "../CacheError.ts"
import type { Condition } from "../Domain.ts"
import type { Keyed } from "./Keys.ts"
import type { Shelf } from "./Shelf.ts"

/** Reads the keys past the near cache, in one round trip, after learning the log's head. */
export const inspect = Effect.fnUntraced(function* <Id, A>(
  shelf: Shelf<Id, A>,
  keyed: ReadonlyArray<Keyed<Id>>
): Effect.fn.Return<ReadonlyArray<Condition>, CacheError> {
  const { clock, live, store } = shelf.kernel
  if (keyed.length === 0) return []
  const keys = keyed.map(({ key }) => shelf.storeKey(key))
  const [, found] = yield* Effect.all([live.catchUp, store.getMany(keys)], { concurrency: 2 })
  const now = clock.currentTimeMillisUnsafe()
  const trusted = live.isTrusted(now)
  return keyed.map((one, index): Condition => {
    const bytes = found[index]
    if (bytes === undefined) return "missing"
    const entry = shelf.open(one, bytes)
    return entry === undefined ? "corrupt" : shelf.stateOf(entry, now, trusted, Number.POSITIVE_INFINITY)
  })
})
