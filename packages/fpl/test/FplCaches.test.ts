import { assert, describe, it, layer } from "@effect/vitest"
import { Outbox, Tag } from "@letletme/cache"
import {
  EventMatches,
  MatchCache,
  PhaseMatches,
  SeasonRepository,
  SimulatedSeason,
  Standing,
  StandingCache,
  TeamCache
} from "@letletme/fpl"
import { Effect, Layer, Option } from "effect"
import { seed } from "./seed.ts"
import { assembleAt } from "./simulated.ts"
import { tiers } from "./tiers.ts"

const simulated = SimulatedSeason.make({ season: "2030-31", seed: 3, teams: 10 })
const season = simulated.options.season
const deductions = { Alderbrook: 6, 901: 2 }
const revisionAtEnd = assembleAt(simulated, simulated.end)

for (const [name, tier] of Object.entries(tiers(season))) {
  const deduct = SeasonRepository.use((seasons) => seasons.deduct(season, deductions))
  const withDeductions = Layer.effectDiscard(deduct).pipe(Layer.provideMerge(tier))
  layer(withDeductions, { excludeTestServices: true })(`FplCaches over ${name}`, (it) => {
    it.effect("without a season nothing is known not to exist: that is an error, and no answer", () =>
      Effect.gen(function* () {
        const matches = yield* MatchCache
        const error = yield* Effect.flip(matches.get({ season, id: 380 }))
        assert.strictEqual(error._tag, "DatabaseError")
        assert.strictEqual(error.reason._tag, "Empty")
      })
    )

    it.effect("tells what is empty from what does not exist", () =>
      Effect.gen(function* () {
        const revision = yield* revisionAtEnd
        // A gameweek without a match, as 2022-23 had one.
        yield* seed({
          ...revision,
          matches: revision.matches.filter(({ event }) => event !== 7)
        })
        const lists = yield* EventMatches
        const phases = yield* PhaseMatches
        const teams = yield* TeamCache
        assert.deepStrictEqual(yield* lists.get({ season, id: 7 }), [])
        assert.isAbove((yield* lists.get({ season, id: 8 })).length, 0)
        assert.isTrue(Option.isNone(yield* lists.find({ season: "2029-30", id: 8 })))
        assert.isTrue(Option.isNone(yield* phases.find({ season: "2029-30", id: 1 })))
        assert.isTrue(Option.isNone(yield* teams.find({ season, id: 11 })))
        const error = yield* Effect.flip(teams.get({ season: "2029-30", id: 1 }))
        assert.strictEqual(error.reason._tag, "Absent")
        yield* seed(revision)
        yield* lists.refresh([{ season, id: 7 }])
      })
    )

    it.effect.each<Standing.Scope>([
      { _tag: "Overall" },
      { _tag: "Home" },
      { _tag: "Away" },
      { _tag: "Phase", phase: 2 },
      { _tag: "AsOf", event: 5 },
      { _tag: "AsOf", event: 90 }
    ])("computes the table %j from what the caches hold, deductions included", (scope) =>
      Effect.gen(function* () {
        const revision = yield* revisionAtEnd
        yield* seed(revision)
        const standing = yield* StandingCache.use((cache) => cache.get({ season, scope }))
        assert.deepStrictEqual(standing, Standing.compute({ ...revision, scope, deductions }))
        const deducts = scope._tag === "Overall" || scope._tag === "AsOf"
        assert.strictEqual(
          standing.rows.reduce((sum, { deducted }) => sum + deducted, 0),
          deducts ? 8 : 0
        )
      })
    )

    it.effect("a table is computed again after a match changed, and only then", () =>
      Effect.gen(function* () {
        const standings = yield* StandingCache
        const matches = yield* MatchCache
        const revision = yield* revisionAtEnd
        yield* seed(revision)
        const id = { season, scope: { _tag: "Overall" } } as const
        const before = yield* standings.get(id)
        const [first] = revision.matches
        assert.isDefined(first)
        if (first === undefined) return
        const changed = { ...first, homeScore: 50 }
        const published = {
          ...revision,
          matches: revision.matches.map((match) => (match.id === first.id ? changed : match))
        }
        yield* seed(published)
        assert.deepStrictEqual(yield* standings.get(id), before)
        yield* matches.update({ season, id: first.id }, changed)
        const after = yield* standings.get(id)
        assert.deepStrictEqual(after, Standing.compute({ ...published, scope: id.scope, deductions }))
        assert.notDeepEqual(after, before)
      })
    )
  })
}

describe("caches in memory over a database that remembers another log", () => {
  it.live("do not wait for positions of that one", () =>
    Effect.gen(function* () {
      const outbox = yield* Outbox
      const revision = yield* revisionAtEnd
      yield* seed(revision)
      const id = yield* outbox.put({ tags: [Tag.of("match", season, "1")], cause: "an update, before the restart" })
      yield* outbox.delivered([id], 1_795_436_486_995_765)
      const scope = { _tag: "Overall" } as const
      const standing = yield* StandingCache.use((cache) => cache.get({ season, scope }, { timeout: "5 seconds" }))
      assert.deepStrictEqual(standing, Standing.compute({ ...revision, scope, deductions: {} }))
    }).pipe(Effect.provide(tiers(season).memory))
  )
})
