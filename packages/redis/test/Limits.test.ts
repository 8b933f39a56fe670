import { assert, describe, it } from "@effect/vitest"
import { Redis, RedisConfig, type RedisError } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { ConfigProvider, Effect, Fiber, Layer, Result } from "effect"
import { eventually } from "./suites/Redis.suite.ts"

const limited = (limits: Partial<RedisConfig.RedisConfig>) =>
  Layer.unwrap(RedisServer.use(({ port }) => Effect.succeed(Redis.layer({ port, ...limits })))).pipe(
    Layer.provideMerge(RedisServer.layer)
  )

const told = <A, R>(effect: Effect.Effect<A, RedisError, R>) =>
  Effect.map(Effect.flip(effect), ({ isTemporary, message, reason }) => ({ is: reason._tag, isTemporary, message }))

describe("Limits", () => {
  it.live("more commands than may wait for an answer are refused at once, and later ones are not", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer
      const redis = yield* Redis
      yield* server.pause
      const waiting = yield* Effect.forEach(["1", "2", "3"], (key) =>
        Effect.forkChild(redis.get(key), { startImmediately: true })
      )
      const { is, isTemporary, message } = yield* told(redis.get("4"))
      assert.deepStrictEqual([is, isTemporary], ["Overloaded", true])
      assert.match(message, /GET: .*3 commands wait for an answer.*REDIS_MAX_IN_FLIGHT/)
      yield* server.resume
      for (const fiber of waiting) assert.isUndefined(yield* Fiber.join(fiber))
      assert.isUndefined(yield* redis.get("4"))
    }).pipe(Effect.provide(limited({ maxInFlight: 3, commandTimeout: 10_000 })))
  )

  it.live("what fails or is given up leaves its place to others", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer
      const redis = yield* Redis
      yield* server.pause
      const both = Effect.forEach(["1", "2"], (key) => told(redis.get(key)), { concurrency: 2 })
      assert.deepStrictEqual(
        (yield* both).map(({ is }) => is),
        ["Timeout", "Timeout"]
      )
      yield* server.resume
      yield* eventually(both.pipe(Effect.flip))
    }).pipe(Effect.provide(limited({ maxInFlight: 2, commandTimeout: 100 })))
  )

  it.live("one connection more than may be open is refused, until another is closed", () =>
    Effect.gen(function* () {
      const redis = yield* Redis
      const second = Effect.scoped(
        Effect.gen(function* () {
          yield* redis.blocking
          return yield* Effect.result(Effect.scoped(redis.dedicated))
        })
      )
      const refused = yield* told(Effect.flatMap(second, Effect.fromResult))
      assert.deepStrictEqual([refused.is, refused.isTemporary], ["Overloaded", true])
      assert.match(refused.message, /2 connections are open.*REDIS_MAX_CONNECTIONS/)
      yield* Effect.scoped(redis.dedicated)
    }).pipe(Effect.provide(limited({ maxConnections: 2 })))
  )

  it.live("more keys than one command takes go in several, and are answered as one", () =>
    Effect.gen(function* () {
      const redis = yield* Redis
      const keys = ["a", "b", "c", "d", "e"]
      const written = yield* redis.pipeline(keys.map((key) => ["SET", key, key] as const))
      assert.isTrue(written.every(Result.isSuccess))
      const found = yield* redis.mget([...keys, "f"])
      assert.deepStrictEqual(
        found.map((bytes) => bytes && Buffer.from(bytes).toString()),
        [...keys, undefined]
      )
      assert.strictEqual(yield* redis.remove(keys), 5)
      const stats = String(yield* redis.send("INFO", "commandstats"))
      assert.match(stats, /cmdstat_mget:calls=3,/)
      assert.match(stats, /cmdstat_unlink:calls=3,/)
    }).pipe(Effect.provide(limited({ keysPerCommand: 2 })))
  )

  it.live("a server that wants replicas for a write, and has none, is Busy: it may pass", () =>
    Effect.gen(function* () {
      const redis = yield* Redis
      yield* redis.send("CONFIG", "SET", "min-replicas-to-write", "1")
      const { is, isTemporary } = yield* told(redis.set("k", Buffer.from("v")))
      assert.deepStrictEqual([is, isTemporary], ["Busy", true])
    }).pipe(Effect.provide(limited({})))
  )

  it.effect("are read from the environment, and a wrong one is named", () =>
    Effect.gen(function* () {
      const read = (env: Record<string, string>) => RedisConfig.config.parse(ConfigProvider.fromEnv({ env }))
      const { keysPerCommand, maxConnections, maxInFlight } = yield* read({
        REDIS_MAX_IN_FLIGHT: "100",
        REDIS_MAX_CONNECTIONS: "8",
        REDIS_KEYS_PER_COMMAND: "50"
      })
      assert.deepStrictEqual([maxInFlight, maxConnections, keysPerCommand], [100, 8, 50])
      for (const name of ["REDIS_MAX_IN_FLIGHT", "REDIS_MAX_CONNECTIONS", "REDIS_KEYS_PER_COMMAND"]) {
        assert.include((yield* Effect.flip(read({ [name]: "0" }))).message, name)
      }
    })
  )
})
