/**
 * A phase is a span of gameweeks: the whole season, or a month. Its range may change in mid-season.
 */
import { Schema } from "effect"
import { Season, SeasonId } from "../season/Season.ts"
import { Id } from "../source/wire.ts"

/** The id of a phase: its season, and its number there. */
export const PhaseId = SeasonId
export type PhaseId = SeasonId

/** A phase as this library keeps it: gameweeks from `startEvent` to `stopEvent`, both counted. */
export const Phase = Schema.Struct({
  season: Season,
  id: Id,
  name: Schema.String,
  startEvent: Id,
  stopEvent: Id,
  highestScore: Schema.NullOr(Schema.Int)
})
export type Phase = typeof Phase.Type

/** What is used of the API's shape. */
export const FromApi = Schema.Struct({
  id: Id,
  name: Schema.NonEmptyString,
  start_event: Id,
  stop_event: Id,
  highest_score: Schema.optionalKey(Schema.NullOr(Schema.Int))
})

/** Turns the API's phase into one of a season. */
export const fromApi = (season: Season, api: typeof FromApi.Type): Phase => ({
  season,
  id: api.id,
  name: api.name,
  startEvent: api.start_event,
  stopEvent: api.stop_event,
  highestScore: api.highest_score ?? null
})

/** Whether a gameweek belongs to the phase. */
export const holds = (phase: Pick<Phase, "startEvent" | "stopEvent">, event: number): boolean =>
  phase.startEvent <= event && event <= phase.stopEvent
