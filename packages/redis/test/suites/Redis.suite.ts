/**
 * What Redis does however its servers stand to one another.
 */
import { assert, layer } from "@effect/vitest"
import { Redis, Script } from "@letletme/redis"
import { Effect, Fiber, type Layer, Result, Schedule, Schema, Stream } from "effect"

export const allBytes = Uint8Array.from({ length: 256 }, (_, byte) => byte)

/** Tries until it holds, for at most ten seconds. */
export const eventually = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, { schedule: Schedule.spaced("20 millis"), times: 500 })

/** Asks every primary. */
const everywhere = (command: string, ...args: ReadonlyArray<string>) =>
  Redis.use(({ send, spread }) =>
    spread === undefined
      ? send(command, ...args)
      : Effect.flatMap(spread.primaries, (nodes) => Effect.forEach(nodes, (one) => one(command, args)))
  )

const add = Script.make({
  name: "add",
  lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])",
  reply: Schema.Int
})

export const suite = <E>(name: string, over: Layer.Layer<Redis, E>) =>
  layer(over, { excludeTestServices: true })(name, (it) => {
    it.effect("keeps every byte of a value", () =>
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
      })
    )

    it.effect("writes only if absent, with a time to live, and removes", () =>
      Effect.gen(function* () {
        const redis = yield* Redis
        assert.isTrue(yield* redis.set("k", Buffer.from("1"), { timeToLive: 60_000, onlyIfAbsent: true }))
        assert.isFalse(yield* redis.set("k", Buffer.from("2"), { onlyIfAbsent: true }))
        assert.isAbove(Number(yield* redis.send("PTTL", "k")), 50_000)
        assert.strictEqual(yield* redis.remove(["k", "other"]), 1)
      })
    )

    it.effect("drops every connection on request, and goes on over new ones", () =>
      Effect.gen(function* () {
        const redis = yield* Redis
        const blocking = yield* redis.blocking
        const id = Effect.map(redis.send("CLIENT", "ID"), Number)
        const before = yield* id
        const waiting = yield* Effect.forkChild(Effect.flip(blocking.send(20_000, "BLPOP", "nothing comes", "0")))
        yield* eventually(
          Effect.filterOrFail(everywhere("INFO", "clients"), (infos) =>
            /blocked_clients:[1-9]/.test([infos].flat().map(String).join("\n"))
          )
        )
        yield* redis.reconnect
        assert.isTrue((yield* Fiber.join(waiting)).isTemporary)
        assert.notStrictEqual(yield* eventually(id), before)
        assert.strictEqual(yield* eventually(blocking.send(5_000, "ECHO", "again")), "again")
      }).pipe(Effect.scoped)
    )

    it.effect("reads more keys than one command carries, and scans them", () =>
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
      })
    )

    it.effect("a pipeline gives each command its own result", () =>
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
      })
    )

    it.effect("a script runs by its digest, and again after the server forgot it", () =>
      Effect.gen(function* () {
        const redis = yield* Redis
        assert.strictEqual(yield* redis.eval(add, ["n"], [2]), 2)
        yield* everywhere("SCRIPT", "FLUSH")
        assert.strictEqual(yield* redis.eval(add, ["n"], [3]), 5)
        assert.include(String(yield* everywhere("INFO", "commandstats")), "cmdstat_evalsha")
      })
    )

    it.effect("a blocking read is answered, ends at its time-out, and leaves nothing behind when interrupted", () =>
      Effect.gen(function* () {
        const redis = yield* Redis
        const blocking = yield* redis.blocking
        const ended = yield* Effect.flip(blocking.send(50, "BLPOP", "queue", 0))
        assert.strictEqual(ended.reason._tag, "Timeout")
        const blocked = Effect.flatMap(everywhere("INFO", "clients"), (info) =>
          String(info).includes("blocked_clients:1") ? Effect.void : Effect.fail("not yet")
        )
        yield* eventually(Effect.flip(blocked))
        const waiting = yield* Effect.forkScoped(eventually(blocking.send(60_000, "BLPOP", "queue", 0)))
        yield* eventually(blocked)
        yield* Fiber.interrupt(waiting)
        yield* eventually(Effect.flip(blocked))
        yield* redis.send("LPUSH", "queue", "x")
        assert.deepStrictEqual(yield* eventually(blocking.send(1_000, "BLPOP", "queue", 1)), ["queue", "x"])
      })
    )

    it.effect("hears what is published", () =>
      Effect.gen(function* () {
        const redis = yield* Redis
        const heard: Array<string> = []
        yield* redis.subscribe("news", (message) => heard.push(message))
        yield* eventually(
          Effect.andThen(redis.send("PUBLISH", "news", "goal"), () =>
            heard.includes("goal") ? Effect.void : Effect.fail("not yet")
          )
        )
      })
    )
  })
