/**
 * The league table, computed from matches: the API's own counts stay 0.
 */
import { Schema } from "effect"
import * as Match from "../match/Match.ts"
import { Season } from "../season/Season.ts"
import { Id } from "../source/wire.ts"
import type { Team } from "../team/Team.ts"

/** What of the season a table counts. */
export const Scope = Schema.TaggedUnion({
  Overall: {},
  /** The matches of a phase's gameweeks. */
  Phase: { phase: Id },
  /** The matches up to a gameweek, that one counted. */
  AsOf: { event: Id },
  Home: {},
  Away: {}
})
export type Scope = typeof Scope.Type

/** One team's row. */
export const Row = Schema.Struct({
  position: Schema.Int,
  team: Id,
  code: Schema.Int,
  name: Schema.String,
  played: Schema.Int,
  won: Schema.Int,
  drawn: Schema.Int,
  lost: Schema.Int,
  goalsFor: Schema.Int,
  goalsAgainst: Schema.Int,
  goalDifference: Schema.Int,
  points: Schema.Int,
  /** Points taken away, which `points` no longer holds. */
  deducted: Schema.Int,
  /** A counted result of the team is not final yet. */
  provisional: Schema.Boolean
})
export type Row = typeof Row.Type

/** A table. */
export const Standing = Schema.Struct({
  season: Season,
  scope: Scope,
  rows: Schema.Array(Row),
  /** A counted result is not final yet. */
  provisional: Schema.Boolean
})
export type Standing = typeof Standing.Type

/** Points taken from teams, by the team's name or code. */
export type Deductions = Readonly<Record<string, number>>

const counts = (scope: Scope, match: Match.Match): boolean => {
  switch (scope._tag) {
    case "Phase":
      return match.phases.includes(scope.phase)
    case "AsOf":
      return match.event !== null && match.event <= scope.event
    case "Overall":
    case "Home":
    case "Away":
      return true
  }
}

interface Tally {
  played: number
  won: number
  drawn: number
  lost: number
  goalsFor: number
  goalsAgainst: number
  provisional: boolean
}

const noMatches = (): Tally => ({
  played: 0,
  won: 0,
  drawn: 0,
  lost: 0,
  goalsFor: 0,
  goalsAgainst: 0,
  provisional: false
})

/**
 * Computes a table from the matches that have a result, final or provisional.
 *
 * Teams are ordered by points, goal difference, then goals scored, as the Premier League does; teams that are level in
 * all three by name. Deductions count in every scope that counts the whole season: overall, and as of a gameweek.
 */
export const compute = (options: {
  readonly season: Season
  readonly scope: Scope
  readonly teams: ReadonlyArray<Team>
  readonly matches: ReadonlyArray<Match.Match>
  readonly deductions: Deductions
}): Standing => {
  const { deductions, matches, scope, season, teams } = options
  const tallies = new Map(teams.map(({ id }) => [id, noMatches()]))
  const add = (team: number, scored: number, conceded: number, provisional: boolean) => {
    const tally = tallies.get(team)
    if (tally === undefined) return
    tally.played++
    if (scored > conceded) tally.won++
    else if (scored === conceded) tally.drawn++
    else tally.lost++
    tally.goalsFor += scored
    tally.goalsAgainst += conceded
    tally.provisional ||= provisional
  }
  for (const match of matches) {
    const { away, awayScore, home, homeScore } = match
    const status = Match.status(match)
    if ((status !== "final" && status !== "provisional") || homeScore === null || awayScore === null) continue
    if (!counts(scope, match)) continue
    if (scope._tag !== "Away") add(home, homeScore, awayScore, status === "provisional")
    if (scope._tag !== "Home") add(away, awayScore, homeScore, status === "provisional")
  }
  const deducts = scope._tag === "Overall" || scope._tag === "AsOf"
  const rows = teams.map(({ code, id, name }) => {
    const tally = tallies.get(id) ?? noMatches()
    const deducted = deducts ? (deductions[name] ?? deductions[`${code}`] ?? 0) : 0
    return {
      position: 0,
      team: id,
      code,
      name,
      ...tally,
      goalDifference: tally.goalsFor - tally.goalsAgainst,
      points: tally.won * 3 + tally.drawn - deducted,
      deducted
    }
  })
  const ordered = rows.toSorted(
    (a, b) =>
      b.points - a.points ||
      b.goalDifference - a.goalDifference ||
      b.goalsFor - a.goalsFor ||
      a.name.localeCompare(b.name, "en")
  )
  return {
    season,
    scope,
    rows: ordered.map((row, index) => ({ ...row, position: index + 1 })),
    provisional: rows.some(({ provisional }) => provisional)
  }
}

/** A row under the short names of published league tables: gf, ga, gd. */
export const toPublished = (row: Row) => ({
  team: row.team,
  code: row.code,
  name: row.name,
  played: row.played,
  won: row.won,
  drawn: row.drawn,
  lost: row.lost,
  gf: row.goalsFor,
  ga: row.goalsAgainst,
  gd: row.goalDifference,
  points: row.points,
  deducted: row.deducted,
  position: row.position
})
