import { assert, describe, it } from "@effect/vitest"
import { Integrity, Tag, Warmer, CacheManager, InvalidationLog } from "@letletme/cache"
import { FplCaches, MatchCache, SeasonSync, SimulatedSeason, StandingCache } from "@letletme/fpl"
import { Effect, Layer } from "effect"
import { assembleAt } from "./simulated.ts"
import { tiers } from "./tiers.ts"

const simulated = SimulatedSeason.make({ season: "2030-31", seed: 3, teams: 10 })
const season = simulated.options.season

for (const [name, tier] of Object.entries(tiers(season))) {
  const app = Layer.merge(FplCaches.layerWarmer, FplCaches.layerIntegrity).pipe(
    Layer.provideMerge(SeasonSync.layer),
    Layer.provideMerge(tier)
  )

  describe(`a season over ${name}`, () => {
    it.live("is warmed, verified and repaired from the database: the API is asked by the sync alone", () =>
      Effect.gen(function* () {
        const integrity = yield* Integrity
        const log = yield* InvalidationLog
        const manager = yield* CacheManager
        const matches = yield* MatchCache
        const standings = yield* StandingCache
        const { publish } = yield* SeasonSync
        yield* publish(yield* assembleAt(simulated, simulated.end))
        const { failures, loaded } = yield* Warmer.use(({ warm }) => warm)
        assert.strictEqual(failures, 0)
        const verified = yield* integrity.verify
        // The season's own notes came with the sync and the tables.
        const total = loaded + 2
        assert.deepStrictEqual([verified.isClean, verified.total], [true, total])
        const before = yield* standings.get({ season, scope: { _tag: "Overall" } })
        // Everything is outdated at once, as after a restart.
        yield* log.compact(yield* manager.invalidate({ primary: Tag.of("elsewhere") }))
        const { first, second } = yield* integrity.repair
        assert.deepStrictEqual([first.mended, second.isClean], [total, true])
        assert.isTrue(first.domains.every(({ found, total: all }) => found.restamped === all))
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
      }).pipe(Effect.provide(app))
    )
  })
}
