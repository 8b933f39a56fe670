import { assert, describe, it } from "@effect/vitest"
import { Redis, RedisError, Script } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Deferred, Effect, Layer, Redacted, Schema, Stream } from "effect"
import { allBytes, eventually, suite } from "./suites/Redis.suite.ts"

const overServer = (options?: { readonly commandTimeout?: number }) =>
  Layer.unwrap(RedisServer.use(({ port }) => Effect.succeed(Redis.layer({ port, ...options })))).pipe(
    Layer.provideMerge(RedisServer.layer)
  )

const reasonOf = <A>(effect: Effect.Effect<A, RedisError, Redis>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason._tag)

suite("Redis, of one server", overServer())

describe("Redis", () => {
  it.live("names what went wrong: WrongType, Script, Decode, Refused", () =>
    Effect.gen(function* () {
      const redis = yield* Redis
      yield* redis.send("LPUSH", "list", "x")
      assert.strictEqual(yield* reasonOf(redis.get("list")), "WrongType")
      const broken = Script.make({ name: "broken", lua: "return nil + 1", reply: Schema.Int })
      assert.strictEqual(yield* reasonOf(redis.eval(broken, [], [])), "Script")
      const text = Script.make({ name: "text", lua: "return 'no number'", reply: Schema.Int })
      assert.strictEqual(yield* reasonOf(redis.eval(text, [], [])), "Decode")
      assert.strictEqual(yield* reasonOf(redis.send("NO-SUCH-COMMAND")), "Refused")
    }).pipe(Effect.provide(overServer()))
  )

  it.live("OutOfMemory is temporary", () =>
    Effect.gen(function* () {
      const redis = yield* Redis
      yield* redis.send("CONFIG", "SET", "maxmemory-policy", "noeviction")
      yield* redis.send("CONFIG", "SET", "maxmemory", "1000")
      const error = yield* Effect.flip(redis.set("k", allBytes))
      assert.strictEqual(error.reason._tag, "OutOfMemory")
      assert.isTrue(error.isTemporary)
    }).pipe(Effect.provide(overServer()))
  )

  it.live("a replica that takes no writes answers ReadOnly", () =>
    Effect.gen(function* () {
      const redis = yield* Redis
      yield* redis.send("REPLICAOF", "127.0.0.1", "1")
      assert.strictEqual(yield* reasonOf(redis.set("k", allBytes)), "ReadOnly")
    }).pipe(Effect.provide(overServer()))
  )

  it.live("a wrong password and a missing permission are Auth, and do not show the password", () =>
    Effect.gen(function* () {
      const { port } = yield* RedisServer
      const password = Redacted.make("not-the-secret")
      const wrong = Layer.build(Redis.layer({ port, username: "limited", password }))
      const refused = yield* Effect.flip(Effect.scoped(wrong))
      assert.strictEqual(refused.reason._tag, "Auth")
      assert.notInclude(refused.message, "not-the-secret")
      const redis = yield* Redis
      const limited = yield* Effect.flip(redis.send("FLUSHALL"))
      assert.strictEqual(limited.reason._tag, "Auth")
    }).pipe(
      Effect.provide(
        Layer.unwrap(
          RedisServer.use(({ port }) =>
            Effect.succeed(Redis.layer({ port, username: "limited", password: Redacted.make("secret") }))
          )
        ).pipe(
          Layer.provideMerge(
            RedisServer.layerWith({
              args: "--user limited on >secret ~* +@all -@dangerous".split(" ")
            })
          )
        )
      )
    )
  )

  it.live("an unreachable server fails the layer with ConnectionLost, unless it is lazy", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(Layer.build(Redis.layer({ port: 1, connectTimeout: 500 }))))
      assert.strictEqual(error.reason._tag, "ConnectionLost")
      const lazily = Redis.use((redis) => redis.get("k")).pipe(
        Effect.provide(Redis.layer({ port: 1, lazy: true, commandTimeout: 300 }))
      )
      assert.isTrue((yield* Effect.flip(lazily)).isTemporary)
    })
  )

  it.live("a server that stands still times the command out; it works again afterwards", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer
      const redis = yield* Redis
      yield* redis.set("k", allBytes)
      yield* server.pause
      assert.strictEqual(yield* reasonOf(redis.get("k")), "Timeout")
      yield* server.resume
      assert.strictEqual((yield* eventually(redis.get("k")))?.length, 256)
    }).pipe(Effect.provide(overServer({ commandTimeout: 200 })))
  )

  it.live("a server that dies is told by the state, fails commands, and is found again", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer
      const redis = yield* Redis
      const lost = yield* Deferred.make<void>()
      yield* redis.state.pipe(
        Stream.runForEach(({ _tag }) => (_tag === "Reconnecting" ? Deferred.succeed(lost, undefined) : Effect.void)),
        Effect.forkScoped
      )
      yield* server.kill
      yield* Deferred.await(lost)
      assert.strictEqual(yield* reasonOf(redis.get("k")), "ConnectionLost")
      yield* server.start
      yield* eventually(redis.get("k"))
      assert.deepStrictEqual(yield* redis.currentState, { _tag: "Ready" })
    }).pipe(Effect.scoped, Effect.provide(overServer({ commandTimeout: 300 })))
  )

  it.live("closing the layer leaves no client behind, also when the server is gone", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer
      const watcher = yield* Redis
      const use = Redis.use((redis) => Effect.scoped(Effect.andThen(redis.blocking, redis.set("k", allBytes))))
      yield* Effect.provide(use, Redis.layer({ port: server.port }))
      yield* eventually(
        Effect.flatMap(watcher.send("CLIENT", "LIST"), (list) =>
          String(list).trim().split("\n").length === 1 ? Effect.void : Effect.fail("still there")
        )
      )
      yield* Effect.provide(Effect.andThen(use, server.kill), Redis.layer({ port: server.port }))
    }).pipe(Effect.provide(overServer()))
  )
})
