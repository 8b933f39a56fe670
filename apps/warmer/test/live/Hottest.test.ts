import { assert, it } from "@effect/vitest"
import { CacheManager, DependencyGraph, DomainCache, Lookup } from "@letletme/cache"
import { Hottest } from "@letletme/warmer/live/Hottest"
import { Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"

class Notes extends DomainCache.Service<Notes>()("test/HotNotes", {
  graph: DependencyGraph.make({ note: [] }),
  domain: "note",
  id: Schema.String,
  value: Schema.String,
  timeToLive: "metadata",
  lookup: (id: string) => Effect.succeed(Lookup.found(id))
}) {}

const layers = Layer.merge(Notes.layer, Hottest.layer).pipe(Layer.provide(CacheManager.layerMemory))

it.effect("the key that is read four times as often comes first, with about its rate", () =>
  Effect.gen(function* () {
    const notes = yield* Notes
    const hottest = yield* Hottest
    assert.deepStrictEqual(yield* hottest.top, [])
    // 50 reads a second for two minutes: each fifth is of another key than the rest, at no fixed distance from the looks.
    for (let read = 0; read < 6_000; read++) {
      yield* notes.get(read % 5 === 3 ? "cold" : "hot")
      yield* TestClock.adjust(20)
    }
    const [first, second, ...others] = yield* hottest.top
    assert.deepStrictEqual([first?.key, second?.key, others], ["note:hot", "note:cold", []])
    assert.approximately(first?.perSecond ?? 0, 40, 8)
    assert.approximately(second?.perSecond ?? 0, 10, 6)
    yield* TestClock.adjust("10 minutes")
    assert.deepStrictEqual(yield* hottest.top, [])
  }).pipe(Effect.provide(layers))
)
