/**
 * Fields of the FPL API that several entities share.
 */
import { Schema, SchemaGetter } from "effect"

/** An id: a whole number from 1. */
export const Id = Schema.Int.pipe(Schema.check(Schema.isGreaterThan(0)))

/** True or false; `null`, which stands for "not yet", is false. */
export const Flag = Schema.NullOr(Schema.Boolean).pipe(
  Schema.decodeTo(Schema.Boolean, {
    decode: SchemaGetter.transform((flag: boolean | null) => flag ?? false),
    encode: SchemaGetter.transform((flag: boolean): boolean | null => flag)
  })
)

/** A time in ISO 8601, as epoch milliseconds. */
export const Time = Schema.String.pipe(
  Schema.check(
    Schema.makeFilter((text) => !Number.isNaN(Date.parse(text)) || "Expected a time such as 2021-08-13T17:30:00Z")
  ),
  Schema.decodeTo(Schema.Int, {
    decode: SchemaGetter.transform((text: string) => Date.parse(text)),
    encode: SchemaGetter.transform((millis: number) => new Date(millis).toISOString())
  })
)
