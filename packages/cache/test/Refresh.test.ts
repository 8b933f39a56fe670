import { assert, describe, it } from "@effect/vitest"
import { CacheManager, DependencyGraph, DomainCache, Lookup, Refresh, Tag } from "@letletme/cache"
import { Context, Effect, Layer, Schedule, Schema } from "effect"
import { TestClock } from "effect/testing"
import { eventually, tiers } from "./tiers.ts"

const graph = DependencyGraph.make({ team: [], match: ["team"] })

class Asked extends Context.Service<Asked, Array<string>>()("test/Refresh/Asked") {
  static readonly layer = Layer.sync(this, () => Asked.of([]))
}

const lookup = (kind: string) => (id: string) =>
  Asked.use((asked) => Effect.sync(() => (asked.push(`${kind} ${id}`), Lookup.found(id))))

const shape = {
  graph,
  id: Schema.String,
  value: Schema.String,
  timeToLive: "60 seconds",
  policy: { jitter: 0 }
} as const

// In the order in which they are opened the dependent comes first.
class Matches extends DomainCache.Service<Matches>()("test/Refresh/Matches", {
  ...shape,
  domain: "match",
  dependsOn: () => [Tag.of("team", "1")],
  lookup: lookup("match")
}) {}
class Teams extends DomainCache.Service<Teams>()("test/Refresh/Teams", {
  ...shape,
  domain: "team",
  lookup: lookup("team")
}) {}

const over = <E, R>(tier: Layer.Layer<Layer.Success<typeof CacheManager.layerMemory>, E, R>, options = {}) =>
  Refresh.layer(graph, { schedule: Schedule.spaced("20 seconds"), ...options }).pipe(
    Layer.provideMerge(Teams.layer),
    Layer.provideMerge(Matches.layer),
    Layer.provideMerge(Asked.layer),
    Layer.provideMerge(tier)
  )

describe("Refresh", () => {
  for (const [name, tier] of Object.entries(tiers)) {
    it.live(`over ${name}: what is hot and was invalidated is loaded again, in the order of the graph`, () =>
      Effect.gen(function* () {
        const manager = yield* CacheManager
        const asked = yield* Asked
        const matches = yield* Matches
        const teams = yield* Teams
        yield* matches.getMany(["1", "2"])
        yield* teams.getMany(["1", "2"])
        asked.length = 0
        yield* manager.invalidate({ primary: Tag.of("team", "1"), cascade: true })
        yield* eventually(
          Effect.suspend(() => (asked.length === 3 ? Effect.void : Effect.fail(`Asked for ${asked.join(", ")}`)))
        )
        assert.deepStrictEqual([asked[0], new Set(asked.slice(1))], ["team 1", new Set(["match 1", "match 2"])])
        // They are there: nobody who reads has to wait.
        yield* eventually(
          Effect.filterOrFail(matches.inspect(["1", "2"]), (found) => found.every((one) => one === "fresh"))
        )
        yield* matches.getMany(["1", "2"])
        assert.strictEqual(asked.length, 3)
      }).pipe(Effect.provide(over(tier())))
    )
  }

  it.effect("hot keys are loaded before they expire, as many as may be; cold ones are left to demand", () =>
    Effect.gen(function* () {
      const asked = yield* Asked
      const teams = yield* Teams
      yield* teams.getMany(["1", "2", "3"])
      yield* teams.get("2")
      asked.length = 0
      yield* TestClock.adjust("40 seconds")
      assert.deepStrictEqual(asked, [])
      // At 60 seconds they expire; at 60 it is looked again, at 40 it is too early for 20 seconds ahead.
      yield* TestClock.adjust("19 seconds")
      assert.deepStrictEqual(asked, [])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(asked, ["team 2"])
    }).pipe(Effect.provide(over(CacheManager.layerMemory, { hot: 1, ahead: "10 seconds" })))
  )

  it.effect("a domain may have a schedule of its own, and what is due is loaded by command", () =>
    Effect.gen(function* () {
      const asked = yield* Asked
      const refresh = yield* Refresh
      const teams = yield* Teams
      const matches = yield* Matches
      yield* teams.get("1")
      yield* matches.get("1")
      asked.length = 0
      assert.strictEqual(yield* refresh.run(), 0)
      yield* TestClock.adjust("55 seconds")
      assert.deepStrictEqual(asked, ["match 1"])
      assert.strictEqual(yield* refresh.run(["team"]), 1)
      assert.deepStrictEqual(asked, ["match 1", "team 1"])
      assert.strictEqual(yield* refresh.run(), 0)
    }).pipe(
      Effect.provide(
        over(CacheManager.layerMemory, {
          ahead: "10 seconds",
          schedules: { match: Schedule.spaced("52 seconds") }
        })
      )
    )
  )
})
