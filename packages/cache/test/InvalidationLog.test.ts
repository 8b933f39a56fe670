import { assert, describe, it } from "@effect/vitest"
import { CacheConfig, CacheStore, InvalidationLog, RedisLog, RedisStore, Tag } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Effect, Layer } from "effect"
import { append, suite } from "./suites/InvalidationLog.suite.ts"
import { eventually, redis, type Settings } from "./tiers.ts"

const overMemory = (settings: Settings) =>
  InvalidationLog.layerMemory.pipe(
    Layer.provideMerge(CacheStore.layerMemory),
    Layer.provide(CacheConfig.layer(settings))
  )

const overRedis = (settings: Settings) =>
  Layer.mergeAll(RedisLog.layer, RedisStore.layer).pipe(
    Layer.provide(CacheConfig.layer({ namespace: "test", maxStaleness: 300, ...settings })),
    Layer.provideMerge(redis)
  )

suite("in memory", overMemory)
suite("in Redis", overRedis)

const [table, log] = ["{test}:table", "{test}:log"]
const tag = Tag.of("match", "1")
const send = (command: string, ...args: ReadonlyArray<string>) => Redis.use((it) => it.send(command, ...args))
const sendBytes = (command: string, ...args: ReadonlyArray<string>) => Redis.use((it) => it.sendBytes(command, ...args))

const restart = Effect.gen(function* () {
  const server = yield* RedisServer
  yield* server.kill
  yield* server.start
  yield* eventually(send("PING"))
})

describe("InvalidationLog in Redis, after the server lost state", () => {
  const losses: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown, Redis | RedisServer>]> = [
    ["the table was deleted", send("DEL", table)],
    ["table and log were deleted", send("DEL", table, log)],
    ["everything was flushed", send("FLUSHALL")],
    ["the server was restarted", restart],
    ["the table lost its head", send("HDEL", table, "#head")],
    ["the table lost its floor", send("HDEL", table, "#floor")],
    ["the table came from another run of the server", send("HSET", table, "#run", "0123abcd")]
  ]

  for (const [what, lose] of losses) {
    for (const asker of ["a view that saw it all", "a new view"] as const) {
      it.live(`${what}: ${asker} finds a new incarnation above all there was`, () =>
        Effect.gen(function* () {
          const logs = yield* InvalidationLog
          yield* append([tag])
          const { position } = yield* append([tag])
          yield* lose
          const { entries, floor, head } = yield* logs.sync(asker === "a new view" ? 0 : position)
          assert.isAbove(head, position)
          assert.strictEqual(floor, head)
          assert.deepStrictEqual(
            entries.map((entry) => [entry.position, entry.floor, entry.cause]),
            [[head, head, "incarnation"]]
          )
          assert.deepStrictEqual(yield* logs.snapshot, { position: head, floor: head, marks: [] })
          assert.strictEqual((yield* append([tag], head)).position, head + 1)
        }).pipe(Effect.provide(overRedis({})))
      )
    }
  }

  it.live("an append finds it out too, and comes after the new beginning", () =>
    Effect.gen(function* () {
      const { position } = yield* append([tag])
      yield* send("FLUSHALL")
      const appended = yield* append([tag], position)
      assert.isAbove(appended.position, position + 1)
      assert.strictEqual(appended.floor, appended.position - 1)
      assert.strictEqual(appended.entries.length, 2)
    }).pipe(Effect.provide(overRedis({})))
  )

  const restored = Effect.gen(function* () {
    const { position: old } = yield* append([tag])
    const dump = yield* sendBytes("DUMP", table)
    const { position } = yield* append([tag, Tag.of("match", "2")])
    yield* Redis.use((it) => it.send("RESTORE", table, "0", Buffer.isBuffer(dump) ? dump : "no dump", "REPLACE"))
    assert.strictEqual(yield* send("HGET", table, "#head"), `${old}`)
    return position
  })

  it.live("an older table was put back: a view that saw more finds a new incarnation", () =>
    Effect.gen(function* () {
      const position = yield* restored
      const { floor, head } = yield* InvalidationLog.use((it) => it.sync(position))
      assert.isAbove(head, position)
      assert.strictEqual(floor, head)
    }).pipe(Effect.provide(overRedis({})))
  )

  it.live("an older table was put back: a new view finds it out by the log", () =>
    Effect.gen(function* () {
      const position = yield* restored
      const { floor, head } = yield* InvalidationLog.use((it) => it.sync(0))
      assert.isAbove(head, position)
      assert.strictEqual(floor, head)
      assert.strictEqual((yield* append([tag])).position, head + 1)
    }).pipe(Effect.provide(overRedis({})))
  )

  it.live("the log alone was deleted: the head shows that entries are missing, the table that they were", () =>
    Effect.gen(function* () {
      const logs = yield* InvalidationLog
      const first = yield* append([tag])
      const { position } = yield* append([Tag.of("match", "2")])
      yield* send("DEL", log)
      const progress = yield* logs.sync(first.position)
      assert.deepStrictEqual([progress.head, progress.entries], [position, []])
      assert.deepStrictEqual(new Map((yield* logs.snapshot).marks).get(Tag.of("match", "2")), position)
      assert.strictEqual((yield* append([tag])).position, position + 1)
    }).pipe(Effect.provide(overRedis({})))
  )

  it.live("the server's clock was set back: positions still only grow", () =>
    Effect.gen(function* () {
      const ahead = 9_000_000_000_000_000
      yield* append([tag])
      yield* send("HSET", table, "#head", `${ahead}`)
      const { position } = yield* append([tag])
      assert.strictEqual(position, ahead + 1)
      yield* send("DEL", table)
      const { head } = yield* InvalidationLog.use((it) => it.sync(0))
      assert.isAbove(head, position)
      yield* send("FLUSHALL")
      assert.isAbove((yield* InvalidationLog.use((it) => it.sync(head))).head, head)
    }).pipe(Effect.provide(overRedis({})))
  )
})

describe("InvalidationLog in Redis, given what is no log", () => {
  it.live("takes an entry that it cannot read for a gap", () =>
    Effect.gen(function* () {
      const logs = yield* InvalidationLog
      const { position } = yield* append([tag])
      yield* send("XADD", log, `${position + 1}-0`, "tags", "not:*:a:tag", "cause", "x", "by", "y")
      yield* send("HSET", table, "#head", `${position + 1}`, "%no tag", "5", "match:2", "many")
      const { entries, head } = yield* logs.sync(position)
      assert.deepStrictEqual([head, entries], [position + 1, []])
      assert.isUndefined(yield* logs.at(position + 1))
      const snapshot = yield* logs.snapshot
      assert.deepStrictEqual([snapshot.position, [...snapshot.marks]], [position + 1, [[tag, position]]])
    }).pipe(Effect.provide(overRedis({})))
  )

  it.live("fails by name while the server is away, and goes on when it is back", () =>
    Effect.gen(function* () {
      const logs = yield* InvalidationLog
      const server = yield* RedisServer
      const { position } = yield* append([tag])
      yield* server.kill
      for (const call of [
        logs.sync(0),
        logs.follow(position),
        logs.snapshot,
        logs.at(1),
        logs.compact(position),
        append([tag])
      ]) {
        const error = yield* Effect.flip<unknown, { readonly reason: { readonly _tag: string } }, InvalidationLog>(call)
        assert.strictEqual(error.reason._tag, "StoreFailed")
      }
      yield* server.start
      const { head } = yield* eventually(logs.sync(position))
      assert.isAbove(head, position)
    }).pipe(Effect.provide(overRedis({})))
  )
})
