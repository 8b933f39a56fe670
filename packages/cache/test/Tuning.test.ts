import { assert, describe, it } from "@effect/vitest"
import { CacheManager, DependencyGraph, DomainCache, Lookup, Tuning } from "@letletme/cache"
import { ConfigProvider, Duration, Effect, Layer, Schema } from "effect"

const graph = DependencyGraph.make({ match: [] })

class Matches extends DomainCache.Service<Matches>()("test/Matches", {
  graph,
  domain: "match",
  id: Schema.String,
  value: Schema.String,
  timeToLive: "derived",
  jitter: 0,
  lookup: (id: string) => Effect.succeed(Lookup.found(id))
}) {}

const over = (settings: Parameters<typeof Tuning.layer>[0]) =>
  Matches.layer.pipe(Layer.provideMerge(CacheManager.layerMemory), Layer.provideMerge(Tuning.layer(settings)))

const freshFor = (id: string) =>
  Matches.use((matches) =>
    Effect.map(Effect.andThen(matches.get(id), matches.explain(id)), ({ entry }) =>
      entry === undefined ? 0 : entry.freshUntil - entry.createdAt
    )
  )

describe("Tuning", () => {
  it.effect("a length that changes is that of what is stored from then on; what is stored keeps its own", () =>
    Effect.gen(function* () {
      const { adopt, current } = yield* Tuning
      assert.strictEqual(yield* freshFor("1"), Duration.toMillis("1 day"))
      const settings = yield* current
      const timeToLive = { ...settings.timeToLive, derived: Duration.toMillis("2 days") }
      assert.deepStrictEqual(yield* adopt({ ...settings, timeToLive }), { applied: ["timeToLive"], waiting: [] })
      assert.strictEqual(yield* freshFor("1"), Duration.toMillis("1 day"))
      assert.strictEqual(yield* freshFor("2"), Duration.toMillis("2 days"))
    }).pipe(Effect.provide(over({})))
  )

  it.effect("a bound that changes holds from then on", () =>
    Effect.gen(function* () {
      const { adopt, current } = yield* Tuning
      const matches = yield* Matches
      const settings = yield* current
      yield* matches.get("a long one")
      yield* adopt({ ...settings, maxKeyBytes: 10 })
      const error = yield* Effect.flip(matches.get("another long one"))
      assert.strictEqual(error.reason._tag, "TooLarge")
    }).pipe(Effect.provide(over({})))
  )

  it.effect("what is read once waits for a restart, and is named; the same again changes nothing", () =>
    Effect.gen(function* () {
      const { adopt, current } = yield* Tuning
      const settings = yield* current
      const next = { ...settings, namespace: "other", nearEntries: 1, logLength: 7 }
      assert.deepStrictEqual(yield* adopt(next), { applied: ["logLength"], waiting: ["namespace", "nearEntries"] })
      assert.deepStrictEqual(yield* adopt(next), { applied: [], waiting: ["namespace", "nearEntries"] })
      assert.deepStrictEqual([(yield* current).namespace, (yield* current).logLength], ["tuned", 7])
      assert.deepStrictEqual(yield* adopt({ ...settings, logLength: 7 }), { applied: [], waiting: [] })
    }).pipe(Effect.provide(over({ namespace: "tuned" })))
  )

  it.effect("begins with the settings of the environment", () =>
    Effect.gen(function* () {
      const provider = ConfigProvider.fromEnv({ env: { CACHE_TTL_DERIVED: "3 hours" } })
      const layer = Matches.layer.pipe(Layer.provide(CacheManager.layerMemory), Layer.provide(Tuning.layerConfig))
      const found = freshFor("1").pipe(
        Effect.provide(layer),
        Effect.provideService(ConfigProvider.ConfigProvider, provider)
      )
      assert.strictEqual(yield* found, Duration.toMillis("3 hours"))
    })
  )
})
