/**
 * cache-manager over memory and Redis. It has neither tags nor a bus.
 */
import KeyvRedis from "@keyv/redis"
import { createCache } from "cache-manager"
import { Effect } from "effect"
import { Keyv } from "keyv"
import { call, type Node, type Peer, timeToLive } from "../Peer.ts"
import type { Source } from "../Source.ts"

const name = "cache-manager 7.2.9"

export const peer: Peer = {
  name,
  short: "cache-manager",
  note: "memory and Redis as Keyv stores; no tags, and nothing tells other nodes' memory",
  node: Effect.fnUntraced(function* (port: number, source: Source) {
    const cache = yield* Effect.acquireRelease(
      Effect.sync(() =>
        createCache({
          ttl: timeToLive,
          stores: [new Keyv(), new Keyv({ store: new KeyvRedis(`redis://127.0.0.1:${port}`) })]
        })
      ),
      (manager) => Effect.promise(() => manager.disconnect())
    )
    const made: Node = {
      read: (key) => call(name, () => cache.wrap(key, () => source.loadPromise(key))),
      invalidate: (key) => Effect.asVoid(call(name, () => cache.del(key))),
      invalidateTag: undefined
    }
    return made
  }),
  hasTags: false,
  marks: undefined,
  listener: undefined
}
