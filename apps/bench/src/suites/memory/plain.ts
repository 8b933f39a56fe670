/**
 * The same values without a cache: decoded as ours are, in an array, and in what else holds values.
 */
import { Codec } from "@letletme/cache"
import { Cache, Effect, Result } from "effect"
import { Redis } from "ioredis"
import { LRUCache } from "lru-cache"
import { main, stopwatch, type Task } from "../../contest/Contestant.ts"
import { Match, matchOf } from "../Data.ts"
import { used } from "./Heap.ts"

const codec = Codec.make(Match)

const payloadOf = (id: number) => Buffer.from(Result.getOrThrow(codec.encode(matchOf(id))))

/** A value as it comes out of Redis. */
const parse = (id: number): Match => Result.getOrThrow(codec.decode(payloadOf(id)))

/** What it takes to hold that many. */
const held =
  (hold: (count: number) => Effect.Effect<{ readonly size: number }>): Task =>
  (count) =>
    Effect.gen(function* () {
      const before = yield* used
      const stop = stopwatch()
      const holder = yield* hold(count)
      const after = yield* used
      // It is used after the measurement, or it could be collected before.
      return stop(holder.size, { bytesEach: (after - before) / count })
    })

main((port) =>
  Effect.sync(() => {
    const redis = new Redis({ port })
    /** Bytes under keys of the same kind as ours, each with a time to live. */
    const stored =
      (kind: string, bytesOf: (id: number) => string | Buffer): Task =>
      (count) =>
        Effect.promise(async () => {
          const stop = stopwatch()
          for (let from = 0; from < count; from += 1_000) {
            const pipeline = redis.pipeline()
            for (let id = from; id < Math.min(from + 1_000, count); id++) {
              pipeline.set(`letletme:${kind}:${id}`, bytesOf(id), "PX", 3_600_000)
            }
            await pipeline.exec()
          }
          return stop(count)
        })
    return {
      values: held((count) =>
        Effect.sync(() => {
          const values = Array.from({ length: count }, (_, id) => parse(id))
          return {
            get size() {
              return values.length
            }
          }
        })
      ),
      "lru-cache": held((count) =>
        Effect.sync(() => {
          const cache = new LRUCache<string, Match>({ max: count })
          for (let id = 0; id < count; id++) cache.set(`match:${id}`, parse(id))
          return cache
        })
      ),
      "Effect Cache": held((count) =>
        Effect.gen(function* () {
          const cache = yield* Cache.make({
            capacity: count,
            timeToLive: "1 hour",
            lookup: (key: string) => Effect.sync(() => parse(Number(key.slice(6))))
          })
          for (let id = 0; id < count; id++) yield* Cache.get(cache, `match:${id}`)
          const size = yield* Cache.size(cache)
          return {
            cache,
            get size() {
              return size
            }
          }
        })
      ),
      json: stored("json", (id) => JSON.stringify(matchOf(id))),
      payload: stored("payload", payloadOf)
    }
  })
)
