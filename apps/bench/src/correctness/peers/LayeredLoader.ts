/**
 * layered-loader over memory and Redis with its notification pair.
 */
import { Effect } from "effect"
import { Redis } from "ioredis-5"
import { createNotificationPair, Loader, RedisCache } from "layered-loader"
import { call, type Node, type Peer, timeToLive } from "../Peer.ts"
import type { Source } from "../Source.ts"

const name = "layered-loader 14.2.2"

export const peer: Peer = {
  name,
  short: "layered-loader",
  note: "memory, Redis and a notification pair; no tags (a key may be in one group)",
  node: Effect.fnUntraced(function* (port: number, source: Source) {
    const connect = Effect.acquireRelease(
      Effect.sync(() => new Redis({ host: "127.0.0.1", port })),
      (redis) => Effect.sync(() => redis.disconnect())
    )
    const { consumer, publisher } = createNotificationPair<string>({
      channel: "layered-loader",
      consumerRedis: yield* connect,
      publisherRedis: yield* connect
    })
    const loader = new Loader<string>({
      inMemoryCache: { cacheType: "lru-map", ttlInMsecs: timeToLive, maxItems: 10_000 },
      asyncCache: new RedisCache<string>(yield* connect, { json: true, ttlInMsecs: timeToLive }),
      dataSourceGetOneFn: (key: string) => source.loadPromise(key),
      // It would print every failed load.
      logger: { error: () => {} },
      notificationConsumer: consumer,
      notificationPublisher: publisher
    })
    yield* call(name, () => loader.init())
    const made: Node = {
      read: (key) => call(name, async () => (await loader.get(key)) ?? "nothing"),
      invalidate: (key) => call(name, () => loader.invalidateCacheFor(key)),
      invalidateTag: undefined
    }
    return made
  }),
  hasTags: false,
  marks: undefined,
  listener: "sub=1"
}
