/**
 * Positions order invalidations: one integer per append, that only grows within a namespace.
 *
 * A namespace's first position, and the first after its server lost state, comes from the server's clock in
 * microseconds, so a position is never used twice. It stays below 2^53 until the year 2255.
 */
import { Schema } from "effect"

/** A place in the invalidation log. */
export type Position = number

/** The position before every other: what a view has before its first snapshot. */
export const zero: Position = 0

/** Decodes a position from a number or from the decimal text that Redis answers. */
export const Position = Schema.Union([Schema.Number, Schema.NumberFromString]).pipe(
  Schema.check(Schema.isInt(), Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))
)

const digits = /^\d{1,16}$/

/** Reads the decimal text of a position, as Redis answers it; `undefined` where it is none. */
export const fromText = (text: string | undefined): Position | undefined => {
  if (text === undefined || !digits.test(text)) return undefined
  const position = Number(text)
  return Number.isSafeInteger(position) ? position : undefined
}
