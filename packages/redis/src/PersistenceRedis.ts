/**
 * Effect's own Redis service over this one, so that Effect's RateLimiter, PersistedQueue, PersistedCache and
 * CircuitBreaker run on ioredis.
 */
import { Effect, Exit, Layer, Schema, Scope } from "effect"
import { Redis as Persistence } from "effect/persistence"
import { type Commands, Redis } from "./Redis.ts"

// Effect's interface lets the caller name the reply's type, and does not check it.
const unchecked = Schema.decodeUnknownEffect(Schema.Any)

const wrap = <A, R>(effect: Effect.Effect<A, unknown, R>): Effect.Effect<A, Persistence.RedisError, R> =>
  Effect.mapError(effect, (cause) => new Persistence.RedisError({ cause }))

const sendOver =
  (commands: Commands) =>
  <A = unknown>(command: string, ...args: ReadonlyArray<string>): Effect.Effect<A, Persistence.RedisError> =>
    wrap(Effect.flatMap(commands.send(command, ...args), unchecked))

/**
 * Provides `effect/persistence/Redis` from the `Redis` in context. Reserved connections and subscribers have
 * connections of their own.
 *
 * @experimental
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { RateLimiter } from "effect/persistence"
 * import { PersistenceRedis, Redis } from "@letletme/redis"
 *
 * const limiter = RateLimiter.layer.pipe(
 *   Layer.provide(RateLimiter.layerStoreRedis()),
 *   Layer.provide(PersistenceRedis.layer),
 *   Layer.provide(Redis.layerConfig)
 * )
 * ```
 */
export const layer: Layer.Layer<Persistence.Redis, never, Redis> = Layer.effect(
  Persistence.Redis,
  Effect.gen(function* () {
    const redis = yield* Redis
    return yield* Persistence.make({
      send: sendOver(redis),
      subscribe: (channel, onMessage) =>
        Effect.as(wrap(redis.subscribe(channel, (message) => onMessage({ channel, message }))), Effect.never),
      connect: Effect.gen(function* () {
        const scope = yield* Scope.make()
        const commands = yield* wrap(Scope.provide(redis.dedicated, scope))
        return { send: sendOver(commands), close: Scope.close(scope, Exit.void) }
      })
    })
  })
)
