import { assert, describe, it } from "@effect/vitest"
import { Redis, RedisError, Script } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Deferred, Effect, Fiber, Layer, Redacted, Result, Schedule, Schema, Stream } from "effect"

const overServer = (options?: { readonly commandTimeout?: number }) =>
  Layer.unwrap(RedisServer.use(({ port }) => Effect.succeed(Redis.layer({ port, ...options })))).pipe(
    Layer.provideMerge(RedisServer.layer)
  )

const reasonOf = <A>(effect: Effect.Effect<A, RedisError, Redis>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason._tag)

/** Tries until it holds, for at most ten seconds. */
const eventually = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, { schedule: Schedule.spaced("20 millis"), times: 500 })

const allBytes = Uint8Array.from({ length: 256 }, (_, byte) => byte)

describe("Redis", () => {
  it.live("keeps every byte of a value", () =>
    Effect.gen(function* () {
      const redis = yield* Redis
      assert.isTrue(yield* redis.set("bytes", allBytes))
      assert.deepStrictEqual(Uint8Array.from((yield* redis.get("bytes")) ?? []), allBytes)
      assert.isUndefined(yield* redis.get("nothing"))
      const many = yield* redis.mget(["bytes", "nothing", "bytes"])
      assert.deepStrictEqual(
        many.map((value) => value?.length),
        [256, undefined, 256]
      )
    }).pipe(Effect.provide(overServer()))
  )

  it.live("writes only if absent, with a time to live, and removes", () =>
    Effect.gen(function* () {
      const redis = yield* Redis
      assert.isTrue(yield* redis.set("k", Buffer.from("1"), { timeToLive: 60_000, onlyIfAbsent: true }))
      assert.isFalse(yield* redis.set("k", Buffer.from("2"), { onlyIfAbsent: true }))
      assert.isAbove(Number(yield* redis.send("PTTL", "k")), 50_000)
      assert.strictEqual(yield* redis.remove(["k", "other"]), 1)
    }).pipe(Effect.provide(overServer()))
  )

  it.live("reads more keys than one command carries, and scans them", () =>
    Effect.gen(function* () {
      const redis = yield* Redis
      const keys = Array.from({ length: 2_500 }, (_, index) => `many:${index}`)
      const written = yield* redis.pipeline(keys.map((key) => ["SET", key, key] as const))
      assert.isTrue(written.every(Result.isSuccess))
      const values = yield* redis.mget(keys)
      assert.deepStrictEqual(
        values.map((value) => Buffer.from(value ?? []).toString()),
        keys
      )
      const found = yield* Stream.runCollect(redis.scan("many:*"))
      assert.strictEqual(new Set(found.flat()).size, 2_500)
    }).pipe(Effect.provide(overServer()))
  )

  it.live("a pipeline gives each command its own result", () =>
    Effect.gen(function* () {
      const redis = yield* Redis
      const [first, second, third] = yield* redis.pipeline([
        ["SET", "a", "1"],
        ["LPUSH", "a", "x"],
        ["GET", "a"]
      ])
      assert.isTrue(first !== undefined && Result.isSuccess(first))
      assert.isTrue(second !== undefined && Result.isFailure(second) && second.failure.reason._tag === "WrongType")
      assert.isTrue(third !== undefined && Result.isSuccess(third))
    }).pipe(Effect.provide(overServer()))
  )

  const add = Script.make({
    name: "add",
    lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])",
    reply: Schema.Int
  })

  it.live("a script runs by its digest, and again after the server forgot it", () =>
    Effect.gen(function* () {
      const redis = yield* Redis
      assert.strictEqual(yield* redis.eval(add, ["n"], [2]), 2)
      yield* redis.send("SCRIPT", "FLUSH")
      assert.strictEqual(yield* redis.eval(add, ["n"], [3]), 5)
      assert.include(String(yield* redis.send("INFO", "commandstats")), "cmdstat_evalsha")
    }).pipe(Effect.provide(overServer()))
  )

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

  it.live("an interrupted blocking read drops its connection's wait, and the connection serves again", () =>
    Effect.gen(function* () {
      const redis = yield* Redis
      const blocking = yield* redis.blocking
      const waiting = yield* Effect.forkScoped(blocking.send(60_000, "BLPOP", "queue", 0))
      const blocked = Effect.flatMap(redis.send("INFO", "clients"), (info) =>
        String(info).includes("blocked_clients:1") ? Effect.void : Effect.fail("not yet")
      )
      yield* eventually(blocked)
      yield* Fiber.interrupt(waiting)
      yield* eventually(Effect.flip(blocked))
      yield* redis.send("LPUSH", "queue", "x")
      assert.deepStrictEqual(yield* eventually(blocking.send(1_000, "BLPOP", "queue", 1)), ["queue", "x"])
    }).pipe(Effect.scoped, Effect.provide(overServer()))
  )

  it.live("a blocking read ends at its time-out", () =>
    Effect.gen(function* () {
      const redis = yield* Redis
      const blocking = yield* redis.blocking
      assert.strictEqual(yield* reasonOf(blocking.send(50, "BLPOP", "queue", 0)), "Timeout")
    }).pipe(Effect.scoped, Effect.provide(overServer()))
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
