import { assert, describe, it } from "@effect/vitest"
import { CacheManager, DependencyGraph, DomainCache, Lookup } from "@letletme/cache"
import type { CacheEvent } from "@letletme/cache"
import { Context, Effect, Fiber, Latch, Layer, PubSub, Schema } from "effect"
import { TestClock } from "effect/testing"
import { eventually, tiers } from "./tiers.ts"

/** The source of the tests: it answers while its gate is open, and counts who is inside. */
class Source extends Context.Service<Source, { readonly gate: Latch.Latch; asked: Array<string> }>()(
  "test/Shedding/Source"
) {
  static readonly layer = Layer.effect(
    this,
    Effect.map(Latch.make(true), (gate) => Source.of({ gate, asked: [] }))
  )
}

class Teams extends DomainCache.Service<Teams>()("test/Shedding/Teams", {
  graph: DependencyGraph.make({ team: [] }),
  domain: "team",
  id: Schema.String,
  value: Schema.String,
  timeToLive: "metadata",
  staleWhileRevalidate: "invalidated",
  staleIfUnavailable: "none",
  lookup: (id: string) =>
    Source.use((source) =>
      Effect.suspend(() => {
        source.asked.push(id)
        return Effect.as(source.gate.await, Lookup.found(`team ${id}`))
      })
    )
}) {}

// Two at once, and twenty wait.
const maxLookups = 2
const many = Array.from({ length: 22 }, (_, index) => `${index}`)

const told = (events: PubSub.Subscription<CacheEvent>) =>
  Effect.map(PubSub.takeUpTo(events, 4_096), (all) =>
    all.flatMap((event) =>
      event._tag === "Shedding"
        ? [event.isShedding ? "shedding" : "calm"]
        : event._tag === "Overloaded"
          ? [event._tag]
          : []
    )
  )

const reasonOf = (id: string) => Effect.map(Effect.flip(Teams.use((teams) => teams.get(id))), ({ message }) => message)

for (const [name, tier] of Object.entries(tiers)) {
  const cache = Teams.layer.pipe(Layer.provideMerge(Source.layer), Layer.provideMerge(tier({ maxLookups })))

  describe(`load shedding over ${name}`, () => {
    it.live("refuses what would have to wait, and goes on with what is at hand or has room", () =>
      Effect.gen(function* () {
        const manager = yield* CacheManager
        const teams = yield* Teams
        const { gate } = yield* Source
        const events = yield* manager.events
        yield* teams.get("known")
        yield* gate.close
        // One after the other: those of one tick would ask the source as a group, two at a time.
        const waiting = yield* Effect.forEach(many, (id, index) =>
          Effect.tap(Effect.forkChild(teams.get(id)), () =>
            eventually(Effect.filterOrFail(manager.load, ({ running, waiting }) => running + waiting === index + 1))
          )
        )
        assert.include(yield* reasonOf("one too many"), "22 lookups already run or wait, ask again in a second")

        yield* manager.shedLoad
        assert.deepStrictEqual(yield* manager.load, { running: 2, waiting: 20, isShedding: true })
        assert.include(yield* reasonOf("another"), "load is shed, ask again in 5 s")
        assert.strictEqual(yield* teams.get("known"), "team known")
        assert.deepStrictEqual(yield* told(events), ["Overloaded", "shedding"])

        yield* gate.open
        for (const fiber of waiting) yield* Fiber.join(fiber)
        assert.strictEqual(yield* teams.get("there is room"), "team there is room")
      }).pipe(Effect.scoped, Effect.provide(cache))
    )

    it.live("refreshes nothing for which nobody waits", () =>
      Effect.gen(function* () {
        const manager = yield* CacheManager
        const teams = yield* Teams
        const source = yield* Source
        yield* teams.get("1")
        yield* teams.invalidate(["1"])
        yield* manager.shedLoad
        assert.strictEqual(yield* teams.get("1"), "team 1")
        yield* teams.get("2")
        assert.deepStrictEqual(source.asked, ["1", "2"])
      }).pipe(Effect.scoped, Effect.provide(cache))
    )
  })
}

describe("load shedding", () => {
  const cache = Teams.layer.pipe(Layer.provideMerge(Source.layer), Layer.provideMerge(tiers.memory({ maxLookups })))

  it.effect("ends when nobody was refused for five seconds", () =>
    Effect.gen(function* () {
      const manager = yield* CacheManager
      const teams = yield* Teams
      const { gate } = yield* Source
      const events = yield* manager.events
      yield* gate.close
      const running = yield* Effect.forEach(["1", "2"], (id) => Effect.forkChild(teams.get(id)))
      yield* TestClock.adjust("1 millis")
      yield* manager.shedLoad
      yield* TestClock.adjust("4 seconds")
      assert.include(yield* reasonOf("3"), "load is shed")
      yield* TestClock.adjust("4 seconds")
      assert.isTrue((yield* manager.load).isShedding)
      yield* TestClock.adjust("1 seconds")
      assert.isFalse((yield* manager.load).isShedding)
      const waits = yield* Effect.forkChild(teams.get("3"))
      yield* gate.open
      assert.strictEqual(yield* Fiber.join(waits), "team 3")
      for (const fiber of running) yield* Fiber.join(fiber)
      assert.deepStrictEqual(yield* told(events), ["shedding", "calm"])
    }).pipe(Effect.scoped, Effect.provide(cache))
  )
})
