/**
 * The keys that entries are encrypted with: the first writes, all of them read.
 *
 * To rotate without a failed read: give every process the new key as the second one, then as the first, run `rotate`,
 * and take the old one away.
 */
import { type Config, Config as Settings, Context, Effect, FileSystem, Layer, Option, Redacted, Schema } from "effect"

/** A key: 256 bits under a name, which is written beside what it encrypts. */
export interface Key {
  readonly id: string
  readonly secret: Redacted.Redacted<Uint8Array>
}

/** The key that writes, then those that only read. */
export type Keys = readonly [Key, ...ReadonlyArray<Key>]

/** The keys could not be had. No secret is part of the message. */
export class KeyRingError extends Schema.TaggedError<KeyRingError>()("KeyRingError", { detail: Schema.String }) {
  override get message(): string {
    return `The encryption keys could not be read: ${this.detail}. State them as id:base64, 32 bytes each, the writing key first, apart by commas or lines.`
  }
}

const item = /^([\w.-]{1,32}):([A-Za-z0-9+/_-]{43}=?)$/

/**
 * Reads keys from text: `id:base64` each, the writing one first, apart by commas or white space. An id has up to 32
 * letters, digits, dots and dashes. What is wrong is named by its place: the text itself is never shown. Fails with
 * `KeyRingError`.
 *
 * @example
 * ```ts
 * import { Effect, Redacted } from "effect"
 * import { KeyRing } from "@letletme/cache"
 * import { randomBytes } from "node:crypto"
 *
 * const text = `2026-11:${randomBytes(32).toString("base64")}`
 * const keys = Effect.runSync(KeyRing.fromText(Redacted.make(text)))
 * keys[0].id // "2026-11"
 * ```
 */
export const fromText = (text: Redacted.Redacted): Effect.Effect<Keys, KeyRingError> =>
  Effect.suspend(() => {
    const fail = (detail: string) => Effect.fail(new KeyRingError({ detail }))
    const keys: Array<Key> = []
    const items = Redacted.value(text).split(/[\s,]+/)
    for (const [index, part] of items.filter((one) => one !== "").entries()) {
      const [, id, base64] = item.exec(part) ?? []
      if (id === undefined || base64 === undefined) return fail(`key ${index + 1} is not of that form`)
      const secret = Buffer.from(base64, "base64")
      if (secret.length !== 32) return fail(`key ${index + 1} has ${secret.length} bytes`)
      if (keys.some((key) => key.id === id)) return fail(`two keys are called ${id}`)
      keys.push({ id, secret: Redacted.make(secret, { label: `key ${id}` }) })
    }
    const [first, ...others] = keys
    return first === undefined ? fail("there is none") : Effect.succeed<Keys>([first, ...others])
  })

/**
 * Gives the keys in force, each time it is asked. `layerOf` has them stated, `layerFile` reads a file, `layerConfig`
 * the environment; a key management service is a layer of your own. Keys that cannot be had are a `KeyRingError`.
 */
export class KeyRing extends Context.Service<
  KeyRing,
  {
    readonly keys: Effect.Effect<Keys, KeyRingError>
  }
>()("@letletme/cache/KeyRing") {
  /** Keys that do not change while the process runs. */
  static readonly layerOf = (keys: Keys): Layer.Layer<KeyRing> => Layer.succeed(this, { keys: Effect.succeed(keys) })

  /** Keys in a file, such as a mounted secret: it is read anew each time. */
  static readonly layerFile = (path: string): Layer.Layer<KeyRing, never, FileSystem.FileSystem> =>
    Layer.effect(
      this,
      Effect.map(FileSystem.FileSystem, (files) => ({
        keys: files.readFileString(path).pipe(
          Effect.mapError((error) => new KeyRingError({ detail: error.message })),
          Effect.flatMap((text) => fromText(Redacted.make(text)))
        )
      }))
    )
}

const stated = Settings.all({
  text: Settings.option(Settings.Redacted("CACHE_ENCRYPTION_KEYS")),
  path: Settings.option(Settings.String("CACHE_ENCRYPTION_KEYS_FILE"))
})

/**
 * The ring that the environment states: `CACHE_ENCRYPTION_KEYS` holds the keys, or `CACHE_ENCRYPTION_KEYS_FILE` names
 * the file that does. None where neither is set. A file that cannot be read, or holds no keys, fails the layer with
 * `KeyRingError`.
 */
export const config: Config.Config<Option.Option<Layer.Layer<KeyRing, KeyRingError, FileSystem.FileSystem>>> =
  Settings.map(stated, ({ path, text }) =>
    Option.orElse(
      Option.map(text, (keys) =>
        Layer.effect(
          KeyRing,
          Effect.map(fromText(keys), (read) => ({ keys: Effect.succeed(read) }))
        )
      ),
      () => Option.map(path, KeyRing.layerFile)
    )
  )
