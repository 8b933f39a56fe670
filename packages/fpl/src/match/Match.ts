/**
 * A match is what the API calls a fixture: two teams, in a gameweek or, while postponed, in none.
 */
import { Schema } from "effect"
import { type Phase, holds } from "../phase/Phase.ts"
import { Season, SeasonId } from "../season/Season.ts"
import { Flag, Id, Time } from "../source/wire.ts"

/** The id of a match: its season, and its number there. */
export const MatchId = SeasonId
export type MatchId = SeasonId

/** A match as this library keeps it. Times are epoch milliseconds. */
export const Match = Schema.Struct({
  season: Season,
  id: Id,
  /** The same across the season's life, also when the match is moved. */
  code: Schema.Int,
  /** The gameweek; `null` while the match is not scheduled. */
  event: Schema.NullOr(Id),
  /** The phases whose range holds the gameweek. */
  phases: Schema.Array(Id),
  kickoff: Schema.NullOr(Schema.Int),
  provisionalKickoff: Schema.Boolean,
  started: Schema.Boolean,
  finished: Schema.Boolean,
  finishedProvisional: Schema.Boolean,
  minutes: Schema.Int,
  home: Id,
  away: Id,
  homeScore: Schema.NullOr(Schema.Int),
  awayScore: Schema.NullOr(Schema.Int),
  homeDifficulty: Schema.NullOr(Schema.Int),
  awayDifficulty: Schema.NullOr(Schema.Int)
})
export type Match = typeof Match.Type

const Score = Schema.NullOr(Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 99 }))))

/** What is used of the API's shape. */
export const FromApi = Schema.Struct({
  id: Id,
  code: Schema.Int,
  event: Schema.NullOr(Id),
  kickoff_time: Schema.optionalKey(Schema.NullOr(Time)),
  provisional_start_time: Schema.optionalKey(Flag),
  started: Schema.optionalKey(Flag),
  finished: Schema.Boolean,
  finished_provisional: Schema.optionalKey(Flag),
  minutes: Schema.optionalKey(Schema.Int),
  team_h: Id,
  team_a: Id,
  team_h_score: Score,
  team_a_score: Score,
  team_h_difficulty: Schema.optionalKey(Schema.NullOr(Schema.Int)),
  team_a_difficulty: Schema.optionalKey(Schema.NullOr(Schema.Int))
})

/** Turns the API's fixture into a match of a season, which knows its phases. */
export const fromApi = (season: Season, phases: ReadonlyArray<Phase>, api: typeof FromApi.Type): Match => {
  const { event } = api
  return {
    season,
    id: api.id,
    code: api.code,
    event,
    phases: event === null ? [] : phases.filter((phase) => holds(phase, event)).map(({ id }) => id),
    kickoff: api.kickoff_time ?? null,
    provisionalKickoff: api.provisional_start_time ?? false,
    started: api.started ?? false,
    finished: api.finished,
    finishedProvisional: api.finished_provisional ?? api.finished,
    minutes: api.minutes ?? 0,
    home: api.team_h,
    away: api.team_a,
    homeScore: api.team_h_score,
    awayScore: api.team_a_score,
    homeDifficulty: api.team_h_difficulty ?? null,
    awayDifficulty: api.team_a_difficulty ?? null
  }
}

/** Where a match is in its life. */
export type Status = "unscheduled" | "scheduled" | "live" | "provisional" | "final"

/**
 * Tells a match's status. A result is provisional from `finishedProvisional` on and final with `finished`, which has
 * been seen to fall back to false.
 */
export const status = (match: Match): Status => {
  if (match.finished) return "final"
  if (match.finishedProvisional) return "provisional"
  if (match.started) return "live"
  return match.event === null ? "unscheduled" : "scheduled"
}
