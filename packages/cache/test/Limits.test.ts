import { assert, describe, it } from "@effect/vitest"
import {
  CacheConfig,
  type CacheError,
  CacheManager,
  CacheStore,
  DependencyGraph,
  DomainCache,
  Lookup,
  RedisStore,
  Tag
} from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { Effect, Layer, Schema, Stream } from "effect"
import { redis, tiers } from "./tiers.ts"

class Notes extends DomainCache.Service<Notes>()("test/LimitedNotes", {
  graph: DependencyGraph.make({ note: [] }),
  domain: "note",
  id: Schema.String,
  value: Schema.String,
  timeToLive: "metadata",
  lookup: (id: string) => Effect.succeed(Lookup.found(id.startsWith("long") ? "x".repeat(200) : "short"))
}) {}

const players = Array.from({ length: 20 }, (_, index) => Tag.of("player", `${index}`))

class Squads extends DomainCache.Service<Squads>()("test/LimitedSquads", {
  graph: DependencyGraph.make({ player: [], squad: ["player"] }),
  domain: "squad",
  id: Schema.String,
  value: Schema.Int,
  timeToLive: "metadata",
  dependsOn: () => players,
  lookup: () => Effect.succeed(Lookup.found(1))
}) {}

const limited = { maxKeyBytes: 40, maxValueBytes: 100 }
const what = <A>(effect: Effect.Effect<A, CacheError>) =>
  Effect.map(Effect.flip(effect), ({ message, reason }) => {
    assert.include(message, "CACHE_MAX_")
    return reason._tag === "TooLarge" ? [reason.what, reason.bytes, reason.limit] : reason._tag
  })

for (const [name, tier] of Object.entries(tiers)) {
  describe(`Limits over ${name}`, () => {
    it.live("a key or value beyond its limit is refused by name, whoever brings it, and nothing of it is stored", () =>
      Effect.gen(function* () {
        const notes = yield* Notes
        const store = yield* CacheStore
        assert.strictEqual(yield* notes.get("i".repeat(35)), "short")
        assert.deepStrictEqual(yield* what(notes.get("i".repeat(36))), ["key", 41, 40])
        assert.deepStrictEqual(yield* what(notes.get("é".repeat(18))), ["key", 41, 40])
        assert.deepStrictEqual(yield* what(notes.get("long")), ["value", 202, 100])
        assert.deepStrictEqual(yield* what(notes.update("1", "y".repeat(99))), ["value", 101, 100])
        yield* notes.update("1", "y".repeat(98))
        const keys = Array.from(yield* Stream.runCollect(store.scan("letletme:note:"))).flat()
        assert.strictEqual(keys.length, 2)
      }).pipe(Effect.provide(Notes.layer.pipe(Layer.provideMerge(tier(limited)))))
    )

    it.live("more tags than an entry may carry become patterns above them, which reach it as each of them did", () =>
      Effect.gen(function* () {
        const squads = yield* Squads
        const cache = yield* CacheManager
        yield* squads.get("1")
        const { entry, state } = yield* squads.explain("1")
        assert.strictEqual(state, "fresh")
        const carried = (entry?.tags ?? []).map(({ tag }) => tag)
        assert.isAtMost(carried.length, 4)
        assert.include(carried, Tag.any("squad", "player"))
        yield* cache.invalidate({ primary: Tag.any("squad", "player", "7") })
        assert.notStrictEqual((yield* squads.explain("1")).state, "fresh")
      }).pipe(Effect.provide(Squads.layer.pipe(Layer.provideMerge(tier({ maxTagsPerEntry: 4 })))))
    )
  })
}

describe("Limits of what Redis is asked at once", () => {
  it.live("more entries than one script takes go in several calls, and are answered as one", () =>
    Effect.gen(function* () {
      const { lease } = yield* CacheStore
      const server = yield* Redis
      const take = (keys: ReadonlyArray<number>) =>
        lease(
          keys.map((key) => ({ key: `letletme:#lease:${key}`, holder: "me" })),
          60_000
        )
      // The server knows the script from then on.
      yield* take([-1])
      yield* server.send("CONFIG", "RESETSTAT")
      assert.deepStrictEqual(yield* take([...Array(25).keys()]), Array.from({ length: 25 }))
      assert.match(String(yield* server.send("INFO", "commandstats")), /cmdstat_evalsha:calls=3,/)
    }).pipe(
      Effect.provide(
        RedisStore.layer.pipe(Layer.provide(CacheConfig.layer({ maxBatch: 10 })), Layer.provideMerge(redis))
      )
    )
  )
})
