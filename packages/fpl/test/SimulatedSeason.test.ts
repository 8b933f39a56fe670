import { assert, describe, it } from "@effect/vitest"
import { Match, type SeasonRevision, SimulatedSeason, Standing } from "@letletme/fpl"
import { Effect, Equal } from "effect"
import { assembleAt } from "./simulated.ts"

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

const season = SimulatedSeason.make()

/** The revisions of some moments, in order, each checked against the one before it. */
const revisionsAt = Effect.fnUntraced(function* (times: Iterable<number>) {
  const revisions: Array<SeasonRevision.SeasonRevision> = []
  for (const time of times) revisions.push(yield* assembleAt(season, time, revisions.at(-1)))
  return revisions
})

/** Every moment of the season's life at this distance, its end included. */
const moments = (every: number) => [
  ...Array.from({ length: Math.ceil((season.end - season.start) / every) }, (_, index) => season.start + index * every),
  season.end
]

describe("SimulatedSeason", () => {
  it("is the same for the same seed", () => {
    const again = SimulatedSeason.make()
    assert.deepStrictEqual(again, season)
    const time = season.start + 100 * day
    assert.deepStrictEqual(SimulatedSeason.at(again, time), SimulatedSeason.at(season, time))
  })

  it("differs from seed to seed", () => {
    const results = [1, 2, 3, 4, 5].map((seed) => {
      const { fixtures } = SimulatedSeason.make({ ...SimulatedSeason.defaults, seed })
      return JSON.stringify(fixtures.map(({ awayGoals, homeGoals }) => [homeGoals.length, awayGoals.length]))
    })
    assert.strictEqual(new Set(results).size, 5)
  })

  it("pairs every two clubs twice, once at each ground", () => {
    const pairs = season.fixtures.map(({ away, home }) => `${home}-${away}`)
    assert.strictEqual(pairs.length, 380)
    assert.strictEqual(new Set(pairs).size, 380)
    assert.isTrue(season.fixtures.every(({ away, home }) => away !== home))
    for (const { id } of season.gameweeks) {
      const placed = season.fixtures.filter(({ placements }) => placements[0]?.event === id)
      assert.strictEqual(new Set(placed.flatMap(({ away, home }) => [home, away])).size, 20)
    }
  })

  it.effect("assembles to a coherent revision at every moment, with every step of a match's life", () =>
    Effect.gen(function* () {
      const seen = new Set<Match.Status>()
      const around = season.gameweeks.slice(0, 8).flatMap(({ deadline }) => [2, 5, 40].map((h) => deadline + h * hour))
      const times = [...moments(6 * day), ...around]
      const revisions = yield* revisionsAt(times.toSorted((a, b) => a - b))
      assert.isAbove(revisions.length, 60)
      for (const { events, matches } of revisions) {
        for (const match of matches) {
          seen.add(Match.status(match))
          assert.strictEqual(match.event === null, match.phases.length === 0)
        }
        assert.isAtMost(events.filter(({ isCurrent }) => isCurrent).length, 1)
        assert.isAtMost(events.filter(({ isNext }) => isNext).length, 1)
      }
      assert.deepStrictEqual([...seen].toSorted(), ["final", "live", "provisional", "scheduled", "unscheduled"])
    })
  )

  it.effect("takes a match from its gameweek into none and into a later one", () =>
    Effect.gen(function* () {
      const postponed = season.fixtures.filter(({ placements }) => placements.length > 1)
      assert.isAbove(postponed.length, 5)
      for (const { id, placements } of postponed.slice(0, 5)) {
        const [first, second, third] = placements
        assert.isDefined(first)
        assert.isDefined(second)
        assert.isDefined(third)
        if (first === undefined || second === undefined || third === undefined) return
        const times = [second.since - 1, second.since, third.since - 1, third.since]
        const placed = (yield* revisionsAt(times)).map(({ matches }) => matches.find((match) => match.id === id))
        assert.deepStrictEqual(
          placed.map((match) => match?.event),
          [first.event, null, null, third.event]
        )
        assert.deepStrictEqual(
          placed.map((match) => match?.kickoff),
          [first.kickoff, null, null, third.kickoff]
        )
        assert.isAbove(third.event ?? 0, first.event ?? 0)
      }
    })
  )

  it.effect("gives teams blank and double gameweeks", () =>
    Effect.gen(function* () {
      const { matches, teams } = yield* assembleAt(season, season.end)
      const counts = new Set<number>()
      for (const team of teams) {
        for (const { id: event } of season.gameweeks) {
          const own = matches.filter((match) => match.home === team.id || match.away === team.id)
          counts.add(own.filter((match) => match.event === event).length)
        }
      }
      assert.isTrue(counts.has(0))
      assert.isTrue(counts.has(2))
    })
  )

  it.effect("keeps a result provisional for hours, and once takes a final one back", () =>
    Effect.gen(function* () {
      const fixture = season.fixtures.find(({ isTakenBack }) => isTakenBack)
      const kickoff = fixture?.placements.at(-1)?.kickoff ?? Number.NaN
      const steps = [-1, 0, 109, 110, 359, 360, 479, 480, 539, 540].map((minutes) => kickoff + minutes * minute)
      const statuses = (yield* revisionsAt(steps)).map(({ matches }) => {
        const match = matches.find(({ id }) => id === fixture?.id)
        return match === undefined ? "missing" : Match.status(match)
      })
      assert.deepStrictEqual(statuses, [
        "scheduled",
        "live",
        "live",
        "provisional",
        "provisional",
        "final",
        "final",
        "provisional",
        "provisional",
        "final"
      ])
    })
  )

  it.effect("never takes a goal back, and counts 90 minutes", () =>
    Effect.gen(function* () {
      const id = 1
      const kickoff = season.fixtures[0]?.placements[0]?.kickoff ?? Number.NaN
      const played = (yield* revisionsAt(Array.from({ length: 24 }, (_, step) => kickoff + step * 5 * minute))).map(
        ({ matches }) => matches.find((match) => match.id === id)
      )
      for (const [index, match] of played.entries()) {
        const before = played[index - 1]
        assert.isAtLeast(match?.minutes ?? -1, before?.minutes ?? 0)
        assert.isAtLeast(match?.homeScore ?? -1, before?.homeScore ?? 0)
        assert.isAtLeast(match?.awayScore ?? -1, before?.awayScore ?? 0)
      }
      assert.strictEqual(played[0]?.minutes, 0)
      assert.strictEqual(played.at(-1)?.minutes, 90)
    })
  )

  it("closes the game after each deadline, first with 503, then with a page", () => {
    for (const { deadline } of season.gameweeks) {
      const states = [-1, 0, 30 * minute - 1, 30 * minute, hour - 1, hour].map((after) =>
        SimulatedSeason.maintenance(season, deadline + after)
      )
      assert.deepStrictEqual(states, ["open", "unavailable", "unavailable", "page", "page", "open"])
    }
    assert.strictEqual(SimulatedSeason.maintenance(season, season.start), "open")
  })

  it.effect("moves the current gameweek on at its deadline", () =>
    Effect.gen(function* () {
      const deadline = season.gameweeks[9]?.deadline ?? Number.NaN
      const [before, after] = yield* revisionsAt([deadline - 1, deadline])
      const current = (revision: SeasonRevision.SeasonRevision | undefined) =>
        revision?.events.find(({ isCurrent }) => isCurrent)?.id
      assert.strictEqual(current(before), 9)
      assert.strictEqual(current(after), 10)
      if (before === undefined || after === undefined) return
      const events = new Map(before.events.map((event) => [event.id, event]))
      const differing = after.events.filter((event) => !Equal.equals(event, events.get(event.id)))
      assert.deepStrictEqual(
        differing.map(({ id }) => id),
        [8, 9, 10, 11]
      )
    })
  )

  it.effect("ends with every team having played 38 matches, in a table whose sums are right", () =>
    Effect.gen(function* () {
      const revision = yield* assembleAt(season, season.end)
      assert.isTrue(revision.matches.every((match) => Match.status(match) === "final"))
      assert.isTrue(revision.events.every(({ dataChecked, finished }) => finished && dataChecked))
      const { provisional, rows } = Standing.compute({ ...revision, scope: { _tag: "Overall" }, deductions: {} })
      assert.isFalse(provisional)
      assert.strictEqual(rows.length, 20)
      const sum = (of: (row: Standing.Row) => number) => rows.reduce((total, row) => total + of(row), 0)
      for (const row of rows) assert.strictEqual(row.played, 38)
      assert.strictEqual(
        sum(({ won }) => won),
        sum(({ lost }) => lost)
      )
      assert.strictEqual(
        sum(({ goalsFor }) => goalsFor),
        sum(({ goalsAgainst }) => goalsAgainst)
      )
      assert.isAbove(
        sum(({ goalsFor }) => goalsFor),
        380
      )
    })
  )
})
