import { assert, describe, it } from "@effect/vitest"
import {
  Acl,
  CacheManager,
  CacheStore,
  DependencyGraph,
  DomainCache,
  InvalidationLog,
  Lookup,
  Tag
} from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { Effect, Layer, Schema, Stream } from "effect"
import { as, redis } from "./tiers.ts"

const namespace = "letletme"

class Notes extends DomainCache.Service<Notes>()("test/AclNotes", {
  graph: DependencyGraph.make({ note: [] }),
  domain: "note",
  id: Schema.String,
  value: Schema.String,
  timeToLive: "metadata",
  lookup: (id: string) => Effect.succeed(Lookup.found(id))
}) {}

const workload = Effect.gen(function* () {
  const notes = yield* Notes
  const cache = yield* CacheManager
  const log = yield* InvalidationLog
  const store = yield* CacheStore
  assert.deepStrictEqual(yield* notes.get("1"), "1")
  yield* notes.update("1", "one", { revision: { time: 1, sequence: 1 } })
  const position = yield* cache.invalidate({ primary: Tag.any("note") })
  assert.strictEqual(yield* notes.get("1", { skip: "near" }), "1")
  yield* notes.explain("1")
  yield* log.compact(position)
  yield* log.follow(position)
  const keys = Array.from(yield* Stream.runCollect(store.scan(`${namespace}:`))).flat()
  yield* store.remove(keys)
}).pipe(Effect.provide(Notes.layer.pipe(Layer.provideMerge(CacheManager.layerRedis), Layer.provide(as(namespace)))))

const reasonOf = (command: string, ...args: ReadonlyArray<string>) =>
  Redis.use((redis) => Effect.flip(redis.send(command, ...args))).pipe(Effect.map(({ reason }) => reason._tag))

describe("Acl", () => {
  it.live("is enough for reads, writes and invalidations, and Redis logs no refusal", () =>
    Effect.gen(function* () {
      const admin = yield* Redis
      yield* workload
      assert.deepStrictEqual(yield* admin.send("ACL", "LOG"), [])
    }).pipe(Effect.provide(redis))
  )

  it.live("is not enough for one command, key or channel beyond it", () =>
    Effect.gen(function* () {
      for (const [command, ...args] of [
        ["KEYS", "*"],
        ["FLUSHALL"],
        ["CONFIG", "GET", "*"],
        ["ACL", "WHOAMI"],
        ["CLIENT", "LIST"],
        ["DEBUG", "SLEEP", "0"],
        ["SCRIPT", "FLUSH"],
        ["DUMP", `${namespace}:note:1`],
        ["RENAME", `${namespace}:a`, `${namespace}:b`],
        ["GET", "other:note:1@00000000"],
        ["GET", "letletmeer:1"],
        ["HSET", "{other}:table", "#head", "1"],
        ["SET", "letletme", "1"],
        ["SUBSCRIBE", "letletme:channel"],
        ["EVAL", "return redis.call('GET', 'other:1')", "0"]
      ] as const) {
        const reason = yield* reasonOf(command, ...args)
        assert.include(["Auth", "Script"], reason, `${command} ${args.join(" ")}`)
      }
    }).pipe(Effect.provide(as(namespace).pipe(Layer.provide(redis))))
  )

  it.live("has no command that nothing uses", () =>
    Effect.gen(function* () {
      const admin = yield* Redis
      yield* admin.send("CONFIG", "RESETSTAT")
      yield* workload
      const stats = String(yield* admin.send("INFO", "commandstats"))
      const idle = Acl.rules({ namespace })
        .filter((rule) => rule.startsWith("+"))
        .filter((rule) => !stats.includes(`cmdstat_${rule.slice(1)}:`))
      assert.deepStrictEqual(idle, [])
    }).pipe(Effect.provide(redis))
  )
})
