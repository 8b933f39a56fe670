/**
 * Between a domain's values and the bytes of their payload: JSON by the domain's Schema, structs as tuples, checked on
 * every read.
 */
import { Result, Schema, SchemaAST } from "effect"
import "effect/schema/SchemaJITCompiler/enable"
import { createHash } from "node:crypto"
import * as Packing from "./internal/Packing.ts"
import * as Tuples from "./internal/Tuples.ts"

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
export const make = <A, I>(
  schema: Schema.Codec<A, I>,
  options?: {
    readonly version?: string
    /** When payloads are compressed. Default: never. Whatever is stated here, both kinds are read. */
    readonly packing?: Packing.Packing
  }
): Codec<A> => {
  const json = Schema.toCodecJson(schema)
  const encode = Schema.encodeResult(json)
  const decode = Schema.decodeUnknownResult(json)
  // Nothing is turned into anything else: what was parsed and fits is the value, and is not built a second time. No
  // field that the schema does not know is in what this codec wrote, nor does one do harm but under this name.
  const encodedAst = SchemaAST.toEncoded(json.ast)
  const isPlain = encodedAst === json.ast
  const fits = Schema.is(json)
  const tuples = Tuples.make(encodedAst)
  const shape = JSON.stringify([options?.version ?? "", Schema.toJsonSchemaDocument(json), tuples?.shape])
  return {
    fingerprint: createHash("sha256").update(shape).digest("hex").slice(0, 8),
    encode: (value) =>
      Result.mapBoth(encode(value), {
        onSuccess: (encoded) => {
          const payload = Buffer.from(JSON.stringify(tuples === undefined ? encoded : tuples.toTuple(encoded)))
          return options?.packing === undefined ? payload : Packing.pack(payload, options.packing)
        },
        onFailure: (error) => error.message
      }),
    decode: (payload) => {
      if (payload.length === 0) return Result.fail("the payload is empty")
      const unpacked = Packing.unpack(payload)
      if (Result.isFailure(unpacked)) return Result.fail(unpacked.failure)
      const text = unpacked.success.toString()
      const known = tuples?.parse(text, unpacked.success)
      if (known !== undefined && isPlain && fits(known)) return Result.succeed(known)
      const parsed = known === undefined ? parse(text) : Result.succeed(known)
      if (Result.isFailure(parsed)) return Result.fail(parsed.failure)
      const found = known === undefined && tuples !== undefined ? tuples.fromTuple(parsed.success) : parsed.success
      if (isPlain && !text.includes(prototype) && !text.includes(escape) && fits(found)) return Result.succeed(found)
      const value = decode(found)
      return Result.isFailure(value) ? Result.fail(value.failure.message) : Result.succeed(value.success)
    }
  }
}

// A field that careless code would take for an object's prototype; it may be written with escapes.
const prototype = "__proto__"
const escape = "\\u"

const parse = (text: string): Result.Result<unknown, string> => {
  try {
    const value: unknown = JSON.parse(text)
    return Result.succeed(value)
  } catch {
    return Result.fail("the payload is not JSON")
  }
}
