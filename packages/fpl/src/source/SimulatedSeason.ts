/**
 * A season that the project generates itself, in the API's shape: the same for the same seed, at any moment of it.
 *
 * It does what real seasons do: matches are postponed (no gameweek) and come back in a later one, so that teams have
 * blank and double gameweeks; results are provisional for hours and `finished` once falls back to false; deadlines move
 * the current gameweek on; the API is closed after each deadline.
 */
import type { Season } from "../season/Season.ts"
import { domains } from "../season/SeasonRevision.ts"
import { random, type Simulation } from "./Simulation.ts"

/** What a season is generated from. */
export interface Options {
  readonly season: Season
  /** The same season for the same number. */
  readonly seed: number
  /** An even number of clubs, at most 20. */
  readonly teams: number
}

/** A season of full size. */
export const defaults: Options = { season: "2030-31", seed: 1, teams: 20 }

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

interface Club {
  readonly id: number
  readonly code: number
  readonly name: string
  readonly shortName: string
  readonly strength: number
}

/** When a match is in which gameweek: from `since` on it is in `event` (`null`: in none), to kick off at `kickoff`. */
interface Placement {
  readonly since: number
  readonly event: number | null
  readonly kickoff: number | null
}

interface Fixture {
  readonly id: number
  readonly code: number
  readonly home: number
  readonly away: number
  /** Minutes of the goals of each side. */
  readonly homeGoals: ReadonlyArray<number>
  readonly awayGoals: ReadonlyArray<number>
  readonly placements: ReadonlyArray<Placement>
  /** Its final result is taken back for an hour. */
  readonly isTakenBack: boolean
}

/** A gameweek; its deadline is in epoch milliseconds. */
interface Gameweek {
  readonly id: number
  readonly deadline: number
}

/** A generated season: everything that will happen in it. */
export interface SimulatedSeason extends Simulation {
  readonly options: Options
  readonly clubs: ReadonlyArray<Club>
  readonly gameweeks: ReadonlyArray<Gameweek>
  readonly phases: ReadonlyArray<{
    readonly id: number
    readonly name: string
    readonly start: number
    readonly stop: number
  }>
  readonly fixtures: ReadonlyArray<Fixture>
  /** A month before the first deadline, and a week after the last match (epoch ms). */
  readonly start: number
  readonly end: number
}

const towns = [
  "Alderbrook",
  "Bexmoor",
  "Carrowby",
  "Dunsmere",
  "Eastholt",
  "Farnley",
  "Grimsford",
  "Harrowgate",
  "Inverleigh",
  "Jarrowick",
  "Kelmouth",
  "Larkfield",
  "Marlow Green",
  "Northby",
  "Oakhaven",
  "Penwick",
  "Quarrydale",
  "Ravenshaw",
  "Silverton",
  "Thornbury"
]

/** Each pair once: the circle method. */
const rounds = (count: number): ReadonlyArray<ReadonlyArray<readonly [number, number]>> =>
  Array.from({ length: count - 1 }, (_, round) =>
    Array.from({ length: count / 2 }, (_, pair): readonly [number, number] => {
      const at = (place: number) => (place === 0 ? 0 : 1 + ((place - 1 + round) % (count - 1)))
      const [one, two] = [at(pair), at(count - 1 - pair)]
      return (round + pair) % 2 === 0 ? [one, two] : [two, one]
    })
  )

// Hours from the deadline, Friday 17:30, to the kick-offs of a gameweek.
const slots = [1.5, 19, 21.5, 21.5, 21.5, 21.5, 24, 44.5, 47, 74.5]

/** Generates a season. */
export const make = (options: Options = defaults): SimulatedSeason => {
  const next = random(options.seed)
  const poisson = (mean: number): number => {
    const limit = Math.exp(-mean)
    let count = 0
    for (let product = next(); product > limit; product *= next()) count++
    return count
  }
  const clubs = towns.slice(0, options.teams).map((name, index) => ({
    id: index + 1,
    code: 900 + index,
    name,
    shortName: name.slice(0, 3).toUpperCase(),
    strength: 0.7 + next() * 0.8
  }))
  const firstHalf = rounds(options.teams)
  const schedule = [...firstHalf, ...firstHalf.map((round) => round.map(([home, away]) => [away, home] as const))]

  // The second Friday after 8 August, then every week with some pauses.
  const year = Number(options.season.slice(0, 4))
  const august = Date.UTC(year, 7, 8, 17, 30)
  const first = august + ((5 - new Date(august).getUTCDay() + 7) % 7) * day
  const pauses = new Set([4, 8, 12, 29])
  const gameweeks: Array<Gameweek> = []
  let week = 0
  for (const index of schedule.keys()) {
    if (pauses.has(index)) week++
    gameweeks.push({ id: index + 1, deadline: first + week * 7 * day })
    week++
  }
  const months = new Map<string, Array<number>>()
  for (const { deadline, id } of gameweeks) {
    const name = new Date(deadline).toLocaleString("en", { month: "long", timeZone: "UTC" })
    months.set(name, [...(months.get(name) ?? []), id])
  }
  const phases = [
    { id: 1, name: "Overall", start: 1, stop: gameweeks.length },
    ...Array.from(months, ([name, ids], index) => ({
      id: index + 2,
      name,
      start: Math.min(...ids),
      stop: Math.max(...ids)
    }))
  ]

  const start = first - 30 * day
  const fixtures: Array<Fixture> = []
  for (const [round, pairs] of schedule.entries()) {
    const gameweek = gameweeks[round]
    if (gameweek === undefined) continue
    for (const [pair, [home, away]] of pairs.entries()) {
      const [strong, weak] = [clubs[home]?.strength ?? 1, clubs[away]?.strength ?? 1]
      const goals = (mean: number) =>
        Array.from({ length: poisson(mean) }, () => 1 + Math.floor(next() * 90)).toSorted((a, b) => a - b)
      const kickoff = gameweek.deadline + (slots[pair % slots.length] ?? 21.5) * hour
      const placements: Array<Placement> = [{ since: start, event: gameweek.id, kickoff }]
      // About one match in twenty is postponed ten days ahead, and placed anew two to five gameweeks later.
      const later = gameweeks[round + 2 + Math.floor(next() * 4)]
      if (next() < 0.05 && later !== undefined && round > 2) {
        placements.push({ since: gameweek.deadline - 10 * day, event: null, kickoff: null })
        placements.push({ since: gameweek.deadline + 5 * day, event: later.id, kickoff: later.deadline + 96 * hour })
      }
      fixtures.push({
        id: fixtures.length + 1,
        code: 500_000 + fixtures.length,
        home: home + 1,
        away: away + 1,
        homeGoals: goals(1.35 * (strong / weak)),
        awayGoals: goals(1.05 * (weak / strong)),
        placements,
        isTakenBack: round % 6 === 5 && pair === 0
      })
    }
  }
  const last = gameweeks.at(-1)?.deadline ?? first
  return { options, clubs, gameweeks, phases, fixtures, start, end: last + 12 * day }
}

/** A match at a moment. */
const fixtureAt = (fixture: Fixture, time: number) => {
  const { event, kickoff } = fixture.placements.findLast(({ since }) => since <= time) ?? {
    event: null,
    kickoff: null
  }
  const elapsed = kickoff === null ? -1 : time - kickoff
  const started = elapsed >= 0
  // A quarter of an hour of half-time, five minutes of stoppages.
  const minutes = started
    ? Math.min(90, Math.floor(elapsed <= 45 * minute ? elapsed / minute : Math.max(45, elapsed / minute - 15)))
    : 0
  const score = (goals: ReadonlyArray<number>) => (started ? goals.filter((at) => at <= minutes).length : null)
  const finishedProvisional = elapsed >= 110 * minute
  const isTakenBack = fixture.isTakenBack && elapsed >= 8 * hour && elapsed < 9 * hour
  return {
    code: fixture.code,
    event,
    finished: elapsed >= 6 * hour && !isTakenBack,
    finished_provisional: finishedProvisional,
    id: fixture.id,
    kickoff_time: kickoff === null ? null : new Date(kickoff).toISOString(),
    minutes,
    provisional_start_time: false,
    started: event === null ? null : started,
    team_a: fixture.away,
    team_a_score: score(fixture.awayGoals),
    team_h: fixture.home,
    team_h_score: score(fixture.homeGoals),
    stats: [],
    team_h_difficulty: 3,
    team_a_difficulty: 3,
    pulse_id: 70_000 + fixture.id
  }
}

/** What the API would answer at a moment (epoch ms of the simulated time). */
export const at = (simulated: SimulatedSeason, time: number) => {
  const fixtures = simulated.fixtures.map((fixture) => fixtureAt(fixture, time))
  const current = simulated.gameweeks.findLast(({ deadline }) => deadline <= time)?.id ?? 0
  const events = simulated.gameweeks.map(({ deadline, id }) => {
    const own = fixtures.filter(({ event }) => event === id)
    const kickoffs = own.flatMap(({ kickoff_time }) => (kickoff_time === null ? [] : [Date.parse(kickoff_time)]))
    const over = Math.max(deadline, ...kickoffs) + 6 * hour
    const finished = deadline <= time && time >= over && own.every((fixture) => fixture.finished_provisional)
    return {
      id,
      name: `Gameweek ${id}`,
      deadline_time: new Date(deadline).toISOString(),
      deadline_time_epoch: deadline / 1000,
      deadline_time_game_offset: 0,
      release_time: null,
      average_entry_score: finished ? 40 + ((id * 7) % 25) : 0,
      finished,
      data_checked: finished && time >= over + 12 * hour,
      highest_score: finished ? 100 + ((id * 13) % 50) : null,
      highest_scoring_entry: finished ? 1_000 + id : null,
      is_previous: id === current - 1,
      is_current: id === current,
      is_next: id === current + 1,
      chip_plays: [],
      transfers_made: 0
    }
  })
  return {
    bootstrap: {
      events,
      phases: simulated.phases.map(({ id, name, start, stop }) => ({
        id,
        name,
        start_event: start,
        stop_event: stop,
        highest_score: null
      })),
      teams: simulated.clubs.map(({ code, id, name, shortName, strength }) => ({
        code,
        draw: 0,
        form: null,
        id,
        loss: 0,
        name,
        played: 0,
        points: 0,
        position: 0,
        short_name: shortName,
        strength: Math.round(strength * 3),
        team_division: null,
        unavailable: false,
        win: 0,
        strength_overall_home: Math.round(strength * 1_000),
        strength_overall_away: Math.round(strength * 980),
        strength_attack_home: Math.round(strength * 1_010),
        strength_attack_away: Math.round(strength * 990),
        strength_defence_home: Math.round(strength * 1_020),
        strength_defence_away: Math.round(strength * 1_000),
        pulse_id: 100 + id
      })),
      ...domains.simulated(simulated, time),
      game_settings: {},
      total_players: 9_000_000
    },
    fixtures
  }
}

/** Whether the API is closed at a moment, and how it says so: half an hour of 503, then half an hour of a web page. */
export const maintenance = (simulated: SimulatedSeason, time: number): "open" | "unavailable" | "page" => {
  const last = simulated.gameweeks.findLast(({ deadline }) => deadline <= time)?.deadline
  if (last === undefined || time >= last + hour) return "open"
  return time < last + 30 * minute ? "unavailable" : "page"
}
