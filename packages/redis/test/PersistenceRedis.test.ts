import { assert, describe, it } from "@effect/vitest"
import { PersistenceRedis, Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Deferred, Effect, Exit, Layer, Queue, Schema } from "effect"
import {
  PersistedCache,
  PersistedQueue,
  Persistable,
  Persistence,
  RateLimiter,
  Redis as EffectRedis
} from "effect/persistence"

const redis = Layer.unwrap(RedisServer.use(({ port }) => Effect.succeed(Redis.layer({ port })))).pipe(
  Layer.provide(RedisServer.layer)
)
const effectRedis = PersistenceRedis.layer.pipe(Layer.provide(redis))

class User extends Persistable.Class<{ payload: { id: number } }>()("User", {
  primaryKey: ({ id }) => `${id}`,
  success: Schema.String
}) {}

describe("PersistenceRedis", () => {
  it.live("RateLimiter counts across two limiters", () =>
    Effect.gen(function* () {
      const make = Layer.build(Layer.fresh(RateLimiter.layer.pipe(Layer.provide(RateLimiter.layerStoreRedis()))))
      const [one, two] = [yield* make, yield* make]
      const take = RateLimiter.RateLimiter.use((limiter) =>
        limiter.consume({ key: "api", limit: 3, window: "1 minute", algorithm: "fixed-window", onExceeded: "fail" })
      )
      yield* Effect.provideContext(take, one)
      yield* Effect.provideContext(take, two)
      yield* Effect.provideContext(take, one)
      const exit = yield* Effect.exit(Effect.provideContext(take, two))
      assert.isTrue(Exit.isFailure(exit))
    }).pipe(Effect.scoped, Effect.provide(effectRedis))
  )

  it.live("PersistedQueue gives an element to one taker, and again after a failure", () =>
    Effect.gen(function* () {
      const queue = yield* PersistedQueue.make({ name: "jobs", schema: Schema.String })
      yield* queue.offer("work")
      yield* Effect.exit(queue.take(() => Effect.fail("not this time")))
      const taken = yield* queue.take((value, { attempts }) => Effect.succeed([value, attempts] as const))
      assert.deepStrictEqual(taken, ["work", 2])
    }).pipe(
      Effect.scoped,
      Effect.provide(
        PersistedQueue.layer.pipe(Layer.provide(PersistedQueue.layerStoreRedis()), Layer.provide(effectRedis))
      )
    )
  )

  it.live("PersistedCache keeps a value for a cache that starts afterwards", () =>
    Effect.gen(function* () {
      let lookups = 0
      const read = Effect.gen(function* () {
        const cache = yield* PersistedCache.make(
          (user: User) => Effect.sync(() => `user ${user.id}, lookup ${++lookups}`),
          {
            storeId: "users",
            timeToLive: () => "1 minute",
            inMemoryTTL: () => "1 millis",
            inMemoryCapacity: 10
          }
        )
        return yield* cache.get(new User({ id: 1 }))
      })
      assert.strictEqual(yield* Effect.scoped(read), "user 1, lookup 1")
      assert.strictEqual(yield* Effect.scoped(read), "user 1, lookup 1")
    }).pipe(Effect.provide(Persistence.layerRedis.pipe(Layer.provide(effectRedis))))
  )

  it.live("a subscriber hears what is published", () =>
    Effect.gen(function* () {
      const { send, subscribe } = yield* EffectRedis.Redis
      const heard = yield* Deferred.make<string>()
      const messages = yield* subscribe("news")
      yield* Effect.forkScoped(Effect.flatMap(Queue.take(messages), ({ message }) => Deferred.succeed(heard, message)))
      yield* send("PUBLISH", "news", "goal").pipe(
        Effect.filterOrFail((receivers) => receivers === 1),
        Effect.retry({ times: 100 })
      )
      assert.strictEqual(yield* Deferred.await(heard), "goal")
    }).pipe(Effect.scoped, Effect.provide(effectRedis))
  )
})
