/**
 * cacheable in two tiers with CacheableSync and the tag service.
 */
import KeyvRedis from "@keyv/redis"
import { RedisMessageProvider } from "@qified/redis"
import { Cacheable } from "cacheable"
import { Effect } from "effect"
import { EventEmitter } from "node:events"
import { call, type Node, type Peer, tagOf, timeToLive } from "../Peer.ts"
import type { Source } from "../Source.ts"

const name = "cacheable 2.5.0"

export const peer: Peer = {
  name,
  short: "cacheable",
  note: "memory, Redis (blocking) and sync over Redis; tags on; getOrSet knows no tags, so a miss is loaded and set with them; error listeners added to its sync's clients",
  node: Effect.fnUntraced(function* (port: number, source: Source) {
    const uri = `redis://127.0.0.1:${port}`
    const provider = new RedisMessageProvider({ uri })
    // It listens to no errors of its clients and offers no way to: a connection that is cut would end the process.
    const clients: ReadonlyArray<unknown> = [provider["pub"], provider["sub"]]
    for (const client of clients) if (client instanceof EventEmitter) client.on("error", () => {})
    yield* call(name, () => provider.connect())
    const cache = yield* Effect.acquireRelease(
      Effect.sync(
        () => new Cacheable({ secondary: new KeyvRedis(uri), ttl: timeToLive, tags: true, sync: { qified: provider } })
      ),
      (cacheable) =>
        Effect.promise(async () => {
          await cacheable.disconnect()
          await provider.disconnect()
        })
    )
    // An error event that nobody listens to would end the process.
    cache.on("error", () => {})
    const loading = new Map<string, Promise<string>>()
    /** What getOrSet does, with tags: callers of one key share a load. */
    const load = (key: string) => {
      const running = loading.get(key)
      if (running !== undefined) return running
      const started = (async () => {
        const value = await source.loadPromise(key)
        await cache.set(key, value, { tags: [tagOf(key)] })
        return value
      })().finally(() => loading.delete(key))
      loading.set(key, started)
      return started
    }
    const made: Node = {
      read: (key) => call(name, async () => (await cache.get<string>(key)) ?? (await load(key))),
      invalidate: (key) => Effect.asVoid(call(name, () => cache.delete(key))),
      invalidateTag: (tag) => Effect.asVoid(call(name, () => cache.tags.invalidateTag(tag)))
    }
    return made
  }),
  hasTags: true,
  marks: "*:tag:*",
  listener: "sub=2"
}
