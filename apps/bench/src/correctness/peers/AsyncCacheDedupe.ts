/**
 * async-cache-dedupe over Redis, with references, which are its tags. It keeps no values in memory.
 */
import { createCache } from "async-cache-dedupe"
import { Effect } from "effect"
import { Redis } from "ioredis"
import { call, type Node, type Peer, tagOf, timeToLive } from "../Peer.ts"
import type { Source } from "../Source.ts"

const name = "async-cache-dedupe 3.4.0"

export const peer: Peer = {
  name,
  short: "a-c-dedupe",
  note: "Redis storage with references; no values in memory, so other nodes have nothing to be told",
  node: Effect.fnUntraced(function* (port: number, source: Source) {
    const client = yield* Effect.acquireRelease(
      Effect.sync(() => new Redis({ host: "127.0.0.1", port })),
      (redis) => Effect.promise(() => redis.quit())
    )
    const seconds = timeToLive / 1_000
    const cache = createCache({
      ttl: seconds,
      storage: { type: "redis", options: { client, invalidation: { referencesTTL: seconds } } }
    }).define("load", { references: (key: string) => [tagOf(key)] }, (key: string) => source.loadPromise(key))
    const made: Node = {
      read: (key) => call(name, () => cache.load(key)),
      invalidate: (key) => call(name, () => cache.clear("load", key)),
      invalidateTag: (tag) => call(name, () => cache.invalidateAll(tag))
    }
    return made
  }),
  hasTags: true,
  // A reference's set of keys: without it there is nothing to find them by.
  marks: "r:*",
  listener: undefined
}
