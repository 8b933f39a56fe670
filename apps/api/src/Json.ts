/**
 * Values as the API says them: JSON with the names of fields. What the cache stores has none.
 */
import { Result, Schema } from "effect"

/** Writes the values of one schema. */
export interface Json<A> {
  /** The bytes, or what does not fit in words. */
  readonly encode: (value: A) => Result.Result<Uint8Array, string>
}

export const make = <A, I>(schema: Schema.Codec<A, I>): Json<A> => {
  const encode = Schema.encodeResult(Schema.toCodecJson(schema))
  return {
    encode: (value) =>
      Result.mapBoth(encode(value), {
        onSuccess: (encoded) => Buffer.from(JSON.stringify(encoded)),
        onFailure: ({ message }) => message
      })
  }
}
