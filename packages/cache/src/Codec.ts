/**
 * Between a domain's values and the bytes of their payload: JSON by the domain's Schema, checked on every read.
 */
import { Result, Schema } from "effect"
import "effect/schema/SchemaJITCompiler/enable"
import { createHash } from "node:crypto"

/** Encodes and decodes the values of one schema. Make one with {@link make}. */
export interface Codec<A> {
  /**
   * Eight hexadecimal digits of the schema's encoded form. It is part of every key, so that a process with another
   * schema neither reads nor overwrites these entries.
   */
  readonly fingerprint: string
  readonly encode: (value: A) => Result.Result<Uint8Array, string>
  readonly decode: (payload: Uint8Array) => Result.Result<A, string>
}

/**
 * Makes a codec.
 *
 * The fingerprint follows the JSON form that the schema encodes to. State a `version` to change it by hand, where the
 * meaning of a field changed and its form did not.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { Codec } from "@letletme/cache"
 *
 * const team = Codec.make(Schema.Struct({ id: Schema.Int, name: Schema.String }))
 * team.fingerprint // eight hexadecimal digits
 * ```
 */
export const make = <A, I>(schema: Schema.Codec<A, I>, options?: { readonly version?: string }): Codec<A> => {
  const json = Schema.toCodecJson(schema)
  const encode = Schema.encodeResult(json)
  const decode = Schema.decodeUnknownResult(json)
  const shape = JSON.stringify([options?.version ?? "", Schema.toJsonSchemaDocument(json)])
  return {
    fingerprint: createHash("sha256").update(shape).digest("hex").slice(0, 8),
    encode: (value) =>
      Result.mapBoth(encode(value), {
        onSuccess: (encoded) => Buffer.from(JSON.stringify(encoded)),
        onFailure: (error) => error.message
      }),
    decode: (payload) =>
      Result.flatMap(parse(payload), (value) => Result.mapError(decode(value), (error) => error.message))
  }
}

const parse = (payload: Uint8Array): Result.Result<unknown, string> => {
  if (payload.length === 0) return Result.fail("the payload is empty")
  return Result.try({
    try: (): unknown =>
      JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString("utf8")),
    catch: () => "the payload is not JSON"
  })
}
