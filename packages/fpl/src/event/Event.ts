/**
 * An event is a gameweek: a span of matches with a deadline.
 */
import { Schema } from "effect"
import { Season, SeasonId } from "../season/Season.ts"
import { Flag, Id, Time } from "../source/wire.ts"

/** The id of a gameweek: its season, and its number there. */
export const EventId = SeasonId
export type EventId = SeasonId

/** A gameweek as this library keeps it. Times are epoch milliseconds. */
export const Event = Schema.Struct({
  season: Season,
  id: Id,
  name: Schema.String,
  deadline: Schema.Int,
  finished: Schema.Boolean,
  /** Bonus points and corrections are in: nothing more is expected to change. */
  dataChecked: Schema.Boolean,
  isPrevious: Schema.Boolean,
  isCurrent: Schema.Boolean,
  isNext: Schema.Boolean,
  averageScore: Schema.NullOr(Schema.Int),
  highestScore: Schema.NullOr(Schema.Int)
})
export type Event = typeof Event.Type

/** What is used of the API's shape; fields come and go by season, these have stayed. */
export const FromApi = Schema.Struct({
  id: Id,
  name: Schema.NonEmptyString,
  deadline_time: Time,
  finished: Schema.Boolean,
  data_checked: Flag,
  is_previous: Flag,
  is_current: Flag,
  is_next: Flag,
  average_entry_score: Schema.optionalKey(Schema.NullOr(Schema.Int)),
  highest_score: Schema.optionalKey(Schema.NullOr(Schema.Int))
})

/** Turns the API's event into a gameweek of a season. */
export const fromApi = (season: Season, api: typeof FromApi.Type): Event => ({
  season,
  id: api.id,
  name: api.name,
  deadline: api.deadline_time,
  finished: api.finished,
  dataChecked: api.data_checked,
  isPrevious: api.is_previous,
  isCurrent: api.is_current,
  isNext: api.is_next,
  averageScore: api.average_entry_score ?? null,
  highestScore: api.highest_score ?? null
})
