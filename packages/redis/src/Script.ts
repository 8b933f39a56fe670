/**
 * A Lua script with a decoded reply. `Redis.eval` sends its digest, and its text only where the server does not know it.
 */
import { type Effect, Schema } from "effect"
import { createHash } from "node:crypto"

/** A script. Make one with {@link make}. A reply of another form is a `SchemaError`. */
export interface Script<A> {
  /** Its name in errors. */
  readonly name: string
  readonly lua: string
  /** The SHA-1 of its text, by which the server knows it. */
  readonly digest: string
  readonly decode: (reply: unknown) => Effect.Effect<A, Schema.SchemaError>
}

/**
 * Makes a script. Replies reach the schema as text, numbers, arrays and null.
 *
 * @see https://redis.io/docs/latest/develop/programmability/eval-intro/
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { Script } from "@letletme/redis"
 *
 * const add = Script.make({ name: "add", lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])", reply: Schema.Int })
 * ```
 */
export const make = <A, I>(options: {
  readonly name: string
  readonly lua: string
  readonly reply: Schema.Codec<A, I>
}): Script<A> => ({
  name: options.name,
  lua: options.lua,
  digest: createHash("sha1").update(options.lua).digest("hex"),
  decode: Schema.decodeUnknownEffect(options.reply)
})
