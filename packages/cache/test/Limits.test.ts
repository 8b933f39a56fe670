import { assert, describe, it } from "@effect/vitest"
import { type CacheError, CacheStore, DependencyGraph, DomainCache, Lookup } from "@letletme/cache"
import { Effect, Layer, Schema, Stream } from "effect"
import { tiers } from "./tiers.ts"

class Notes extends DomainCache.Service<Notes>()("test/LimitedNotes", {
  graph: DependencyGraph.make({ note: [] }),
  domain: "note",
  id: Schema.String,
  value: Schema.String,
  timeToLive: "metadata",
  lookup: (id: string) => Effect.succeed(Lookup.found(id.startsWith("long") ? "x".repeat(200) : "short"))
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
  })
}
