import { assert, describe, it } from "@effect/vitest"
import { Event, EventCache, Lifecycle, type Match, MatchCache, SimulatedSeason } from "@letletme/fpl"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { seed } from "./seed.ts"
import { assembleAt } from "./simulated.ts"
import { tiers } from "./tiers.ts"

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour
const season = "2030-31"
const deadline = Date.UTC(2030, 7, 16, 17, 30)
const kickoff = deadline + 90 * minute

const event = Event.fromApi(season, {
  id: 1,
  name: "Gameweek 1",
  deadline_time: deadline,
  finished: false,
  data_checked: false,
  is_previous: false,
  is_current: false,
  is_next: true
})
const match: Match.Match = {
  season,
  id: 1,
  code: 1,
  event: 1,
  phases: [1],
  kickoff,
  provisionalKickoff: false,
  started: false,
  finished: false,
  finishedProvisional: false,
  minutes: 0,
  home: 1,
  away: 2,
  homeScore: null,
  awayScore: null,
  homeDifficulty: null,
  awayDifficulty: null
}
const started = { ...match, started: true }
const provisional = { ...started, finishedProvisional: true }

describe("Lifecycle", () => {
  it("a match is believed for hours before, for seconds while live, for minutes while provisional, long when final", () => {
    const believed = (of: Match.Match, now: number) => Lifecycle.matchFreshness(of, now)
    assert.strictEqual(believed(match, kickoff - 2 * day), 6 * hour)
    assert.strictEqual(believed(match, kickoff - 20 * minute), 20 * minute)
    assert.strictEqual(believed(started, kickoff + hour), 30 * second)
    assert.strictEqual(believed(provisional, kickoff + 2 * hour), 10 * minute)
    assert.strictEqual(believed({ ...provisional, finished: true }, kickoff + day), 30 * day)
    assert.strictEqual(believed({ ...match, event: null, kickoff: null }, kickoff), 6 * hour)
  })

  it("the clock decides that a match has begun, and that nobody tells of its end", () => {
    assert.strictEqual(Lifecycle.ofMatch(match, kickoff - 1), "settled")
    assert.strictEqual(Lifecycle.ofMatch(match, kickoff), "live")
    assert.strictEqual(Lifecycle.ofMatch(match, kickoff + 5 * hour), "settled")
    assert.strictEqual(Lifecycle.ofMatch(started, kickoff + 5 * hour), "pending")
  })

  it("a gameweek is believed for a minute near its deadline, and long when its data is checked", () => {
    const believed = (now: number, of = event) => Lifecycle.eventFreshness(of, now)
    assert.strictEqual(believed(deadline - 3 * day), 6 * hour)
    assert.strictEqual(believed(deadline - 2 * hour), hour)
    assert.strictEqual(believed(deadline - 30 * minute), minute)
    assert.strictEqual(believed(deadline + 30 * minute), minute)
    assert.strictEqual(believed(deadline + 2 * day), 10 * minute)
    assert.strictEqual(believed(deadline + 2 * day, { ...event, finished: true }), 10 * minute)
    assert.strictEqual(believed(deadline + 5 * day, { ...event, finished: true, dataChecked: true }), 30 * day)
    // Some gameweeks are never flagged as checked.
    assert.strictEqual(believed(deadline + 30 * day, { ...event, finished: true }), 6 * hour)
  })

  it.effect(
    "polls follow the same rule: seconds in a match, a minute at a deadline, hours between, a day at the end",
    () =>
      Effect.gen(function* () {
        const simulated = SimulatedSeason.make()
        const tenth = simulated.gameweeks[9]?.deadline ?? 0
        const pauseAt = (time: number) =>
          Effect.map(assembleAt(simulated, time), (revision) => Lifecycle.untilNextPoll(revision, time))
        assert.strictEqual(yield* pauseAt(tenth + 90 * minute + 30 * minute), 30 * second)
        assert.strictEqual(yield* pauseAt(tenth + 10 * minute), minute)
        assert.strictEqual(yield* pauseAt(simulated.start), 6 * hour)
        assert.strictEqual(yield* pauseAt(simulated.end), day)
      })
  )

  it.effect("entries expire by the same rule: checked gameweeks and final matches stay", () =>
    Effect.gen(function* () {
      const simulated = SimulatedSeason.make()
      const now = (simulated.gameweeks[9]?.deadline ?? 0) + 2 * hour
      yield* TestClock.setTime(now)
      const revision = yield* assembleAt(simulated, now)
      const test = Effect.gen(function* () {
        yield* seed(revision)
        const events = yield* EventCache
        const matches = yield* MatchCache
        const weeks = [1, 10, 11].map((id) => ({ season, id }))
        const live = revision.matches.filter((one) => Lifecycle.ofMatch(one, now) === "live")
        const over = revision.matches.filter((one) => Lifecycle.ofMatch(one, now) === "final")
        assert.isNotEmpty(live)
        yield* events.getMany(weeks)
        yield* matches.getMany([...live, ...over])
        yield* TestClock.setTime(now + 31 * second)
        assert.isTrue((yield* matches.inspect(over)).every((condition) => condition === "fresh"))
        assert.isTrue((yield* matches.inspect(live)).every((condition) => condition === "expired"))
        yield* TestClock.setTime(now + 11 * minute)
        assert.deepStrictEqual(yield* events.inspect(weeks), ["fresh", "expired", "fresh"])
      })
      // Built at that time: what wakes up regularly would do so for every second since 1970.
      yield* Effect.provide(test, tiers(season).memory)
    })
  )
})
