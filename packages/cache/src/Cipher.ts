/**
 * Encryption of what the store holds, with AES-256-GCM. Without this service entries are stored as they are.
 *
 * An envelope is `E1`, the length of the key's id, the id, a salt of 16 bytes, a nonce of 12, a tag of 16, and encrypted
 * the highest stamp (8 bytes) and the payload. The header is authenticated with it: see {@link Bound}.
 *
 * **Nonces.** A key is never used itself: each process draws a salt of 128 random bits and derives a key of its own with
 * HKDF, so two processes share one only if their salts are equal. Within a process the first half of the nonce counts,
 * and the salt is drawn anew before it has counted to 2³², so none comes twice. Its second half is random, for a process
 * that goes on twice from a copy of its memory.
 *
 * @see https://nvlpubs.nist.gov/nistpubs/Legacy/SP/nistspecialpublication800-38d.pdf section 8
 * @see https://www.rfc-editor.org/rfc/rfc5869
 */
import {
  type Config,
  Context,
  Duration,
  Effect,
  type FileSystem,
  Layer,
  Option,
  Redacted,
  Result,
  Schedule
} from "effect"
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject, randomBytes } from "node:crypto"
import * as KeyRing from "./KeyRing.ts"
import type { KeyRingError, Keys } from "./KeyRing.ts"
import type { Position } from "./Position.ts"

const magic = Buffer.from("E1")
const saltLength = 16
const nonceLength = 12
const tagLength = 16
const mostSeals = 2 ** 32
// As many derived keys are remembered: one for each process that wrote, and each of its keys.
const mostDerived = 1_024

/**
 * What an envelope is bound to: the whole key in the store (namespace, domain, id, fingerprint of the schema), and of
 * the header all but its stamp: times, revision, kind and tags.
 *
 * A stamp may be lowered, as a restored backup's is: that makes an entry older, at worst invalid. It must not be raised.
 * So the stamp of what was loaded is encrypted with it, as the highest that it may have. What an update announces gets
 * its stamp from the append, in the server, which has no key: there it cannot be known.
 */
export interface Bound {
  readonly storeKey: string
  readonly stamp: Position
  readonly announced: boolean
  /** The header but for the stamp and what checks it: see `Entry.describe`. */
  readonly header: string | Uint8Array
}

const authenticated = (head: Uint8Array, { header, storeKey }: Bound): Uint8Array =>
  Buffer.concat([head, Buffer.from(`${storeKey}\n`), typeof header === "string" ? Buffer.from(header) : header])

const limitLength = 8

const limitOf = ({ announced, stamp }: Bound): Buffer => {
  const bytes = Buffer.alloc(limitLength)
  bytes.writeDoubleBE(announced ? Number.POSITIVE_INFINITY : stamp)
  return bytes
}

/**
 * Encrypts payloads and decrypts them. Provide {@link Cipher.layer} below the cache to have everything encrypted that it
 * stores; what is not, or was altered, or was copied from another key, then counts as unreadable and is loaded anew.
 *
 * Keys that cannot be had fail its layers and `refresh` with `KeyRingError`; a variable that does not fit fails
 * `layerConfig` with `ConfigError`.
 *
 * @example
 * ```ts
 * import { CacheManager, Cipher, KeyRing } from "@letletme/cache"
 * import { Redis } from "@letletme/redis"
 * import { Layer, Redacted } from "effect"
 *
 * const secret = Redacted.make(new Uint8Array(32))
 * const encrypted = CacheManager.layerRedis.pipe(
 *   Layer.provide(Cipher.Cipher.layer()),
 *   Layer.provide(KeyRing.KeyRing.layerOf([{ id: "2026-11", secret }])),
 *   Layer.provide(Redis.layerConfig)
 * )
 * ```
 */
export class Cipher extends Context.Service<
  Cipher,
  {
    /** Encrypts with the writing key. */
    readonly seal: (payload: Uint8Array, bound: Bound) => Uint8Array
    /** Decrypts what was sealed with any key of the ring and bound to the same; else says in words what is wrong. */
    readonly open: (envelope: Uint8Array, bound: Bound) => Result.Result<Uint8Array, string>
    /** The id of the key that an envelope names. */
    readonly keyOf: (envelope: Uint8Array) => string | undefined
    /** The id of the writing key. */
    readonly current: () => string
    /** Asks the key ring now; else it is asked at each interval. */
    readonly refresh: Effect.Effect<void, KeyRingError>
  }
>()("@letletme/cache/Cipher") {
  /**
   * Takes the keys from the ring, and asks it again at each interval (default: a minute). Where it then fails, the keys
   * stay, and a warning is logged; a ring that fails at first fails the layer.
   */
  static readonly layer = (
    options: { readonly refresh?: Duration.Input } = {}
  ): Layer.Layer<Cipher, KeyRingError, KeyRing.KeyRing> =>
    Layer.effect(
      this,
      Effect.gen(function* () {
        const ring = yield* KeyRing.KeyRing
        const every = Duration.fromInputUnsafe(options.refresh ?? "1 minute")
        let sealing = make(yield* ring.keys)
        const refresh = Effect.map(ring.keys, (keys) => {
          sealing = make(keys, sealing)
        })
        yield* refresh.pipe(
          Effect.catch((error) => Effect.logWarning(error.message)),
          Effect.repeat(Schedule.spaced(every)),
          Effect.delay(every),
          Effect.forkScoped
        )
        return Cipher.of({
          seal: (payload, bound) => sealing.seal(payload, bound),
          open: (envelope, bound) => sealing.open(envelope, bound),
          keyOf,
          current: () => sealing.current,
          refresh
        })
      })
    )

  /** Encrypts where the environment states keys (see `KeyRing.config`); else the store holds entries as they are. */
  static readonly layerConfig: Layer.Layer<never, KeyRingError | Config.ConfigError, FileSystem.FileSystem> =
    Layer.unwrap(
      Effect.map(KeyRing.config, (ring): Layer.Layer<never, KeyRingError, FileSystem.FileSystem> =>
        Option.match(ring, {
          onNone: () => Layer.empty,
          onSome: (keys) => Cipher.layer().pipe(Layer.provide(keys))
        })
      )
    )
}

/** The id of the key that an envelope names; `undefined` for what is not encrypted. It needs no keys. */
export const keyOf = (envelope: Uint8Array): string | undefined =>
  Result.getOrUndefined(Result.map(parse(envelope), ({ id }) => id))

interface Sealing {
  readonly current: string
  readonly isOf: (keys: Keys) => boolean
  readonly seal: Cipher["Service"]["seal"]
  readonly open: Cipher["Service"]["open"]
}

const isSame = (a: Keys, b: Keys): boolean =>
  a.length === b.length &&
  a.every(({ id, secret }, index) => {
    const other = b[index]
    return other?.id === id && Buffer.compare(Redacted.value(other.secret), Redacted.value(secret)) === 0
  })

/** With the same keys it goes on as before, so that the derived keys stay. */
const make = (keys: Keys, before?: Sealing): Sealing => {
  if (before?.isOf(keys) === true) return before
  const secrets = new Map(keys.map(({ id, secret }) => [id, Redacted.value(secret)]))
  const derived = new Map<string, KeyObject>()

  const derive = (id: string, salt: Buffer): KeyObject | undefined => {
    const name = `${id} ${salt.toString("latin1")}`
    const known = derived.get(name)
    const secret = secrets.get(id)
    if (known !== undefined || secret === undefined) return known
    const key = createSecretKey(Buffer.from(hkdfSync("sha256", secret, salt, `letletme cache ${id}`, 32)))
    const [oldest] = derived.keys()
    if (derived.size >= mostDerived && oldest !== undefined) derived.delete(oldest)
    derived.set(name, key)
    return key
  }

  const [{ id: current, secret: writing }] = keys
  const begin = () => {
    const salt = randomBytes(saltLength)
    const head = Buffer.concat([magic, Buffer.from([current.length]), Buffer.from(current), salt])
    const secret = hkdfSync("sha256", Redacted.value(writing), salt, `letletme cache ${current}`, 32)
    return { head, key: createSecretKey(Buffer.from(secret)), sealed: 0 }
  }
  let run = begin()

  return {
    current,
    isOf: (others) => isSame(keys, others),
    seal: (payload, bound) => {
      if (run.sealed >= mostSeals) run = begin()
      const nonce = randomBytes(nonceLength)
      nonce.writeUIntBE(run.sealed++, 0, 6)
      const cipher = createCipheriv("aes-256-gcm", run.key, nonce)
      cipher.setAAD(authenticated(run.head, bound))
      const encrypted = [cipher.update(limitOf(bound)), cipher.update(payload)]
      cipher.final()
      return Buffer.concat([run.head, nonce, cipher.getAuthTag(), ...encrypted])
    },
    open: (envelope, bound) => {
      const parsed = parse(envelope)
      if (Result.isFailure(parsed)) return Result.fail(parsed.failure)
      const { encrypted, head, id, nonce, salt, tag } = parsed.success
      const key = derive(id, salt)
      if (key === undefined) return Result.fail(`it is encrypted with the key ${id}, which the ring does not have`)
      const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: tagLength })
      decipher.setAAD(authenticated(head, bound)).setAuthTag(tag)
      const plain = decipher.update(encrypted)
      const opened = Result.try({
        try: () => decipher.final(),
        catch: () => "it is not what was encrypted for this key"
      })
      if (Result.isFailure(opened)) return Result.fail(opened.failure)
      return bound.stamp > plain.readDoubleBE()
        ? Result.fail("its stamp was raised")
        : Result.succeed(plain.subarray(limitLength))
    }
  }
}

/** Takes an envelope apart. */
const parse = (envelope: Uint8Array) => {
  const bytes = Buffer.from(envelope.buffer, envelope.byteOffset, envelope.byteLength)
  if (!bytes.subarray(0, magic.length).equals(magic)) return Result.fail("it is not encrypted")
  const saltFrom = magic.length + 1 + (bytes[magic.length] ?? 0)
  const nonceFrom = saltFrom + saltLength
  const tagFrom = nonceFrom + nonceLength
  const from = tagFrom + tagLength
  if (bytes.length < from + limitLength) return Result.fail("it is shorter than what is encrypted")
  return Result.succeed({
    id: bytes.toString("utf8", magic.length + 1, saltFrom),
    head: bytes.subarray(0, nonceFrom),
    salt: bytes.subarray(saltFrom, nonceFrom),
    nonce: bytes.subarray(nonceFrom, tagFrom),
    tag: bytes.subarray(tagFrom, from),
    encrypted: bytes.subarray(from)
  })
}
