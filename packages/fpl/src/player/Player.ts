/**
 * A player is one of the game's elements: a footballer of a team, with a price and those who own him.
 */
import { Schema } from "effect"
import { Season, SeasonId } from "../season/Season.ts"
import { Id } from "../source/wire.ts"

/** The id of a player: its season, and its number there. */
export const PlayerId = SeasonId
export type PlayerId = SeasonId

/** Goalkeeper, defender, midfielder, forward, and in 2024-25 the manager: 1 to 5. */
export const Position = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 5 })))

/** A player as this library keeps it. He may change his team in mid-season, and keeps his id. */
export const Player = Schema.Struct({
  season: Season,
  id: Id,
  /** The same in every season. */
  code: Schema.Int,
  name: Schema.String,
  team: Id,
  position: Position,
  /** In tenths of a million. */
  price: Schema.Int,
  /** Of those who play the game, in tenths of a percent. */
  ownership: Schema.Int,
  /** `a`: available; others, such as `i` and `s`, say why not. */
  status: Schema.String,
  totalPoints: Schema.Int
})
export type Player = typeof Player.Type

/** A number that the API writes as text with one digit after the point. */
const Tenths = Schema.String.pipe(
  Schema.check(Schema.isPattern(/^\d{1,3}\.\d$/, { message: 'Expected a number such as "12.5"' }))
)

/** What is used of the API's shape. */
export const FromApi = Schema.Struct({
  id: Id,
  code: Schema.Int,
  web_name: Schema.NonEmptyString,
  team: Id,
  element_type: Position,
  now_cost: Schema.Int,
  selected_by_percent: Tenths,
  status: Schema.optionalKey(Schema.String),
  total_points: Schema.optionalKey(Schema.Int)
})

/** Turns the API's element into a player of a season. */
export const fromApi = (season: Season, api: typeof FromApi.Type): Player => ({
  season,
  id: api.id,
  code: api.code,
  name: api.web_name,
  team: api.team,
  position: api.element_type,
  price: api.now_cost,
  ownership: Math.round(Number(api.selected_by_percent) * 10),
  status: api.status ?? "a",
  totalPoints: api.total_points ?? 0
})
