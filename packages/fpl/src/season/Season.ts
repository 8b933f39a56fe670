/**
 * A season, and the ids that carry it: ids restart every season, so none stands without one.
 */
import { Schema, SchemaTransformation } from "effect"

/** A season's name, such as `2021-22`. It is stated by configuration or by data, never guessed. */
export const Season = Schema.String.pipe(
  Schema.check(
    Schema.isPattern(/^\d{4}-\d{2}$/, { message: 'Expected a season such as "2021-22"' }),
    Schema.makeFilter(
      (name) =>
        (Number(name.slice(0, 4)) + 1) % 100 === Number(name.slice(5)) ||
        `Expected a season of two years in a row, such as "2021-22", not "${name}"`
    )
  )
)
export type Season = typeof Season.Type

/** The id of an entity within its season, encoded as `2021-22:17`. */
export interface SeasonId {
  readonly season: Season
  readonly id: number
}

const Parts = Schema.Struct({ season: Season, id: Schema.Int.pipe(Schema.check(Schema.isGreaterThanOrEqualTo(0))) })

/** Between `{ season, id }` and the text of a key, `2021-22:17`. */
export const SeasonId: Schema.Codec<SeasonId, string> = Schema.String.pipe(
  // An id has one text: without leading zeros, and with nothing after it.
  Schema.check(
    Schema.isPattern(/^\d{4}-\d{2}:(?:0|[1-9]\d*)$/, { message: 'Expected an id of a season such as "2021-22:17"' })
  ),
  Schema.decodeTo(
    Parts,
    SchemaTransformation.transform({
      decode: (text) => {
        const [season = "", id] = text.split(":")
        return { season, id: Number(id) }
      },
      encode: ({ season, id }) => `${season}:${id}`
    })
  )
)

/** Names the season that a folder's name holds: `2025-26-dense-gw32` is of `2025-26`. */
export const inName = (name: string): Season | undefined => {
  const found = /\d{4}-\d{2}(?!\d)/.exec(name)?.[0]
  return found !== undefined && Schema.is(Season)(found) ? found : undefined
}

/** The season whose first deadline is at this time (epoch ms): data of the game states its season so. */
export const beginningAt = (firstDeadline: number): string => {
  const year = new Date(firstDeadline).getUTCFullYear()
  return `${year}-${`${year + 1}`.slice(-2)}`
}
