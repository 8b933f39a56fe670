/**
 * What befalls a Redis server: connections cut, keys evicted.
 */
import { Redis, type RedisError } from "@letletme/redis"
import { Effect, Schedule, Schema, Stream } from "effect"

/** The server refused, or a connection did not come back. */
export class AdminFailed extends Schema.TaggedError<AdminFailed>()("AdminFailed", { message: Schema.String }) {}

const failed = (error: RedisError | Schema.SchemaError) => new AdminFailed({ message: error.message })
const decodeText = Schema.decodeUnknownEffect(Schema.String)

/** The ids of connections whose line in CLIENT LIST has all of these words. */
const idsOf = (words: string) =>
  Redis.use((redis) => Effect.flatMap(redis.send("CLIENT", "LIST"), decodeText)).pipe(
    Effect.mapError(failed),
    Effect.map((list) =>
      list
        .split("\n")
        .filter((line) => line.split(" ").includes(words))
        .flatMap((line) => /^id=(\d+)/.exec(line)?.[1] ?? [])
    )
  )

/** Connections that listen, and how many there are. */
export interface Listeners {
  readonly words: string | undefined
  readonly count: number
}

/** The connections with this word now. */
export const listeners = (words: string | undefined): Effect.Effect<Listeners, AdminFailed, Redis> =>
  words === undefined
    ? Effect.succeed({ words, count: 0 })
    : Effect.map(idsOf(words), (ids) => ({ words, count: ids.length }))

/** Runs an effect while those connections are down: they are cut whenever they come back. */
export const whileDown = <A, E, R>(
  { words }: Listeners,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | AdminFailed, R | Redis> => {
  if (words === undefined) return effect
  const drop = Effect.flatMap(idsOf(words), (ids) =>
    Effect.forEach(
      ids,
      // It may be gone by then.
      (id) => Redis.use((redis) => Effect.ignore(redis.send("CLIENT", "KILL", "ID", id))),
      { discard: true, concurrency: "unbounded" }
    )
  )
  return Effect.andThen(drop, Effect.raceFirst(effect, Effect.forever(drop)))
}

/** Waits until as many listen as before. */
export const untilBack = ({ count, words }: Listeners): Effect.Effect<void, AdminFailed, Redis> =>
  Effect.gen(function* () {
    const now = yield* listeners(words)
    if (now.count < count) {
      return yield* new AdminFailed({ message: `Of ${count} listening connections, ${now.count} came back.` })
    }
  }).pipe(Effect.retry({ schedule: Schedule.spaced("10 millis"), times: 500 }))

/** Deletes keys as an eviction does. */
export const evict = (pattern: string): Effect.Effect<void, AdminFailed, Redis> =>
  Redis.use((redis) =>
    redis.scan(pattern).pipe(
      Stream.runForEach((keys) => redis.remove(keys)),
      Effect.mapError(failed)
    )
  )

/** Empties the server, for the next case. */
export const empty: Effect.Effect<void, AdminFailed, Redis> = Redis.use((redis) =>
  Effect.asVoid(Effect.mapError(redis.send("FLUSHALL"), failed))
)
