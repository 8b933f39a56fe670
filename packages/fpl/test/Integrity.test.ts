import { assert, describe, it } from "@effect/vitest"
import { Integrity, Tag, Warmer, CacheManager, InvalidationLog } from "@letletme/cache"
import { FplCaches, FplSource, MatchCache, SimulatedSeason, StandingCache } from "@letletme/fpl"
import { Context, Effect, Layer } from "effect"
import { assembleAt } from "./simulated.ts"
import { tiers } from "./tiers.ts"

const simulated = SimulatedSeason.make({ season: "2030-31", seed: 3, teams: 10 })
const season = simulated.options.season

/** How often the API was asked. */
class Asked extends Context.Service<Asked, { times: number }>()("test/Asked") {
  static readonly layer = Layer.sync(this, () => Asked.of({ times: 0 }))
}

const source = Layer.effect(
  FplSource,
  Effect.gen(function* () {
    const asked = yield* Asked
    return FplSource.of({
      season,
      description: "a season that is over",
      fetch: () =>
        Effect.andThen(
          Effect.sync(() => {
            asked.times++
          }),
          assembleAt(simulated, simulated.end)
        )
    })
  })
)

for (const [name, tier] of Object.entries(tiers(season, source))) {
  const app = Layer.merge(FplCaches.layerWarmer, FplCaches.layerIntegrity).pipe(
    Layer.provideMerge(tier),
    Layer.provideMerge(Asked.layer)
  )

  describe(`a season over ${name}`, () => {
    it.live("is warmed with one question to the API; a warm one is verified and repaired without any", () =>
      Effect.gen(function* () {
        const asked = yield* Asked
        const integrity = yield* Integrity
        const log = yield* InvalidationLog
        const manager = yield* CacheManager
        const matches = yield* MatchCache
        const standings = yield* StandingCache
        const { failures, loaded } = yield* Warmer.use(({ warm }) => warm)
        assert.strictEqual(failures, 0)
        assert.strictEqual(asked.times, 1)
        const verified = yield* integrity.verify
        assert.deepStrictEqual([verified.isClean, verified.total], [true, loaded])
        const before = yield* standings.get({ season, scope: { _tag: "Overall" } })
        // Everything is outdated at once, as after a restart.
        yield* log.compact(yield* manager.invalidate({ primary: Tag.of("elsewhere") }))
        const { first, second } = yield* integrity.repair
        assert.deepStrictEqual([first.mended, second.isClean], [loaded, true])
        assert.isTrue(first.domains.every(({ found, total }) => found.restamped === total))
        // A computed entry goes by what it was computed from.
        yield* matches.invalidate([{ season, id: 7 }])
        const again = yield* integrity.repair
        assert.deepStrictEqual(
          again.first.findings.filter(({ verdict }) => verdict !== "restamped"),
          []
        )
        assert.isAbove(again.first.mended, 1)
        assert.isTrue(again.second.isClean)
        assert.deepStrictEqual(yield* standings.get({ season, scope: { _tag: "Overall" } }), before)
        assert.strictEqual(asked.times, 1)
      }).pipe(Effect.provide(app))
    )
  })
}
