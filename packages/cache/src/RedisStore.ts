/**
 * The store in Redis: entries under `{namespace}:{key}@{fingerprint}`, with a time to live each.
 */
import { Redis, type RedisError, type Spread } from "@letletme/redis"
import { Effect, Layer, Stream } from "effect"
import { CacheError, StoreFailed } from "./CacheError.ts"
import { CacheStore, type Fill } from "./CacheStore.ts"
import * as scripts from "./internal/scripts.ts"

// One script call carries at most this many entries: the server answers nobody else while it runs.
const chunk = 128

const chunks = <A>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(items.length / chunk) }, (_, index) => items.slice(index * chunk, (index + 1) * chunk))

/** Calls for some items at a time, of one slot where there are slots; answers in the order of the items. */
const inParts = <A extends { readonly key: string }, B, E>(
  spread: Spread | undefined,
  items: ReadonlyArray<A>,
  call: (some: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>, E>
): Effect.Effect<ReadonlyArray<B | undefined>, E> => {
  const slots =
    spread === undefined
      ? [items.map((item, index) => ({ item, index }))]
      : [
          ...Map.groupBy(
            items.map((item, index) => ({ item, index })),
            ({ item }) => spread.slotOf(item.key)
          ).values()
        ]
  const parts = slots.flatMap(chunks)
  return Effect.map(
    Effect.forEach(parts, (part) => call(part.map(({ item }) => item)), {
      concurrency: spread === undefined ? 4 : "unbounded"
    }),
    (answers) => {
      const all = Array.from<B | undefined>({ length: items.length })
      for (const [at, part] of parts.entries()) {
        for (const [within, { index }] of part.entries()) all[index] = answers[at]?.[within]
      }
      return all
    }
  )
}

/** Names the operation that a failed command was part of. */
export const storeFailed = (operation: string) => (cause: RedisError) =>
  new CacheError({ reason: new StoreFailed({ operation, temporary: cause.isTemporary, cause }) })

/** Writes fills: each is refused where its key holds what is newer. */
export const fillOver =
  ({ eval: evaluate, spread }: Redis["Service"]) =>
  (fills: ReadonlyArray<Fill>): Effect.Effect<ReadonlyArray<boolean>, CacheError> =>
    inParts(spread, fills, (some) =>
      evaluate(
        scripts.fill,
        some.map(({ key }) => key),
        some.flatMap(({ stamp, revision, timeToLive, overwrite, bytes }) => [
          stamp,
          revision.time,
          revision.sequence,
          Math.max(1, Math.round(timeToLive)),
          overwrite ? 1 : 0,
          bytes
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

    return CacheStore.of({
      getMany: (keys) => Effect.mapError(redis.mget(keys), storeFailed("Reading entries")),
      fill: fillOver(redis),
      remove: (keys) => Effect.asVoid(Effect.mapError(redis.remove(keys), storeFailed("Removing entries"))),
      scan: (prefix) =>
        Stream.mapError(redis.scan(`${prefix.replace(/[\\*?[\]]/g, "\\$&")}*`), storeFailed("Listing entries")),
      lease: (leases, timeToLive) =>
        inParts(redis.spread, leases, (some) =>
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
        inParts(redis.spread, leases, (some) =>
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
