/**
 * A team is a club in one season. Its code stays the same across seasons; its id does not.
 */
import { Schema } from "effect"
import { Season, SeasonId } from "../season/Season.ts"
import { Id } from "../source/wire.ts"

/** The id of a team: its season, and its number there. */
export const TeamId = SeasonId
export type TeamId = SeasonId

const Strength = Schema.NullOr(Schema.Int)

/** A team as this library keeps it. The API's own counts of points stay 0: tables are computed from matches. */
export const Team = Schema.Struct({
  season: Season,
  id: Id,
  code: Schema.Int,
  name: Schema.String,
  shortName: Schema.String,
  strength: Strength,
  attackHome: Strength,
  attackAway: Strength,
  defenceHome: Strength,
  defenceAway: Strength
})
export type Team = typeof Team.Type

const Given = Schema.optionalKey(Schema.NullOr(Schema.Int))

/** What is used of the API's shape. */
export const FromApi = Schema.Struct({
  id: Id,
  code: Schema.Int,
  name: Schema.NonEmptyString,
  short_name: Schema.NonEmptyString,
  strength: Given,
  strength_attack_home: Given,
  strength_attack_away: Given,
  strength_defence_home: Given,
  strength_defence_away: Given
})

/** Turns the API's team into one of a season. */
export const fromApi = (season: Season, api: typeof FromApi.Type): Team => ({
  season,
  id: api.id,
  code: api.code,
  name: api.name,
  shortName: api.short_name,
  strength: api.strength ?? null,
  attackHome: api.strength_attack_home ?? null,
  attackAway: api.strength_attack_away ?? null,
  defenceHome: api.strength_defence_home ?? null,
  defenceAway: api.strength_defence_away ?? null
})
