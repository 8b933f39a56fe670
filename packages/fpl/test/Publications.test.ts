import { assert, describe, it } from "@effect/vitest"
import { CacheManager } from "@letletme/cache"
import {
  EventMatches,
  MatchCache,
  type SeasonRevision,
  SeasonSync,
  SeasonTeams,
  SimulatedSeason,
  Standing,
  StandingCache,
  TeamCache
} from "@letletme/fpl"
import { Effect, Fiber, Latch, Layer, Option, Ref } from "effect"
import { assembleAt } from "./simulated.ts"
import { tiers } from "./tiers.ts"

const simulated = SimulatedSeason.make({ season: "2030-31", seed: 2, teams: 4 })
const { season } = simulated.options
const first = assembleAt(simulated, (simulated.gameweeks[0]?.deadline ?? 0) + 40 * 3_600_000)
const count = 1_000

/** The n-th revision: the matches of the first gameweek have other scores each time, and a team another name. */
const revisionOf = (base: SeasonRevision.SeasonRevision, n: number): SeasonRevision.SeasonRevision => ({
  ...base,
  time: base.time + n,
  teams: base.teams.map((team) => (team.id === 1 ? { ...team, name: `Team of ${n}` } : team)),
  matches: base.matches.map((match) =>
    match.event === 1
      ? { ...match, started: true, finishedProvisional: true, homeScore: n % 50, awayScore: (n * 7 + match.id) % 50 }
      : match
  )
})

describe("a reader of snapshots during a thousand publications", () => {
  for (const [name, tier] of Object.entries(tiers(season))) {
    it.live(`never sees two revisions mixed, over ${name}`, () =>
      Effect.gen(function* () {
        const { publish } = yield* SeasonSync
        const manager = yield* CacheManager
        const lists = yield* EventMatches
        const matches = yield* MatchCache
        const teamLists = yield* SeasonTeams
        const teams = yield* TeamCache
        const standings = yield* StandingCache
        const base = yield* first
        yield* publish(revisionOf(base, 0))
        const isOver = yield* Ref.make(false)
        const hasRead = yield* Latch.make(false)

        const table = { season, scope: { _tag: "AsOf", event: 1 } } as const
        const read = Effect.gen(function* () {
          const ids = yield* lists.get({ season, id: 1 })
          const played = yield* matches.getMany(ids.map((id) => ({ season, id })))
          // The table first or last: it is of the same revision as the matches beside it.
          const standing = yield* standings.get(table)
          const teamIds = yield* teamLists.get(season)
          const all = yield* teams.getMany(teamIds.map((id) => ({ season, id })))
          return { standing, matches: played.flatMap(Option.toArray), teams: all.flatMap(Option.toArray) }
        })
        const seen = new Set<string>()
        const reader = Effect.gen(function* () {
          while (!(yield* Ref.get(isOver))) {
            const snapshot = yield* Effect.option(manager.snapshot(read, { attempts: 100 }))
            if (Option.isNone(snapshot)) continue
            const { standing, ...rest } = snapshot.value
            assert.deepStrictEqual(standing, Standing.compute({ ...table, ...rest, deductions: {} }))
            const names = rest.teams.map((team) => team.name)
            const number = Number(names[0]?.replace("Team of ", ""))
            assert.isTrue(rest.matches.every(({ homeScore }) => homeScore === number % 50))
            seen.add(names[0] ?? "")
            yield* hasRead.open
            yield* Effect.yieldNow
          }
        })
        const readers = yield* Effect.forkChild(Effect.all([reader, reader], { concurrency: "unbounded" }))
        for (let n = 1; n <= count; n++) {
          const { outcome } = yield* publish(revisionOf(base, n))
          assert.strictEqual(outcome, "published")
          // Now and then a reader gets through whole, in the midst of it.
          if (n % 10 === 0) yield* Effect.andThen(hasRead.close, Effect.raceFirst(hasRead.await, Fiber.join(readers)))
        }
        yield* Ref.set(isOver, true)
        yield* Fiber.join(readers)
        // It did read, and more than the first and the last.
        assert.isAtLeast(seen.size, count / 10)
        const last = yield* manager.snapshot(read)
        assert.strictEqual(last.teams[0]?.name, `Team of ${count}`)
      }).pipe(Effect.provide(SeasonSync.layer.pipe(Layer.provideMerge(tier))))
    )
  }
})
