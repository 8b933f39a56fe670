/**
 * The store in Redis: entries under `{namespace}:{key}@{fingerprint}`, with a time to live each.
 */
import { Redis, type RedisError } from "@letletme/redis"
import { Effect, Layer, Stream } from "effect"
import { CacheError, StoreFailed } from "./CacheError.ts"
import { CacheStore, type Fill } from "./CacheStore.ts"
import * as scripts from "./internal/scripts.ts"

// One script call carries at most this many entries: the server answers nobody else while it runs.
const chunk = 128

const chunks = <A>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(items.length / chunk) }, (_, index) => items.slice(index * chunk, (index + 1) * chunk))

/** Names the operation that a failed command was part of. */
export const storeFailed = (operation: string) => (cause: RedisError) =>
  new CacheError({ reason: new StoreFailed({ operation, temporary: cause.isTemporary, cause }) })

/** The store over the Redis in context. */
export const layer: Layer.Layer<CacheStore, never, Redis> = Layer.effect(
  CacheStore,
  Effect.gen(function* () {
    const redis = yield* Redis

    const fillSome = (fills: ReadonlyArray<Fill>) =>
      redis.eval(
        scripts.fill,
        fills.map(({ key }) => key),
        fills.flatMap(({ stamp, revision, timeToLive, overwrite, bytes }) => [
          stamp,
          revision.time,
          revision.sequence,
          Math.max(1, Math.round(timeToLive)),
          overwrite ? 1 : 0,
          bytes
        ])
      )

    return CacheStore.of({
      getMany: (keys) => Effect.mapError(redis.mget(keys), storeFailed("Reading entries")),
      fill: (fills) =>
        Effect.forEach(chunks(fills), fillSome, { concurrency: 4 }).pipe(
          Effect.map((parts) => parts.flat().map((stored) => stored === 1)),
          Effect.mapError(storeFailed("Writing entries"))
        ),
      remove: (keys) => Effect.asVoid(Effect.mapError(redis.remove(keys), storeFailed("Removing entries"))),
      scan: (prefix) =>
        Stream.mapError(redis.scan(`${prefix.replace(/[\\*?[\]]/g, "\\$&")}*`), storeFailed("Listing entries")),
      lease: (leases, timeToLive) =>
        Effect.forEach(chunks(leases), (some) =>
          redis.eval(
            scripts.lease,
            some.map(({ key }) => key),
            [Math.max(1, Math.round(timeToLive)), ...some.flatMap(({ from = "", holder }) => [holder, from])]
          )
        ).pipe(
          Effect.map((parts) => parts.flat().map((holder) => (holder === "" ? undefined : holder))),
          Effect.mapError(storeFailed("Taking leases"))
        ),
      release: (leases) =>
        Effect.forEach(
          chunks(leases),
          (some) =>
            redis.eval(
              scripts.release,
              some.map(({ key }) => key),
              some.map(({ holder }) => holder)
            ),
          { discard: true }
        ).pipe(Effect.mapError(storeFailed("Releasing leases")))
    })
  })
)
