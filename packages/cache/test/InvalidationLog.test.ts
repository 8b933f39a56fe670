import { assert, describe, it } from "@effect/vitest"
import { CacheConfig, CacheStore, InvalidationLog, RedisLog, RedisStore, Tag } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Effect, Layer } from "effect"
import { append, suite } from "./suites/InvalidationLog.suite.ts"
import { bodyOf, readOf } from "./suites/sealed.ts"
import { as, eventually, redis, type Settings } from "./tiers.ts"

const overMemory = (settings: Settings) =>
  InvalidationLog.layerMemory.pipe(
    Layer.provideMerge(CacheStore.layerMemory),
    Layer.provide(CacheConfig.layer(settings))
  )

const overRedis = (settings: Settings) =>
  Layer.mergeAll(RedisLog.layer, RedisStore.layer).pipe(
    Layer.provide(CacheConfig.layer({ namespace: "test", maxStaleness: 300, ...settings })),
    Layer.provide(as(settings.namespace ?? "test")),
    Layer.provideMerge(redis)
  )

const tag = Tag.of("match", "1")

suite("in memory", overMemory)
suite("in Redis", overRedis)

describe("InvalidationLog in memory, over a store that takes its time", () => {
  const slow = Layer.effect(
    CacheStore,
    CacheStore.useSync((store) =>
      CacheStore.of({ ...store, fill: (fills) => Effect.andThen(Effect.yieldNow, store.fill(fills)) })
    )
  ).pipe(Layer.provide(CacheStore.layerMemory))

  it.live("seals each of 200 parallel writes with the position of its own append", () =>
    Effect.gen(function* () {
      const logs = yield* InvalidationLog
      const store = yield* CacheStore
      const keys = Array.from({ length: 200 }, (_, index) => `match:${index}`)
      const revision = { time: 0, sequence: 0 }
      const appended = yield* Effect.forEach(
        keys,
        (key) => {
          const write = { key, preparedAt: 0, revision, body: bodyOf(key, key), timeToLive: 60_000 }
          return logs.append({ tags: [tag], cause: "race", writes: [write], from: 0 })
        },
        { concurrency: "unbounded" }
      )
      const stored = yield* store.getMany(keys)
      assert.deepStrictEqual(
        stored.map((bytes, index) => readOf(keys[index] ?? "", bytes)?.stamp),
        appended.map(({ position }) => position)
      )
    }).pipe(Effect.provide(InvalidationLog.layerMemory.pipe(Layer.provideMerge(slow))))
  )
})

const [table, log] = ["{test}:table", "{test}:log"]
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

  it.live("a table that vanishes while it is fetched is not taken for an empty one", () => {
    let losses = 1
    const vanishing = Layer.effect(
      Redis,
      Redis.useSync((it) =>
        Redis.of({
          ...it,
          send: (command, ...args) =>
            command === "HGETALL" && losses-- > 0
              ? Effect.andThen(it.send("DEL", table), it.send(command, ...args))
              : it.send(command, ...args)
        })
      )
    ).pipe(Layer.provideMerge(redis))
    return Effect.gen(function* () {
      const logs = yield* InvalidationLog
      const { position } = yield* append([tag])
      const snapshot = yield* logs.snapshot
      assert.isAbove(snapshot.position, position)
      assert.strictEqual(snapshot.floor, snapshot.position)
      losses = 10
      assert.isTrue((yield* Effect.flip(logs.snapshot)).isTemporary)
    }).pipe(
      Effect.provide(
        RedisLog.layer.pipe(
          Layer.provide(CacheConfig.layer({ namespace: "test", maxStaleness: 300 })),
          Layer.provideMerge(vanishing)
        )
      )
    )
  })

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

describe("InvalidationLog in Redis, while it is compacted", () => {
  // After the table was read for the first time, another process invalidates the tag again.
  const overtaken = Layer.effect(
    Redis,
    Redis.useSync((client) => {
      let isRead = false
      const again = Effect.flatMap(client.send("HINCRBY", table, "#head", 1), (head) =>
        client.send("HSET", table, tag, String(head))
      )
      return Redis.of({
        ...client,
        send: (command, ...args) =>
          Effect.tap(client.send(command, ...args), () => {
            if (command !== "HGETALL" || isRead) return Effect.void
            isRead = true
            return again
          })
      })
    })
  ).pipe(Layer.provide(redis))

  it.live("keeps the mark of a tag that was invalidated meanwhile", () =>
    Effect.gen(function* () {
      const logs = yield* InvalidationLog
      yield* append([tag])
      const { position } = yield* append([Tag.of("match", "2")])
      yield* logs.compact(position)
      const { floor, marks } = yield* logs.snapshot
      assert.deepStrictEqual([floor, [...marks]], [position, [[tag, position + 1]]])
    }).pipe(
      Effect.provide(
        RedisLog.layer.pipe(Layer.provide(CacheConfig.layer({ namespace: "test" })), Layer.provideMerge(overtaken))
      )
    )
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

describe("InvalidationLog in Redis, asked by a process that has heard of more than the server knows", () => {
  it.live("begins anew above it, or nothing that is loaded from then on would count as valid there", () =>
    Effect.gen(function* () {
      const log = yield* InvalidationLog
      const { position } = yield* append([tag])
      const heard = position + 1_000_000_000
      const { floor, head } = yield* log.sync(position, heard)
      assert.isAbove(head, heard)
      assert.isAbove(floor, heard)
      // Who has heard of nothing more learns of it, and changes nothing.
      assert.strictEqual((yield* log.sync(position)).head, head)
    }).pipe(Effect.provide(overRedis({ namespace: "heard" })))
  )
})
