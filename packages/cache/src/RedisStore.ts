/**
 * The store in Redis: entries under `{namespace}:{key}@{fingerprint}`, with a time to live each.
 */
import { Redis, type RedisError } from "@letletme/redis"
import { Effect, Layer, Stream } from "effect"
import * as CacheConfig from "./CacheConfig.ts"
import { CacheError, StoreFailed } from "./CacheError.ts"
import { CacheStore, type Fill } from "./CacheStore.ts"
import { inParts } from "./internal/inParts.ts"
import * as scripts from "./internal/scripts.ts"

/** A call takes entries of one slot, where there are slots. */
const apart = ({ spread }: Redis["Service"], limit: number) => ({
  limit,
  partOf: spread === undefined ? undefined : ({ key }: { readonly key: string }) => spread.slotOf(key)
})

/** Names the operation that a failed command was part of. */
export const storeFailed = (operation: string) => (cause: RedisError) =>
  new CacheError({ reason: new StoreFailed({ operation, temporary: cause.isTemporary, cause }) })

/**
 * Writes fills: each is refused where its key holds what is newer, or where its fence is over by the table. In a cluster
 * the table lies elsewhere: a fill then goes by its stamp and revision alone.
 *
 * Fails with `CacheError` where Redis does not answer. At most `maxBatch` entries go in one call.
 */
export const fillOver =
  (redis: Redis["Service"], { maxBatch, table }: { readonly maxBatch: number; readonly table?: string }) =>
  (fills: ReadonlyArray<Fill>): Effect.Effect<ReadonlyArray<boolean>, CacheError> =>
    inParts(fills, apart(redis, maxBatch), (some) =>
      redis.eval(
        scripts.fill,
        [...some.map(({ key }) => key), ...(table === undefined || redis.spread !== undefined ? [] : [table])],
        some.flatMap(({ stamp, revision, timeToLive, overwrite, bytes, fence = 0 }) => [
          bytes,
          Math.max(1, Math.round(timeToLive)),
          fence,
          overwrite ? "" : `${stamp} ${revision.time} ${revision.sequence}`
        ])
      )
    ).pipe(
      Effect.map((parts) => parts.map((stored) => stored === 1)),
      Effect.mapError(storeFailed("Writing entries"))
    )

/** The store over the Redis in context. */
export const layer: Layer.Layer<CacheStore, never, Redis> = Layer.effect(
  CacheStore,
  Effect.gen(function* () {
    const redis = yield* Redis
    const { maxBatch, namespace } = yield* CacheConfig.Settings
    const parts = apart(redis, maxBatch)

    return CacheStore.of({
      ...(redis.spread === undefined ? {} : { homeOf: redis.spread.nodeOf }),
      getMany: (keys) => Effect.mapError(redis.mget(keys), storeFailed("Reading entries")),
      fill: fillOver(redis, { maxBatch, table: `{${namespace}}:table` }),
      remove: (keys) => Effect.asVoid(Effect.mapError(redis.remove(keys), storeFailed("Removing entries"))),
      discard: (held) =>
        inParts(held, parts, (some) =>
          redis.eval(
            scripts.discard,
            some.map(({ key }) => key),
            some.map(({ bytes }) => bytes)
          )
        ).pipe(
          Effect.map((answers) => answers.map((deleted) => deleted === 1)),
          Effect.mapError(storeFailed("Discarding entries"))
        ),
      scan: (prefix) =>
        Stream.mapError(redis.scan(`${prefix.replace(/[\\*?[\]]/g, "\\$&")}*`), storeFailed("Listing entries")),
      lease: (leases, timeToLive) =>
        inParts(leases, parts, (some) =>
          redis.eval(
            scripts.lease,
            some.map(({ key }) => key),
            [Math.max(1, Math.round(timeToLive)), ...some.flatMap(({ from = "", holder }) => [holder, from])]
          )
        ).pipe(
          Effect.map((holders) => holders.map((holder) => (holder === "" ? undefined : holder))),
          Effect.mapError(storeFailed("Taking leases"))
        ),
      release: (leases) =>
        inParts(leases, parts, (some) =>
          Effect.as(
            redis.eval(
              scripts.release,
              some.map(({ key }) => key),
              some.map(({ holder }) => holder)
            ),
            []
          )
        ).pipe(Effect.asVoid, Effect.mapError(storeFailed("Releasing leases")))
    })
  })
)
