/**
 * bentocache in two tiers with a bus, as its guide to multi-tier caches sets it up, without and with a grace period.
 */
import { BentoCache, bentostore } from "bentocache"
import { memoryDriver } from "bentocache/drivers/memory"
import { redisBusDriver, redisDriver } from "bentocache/drivers/redis"
import { Effect } from "effect"
import { call, type Node, type Peer, tagOf, timeToLive } from "../Peer.ts"
import type { Source } from "../Source.ts"

const make = (name: string, short: string, grace: false | string): Peer => ({
  name,
  short,
  note: `memory, Redis and a Redis bus; ttl 1 h; grace ${grace === false ? "off" : grace}; tags by getOrSet and deleteByTag`,
  node: Effect.fnUntraced(function* (port: number, source: Source) {
    const connection = { host: "127.0.0.1", port }
    const cache = yield* Effect.acquireRelease(
      Effect.sync(
        () =>
          new BentoCache({
            default: "multitier",
            ttl: timeToLive,
            grace,
            stores: {
              multitier: bentostore()
                .useL1Layer(memoryDriver({ maxItems: 10_000 }))
                .useL2Layer(redisDriver({ connection }))
                .useBus(redisBusDriver({ connection }))
            }
          })
      ),
      (bento) => Effect.promise(() => bento.disconnectAll())
    )
    const made: Node = {
      read: (key) =>
        call(name, () =>
          cache.getOrSet({
            key,
            tags: [tagOf(key)],
            factory: () => source.loadPromise(key)
          })
        ),
      invalidate: (key) => Effect.asVoid(call(name, () => cache.delete({ key }))),
      invalidateTag: (tag) => Effect.asVoid(call(name, () => cache.deleteByTag({ tags: [tag] })))
    }
    return made
  }),
  hasTags: true,
  // A mark is an entry like any other, and may be evicted like any other.
  marks: "*___bc:t:*",
  listener: "sub=1"
})

export const peer = make("bentocache 1.6.1", "bentocache", false)
export const peerWithGrace = make("bentocache 1.6.1, grace 6 h", "bento+grace", "6h")
