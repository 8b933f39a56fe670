/**
 * The same in Effect's `Cache`: one process, no tags, and the same lookup.
 */
import { Cache, Effect } from "effect"
import type { Source } from "./Before.ts"

export const before = Effect.fn("before")(function* (source: Source) {
  const cache = yield* Cache.make({
    capacity: 1_000,
    timeToLive: "10 minutes",
    lookup: (id: number) => Effect.promise(() => source.product(id))
  })
  yield* Cache.get(cache, 1)
  const first = yield* Cache.get(cache, 1)
  source.price = 90
  yield* Cache.invalidateAll(cache)
  return [first, yield* Cache.get(cache, 1)]
})
