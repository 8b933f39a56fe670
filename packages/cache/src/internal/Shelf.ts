/**
 * One domain's entries: between ids and keys, values and bytes, and what an entry's state is.
 */
import { Effect, Random, Result } from "effect"
import { CacheError, TooLarge, Unencodable } from "../CacheError.ts"
import type { Staleness } from "../CacheEvent.ts"
import type { DomainCounts, DomainMeter } from "../CacheMetrics.ts"
import type { Codec } from "../Codec.ts"
import * as Entry from "../Entry.ts"
import type { Resolved, StaleReach } from "../Policy.ts"
import type { Position } from "../Position.ts"
import * as Tag from "../Tag.ts"
import type { Kernel } from "./Kernel.ts"
import type { Keyed, Keys } from "./Keys.ts"
import { prefix } from "./namespace.ts"
import type { NearCache } from "./NearCache.ts"
import { sizeOf } from "./Packing.ts"

/** What an entry is worth now. */
export type State = "fresh" | Staleness

export interface Shelf<Id, A> {
  readonly kernel: Kernel
  readonly codec: Codec<A>
  readonly policy: Resolved<A>
  readonly keys: Keys<Id>
  readonly near: NearCache<Id, A>
  readonly meter: DomainMeter
  readonly counts: DomainCounts
  readonly storeKey: (key: Tag.Tag) => string
  /** The tags that the domain declares for a value, beside its own. */
  readonly declared: (id: Id, value: A | undefined) => ReadonlyArray<Tag.Tag>
  /** Reads bytes of the store, or says in words why they are not a readable entry of this key. */
  readonly decode: (keyed: Keyed<Id>, bytes: Uint8Array) => Result.Result<Entry.Entry<A>, string>
  /** Reads bytes of the store; `undefined`, told and counted, where they are not a readable entry of this key. */
  readonly open: (keyed: Keyed<Id>, bytes: Uint8Array) => Entry.Entry<A> | undefined
  readonly stateOf: (entry: Entry.Entry<A> | undefined, now: number, trusted: boolean, maxAge: number) => State
  /** Puts an entry at hand; one that does not displace others only where there is room. */
  readonly keep: (id: Id, entry: Entry.Entry<A>, displaces?: boolean) => void
  /** Encodes values, and shortens their lives by chances of the fiber that asks for it. */
  readonly encoder: Effect.Effect<Encode<A>>
  /** Encodes one value. */
  readonly encode: (...asked: Parameters<Encode<A>>) => Effect.Effect<Draft<A>, CacheError>
}

/** Encodes a value under its header, stamped later. */
export type Encode<A> = (
  key: Tag.Tag,
  value: A | undefined,
  tags: Iterable<Tag.Tag>,
  revision: Entry.Revision,
  options?: {
    /** Instead of what the policy says (ms). */
    readonly timeToLive?: number | undefined
    /** It is written with the append that announces it, or was. */
    readonly announced?: boolean
    /** The stamp that it will get, where that is not the append's. */
    readonly stamp?: Position
  }
) => Result.Result<Draft<A>, CacheError>

/** An entry that waits for its stamp. */
export interface Draft<A> {
  readonly header: Entry.Header
  readonly value: A | undefined
  readonly payload: Uint8Array
  readonly body: Uint8Array
  /** For how long the store keeps it (ms). */
  readonly keepFor: number
}

/** An entry as it comes out of the store. A class for the reason that what `Entry.open` answers is one. */
class Decoded<A> implements Entry.Entry<A> {
  readonly createdAt: number
  readonly freshUntil: number
  readonly expiresAt: number
  readonly revision: Entry.Revision
  readonly absent: boolean
  readonly announced: boolean
  readonly tags: ReadonlyArray<Tag.Tag>
  readonly stamp: Position
  readonly value: A | undefined
  readonly bytes: number

  constructor(
    header: Entry.Opened,
    payload: Uint8Array,
    stamp: Position,
    tags: ReadonlyArray<Tag.Tag>,
    value: A | undefined
  ) {
    this.createdAt = header.createdAt
    this.freshUntil = header.freshUntil
    this.expiresAt = header.expiresAt
    this.revision = header.revision
    this.absent = header.absent
    this.announced = header.announced
    this.tags = tags
    this.stamp = stamp
    this.value = value
    this.bytes = sizeOf(payload)
  }
}

export const stamped = <A>(draft: Draft<A>, stamp: Position): Entry.Entry<A> => ({
  ...draft.header,
  stamp,
  value: draft.value,
  bytes: sizeOf(draft.payload)
})

const reachOrder: Readonly<Record<StaleReach | "missing", number>> = { none: 0, expired: 1, invalidated: 2, missing: 3 }

/** Whether a stale value in this state may be served under this policy. */
export const mayServe = (state: State, reach: StaleReach): boolean =>
  state !== "missing" && state !== "fresh" && reachOrder[state] <= reachOrder[reach]

/** Whether what invalidates a tag reaches an entry that depends on these. */
export const carries = (tags: ReadonlyArray<Tag.Tag>, tag: Tag.Tag): boolean =>
  tags.includes(tag) || tags.some((one) => Tag.isPattern(one) && Tag.reaches(one, tag))

const emptied = Result.succeed(new Uint8Array(0))
const nothing = Result.succeed(undefined)

export const make = <Id, A>(options: {
  readonly kernel: Kernel
  readonly codec: Codec<A>
  readonly policy: Resolved<A>
  readonly keys: Keys<Id>
  readonly near: NearCache<Id, A>
  readonly meter: DomainMeter
  readonly declared: (id: Id, value: A | undefined) => ReadonlyArray<Tag.Tag>
}): Shelf<Id, A> => {
  const { kernel, keys, codec, policy, near, meter, declared } = options
  const { counts } = meter
  const { cipher, config, clock, live } = kernel
  const { view } = live

  const begin = prefix(config.namespace)
  const end = `@${codec.fingerprint}`
  const storeKey = (key: Tag.Tag) => begin + key + end

  const decode = ({ id, key }: Keyed<Id>, bytes: Uint8Array): Result.Result<Entry.Entry<A>, string> => {
    const opened = Entry.open(key, bytes)
    if (Result.isFailure(opened)) return Result.fail(opened.failure)
    const header = opened.success
    let { payload } = header
    if (cipher !== undefined) {
      const { announced, stamp } = header
      const bound = { storeKey: storeKey(key), stamp, announced, header: Entry.described(bytes) }
      const plain = cipher.open(payload, bound)
      if (Result.isFailure(plain)) return Result.fail(plain.failure)
      payload = plain.success
    }
    const decoded = header.absent ? nothing : codec.decode(payload)
    if (Result.isFailure(decoded)) return Result.fail(decoded.failure)
    const value = decoded.success
    const known = declared(id, value)
    // No literal: the array would begin in the old generation, where entries at hand have lived long.
    const own = Array.of(key, ...known)
    let tags: ReadonlyArray<Tag.Tag> = own
    let { stamp } = header
    if (!Entry.hasTags(header, own)) {
      const read = Entry.tagsOf(header)
      if (Result.isFailure(read)) return Result.fail(read.failure)
      tags = read.success
      // Code that declared fewer tags wrote it: what has invalidated it since, no tag of it can tell.
      if (!known.every((tag) => carries(read.success, tag))) stamp = -1
    }
    return Result.succeed(new Decoded(header, payload, stamp, tags, value))
  }

  const tooLarge = (key: Tag.Tag, bytes: number): TooLarge | undefined => {
    const { maxKeyBytes, maxValueBytes } = config
    const name = key.slice(0, 100)
    // No character has more than three bytes for each unit of its length.
    if (key.length * 3 > maxKeyBytes && Buffer.byteLength(key) > maxKeyBytes) {
      return new TooLarge({ key: name, what: "key", bytes: Buffer.byteLength(key), limit: maxKeyBytes })
    }
    return bytes > maxValueBytes ? new TooLarge({ key: name, what: "value", bytes, limit: maxValueBytes }) : undefined
  }

  const open = (keyed: Keyed<Id>, bytes: Uint8Array): Entry.Entry<A> | undefined => {
    const entry = decode(keyed, bytes)
    if (Result.isSuccess(entry)) return entry.success
    counts.corrupt++
    kernel.tell({ _tag: "Corrupt", key: keyed.key, detail: entry.failure })
    return undefined
  }

  const encodeBy =
    (chances: typeof Random.Random.Service): Encode<A> =>
    (key, value, tags, revision, { announced = false, stamp = -1, timeToLive: stated } = {}) => {
      const payload = value === undefined ? emptied : codec.encode(value)
      if (Result.isFailure(payload)) {
        return Result.fail(new CacheError({ reason: new Unencodable({ key, detail: payload.failure }) }))
      }
      const large = tooLarge(key, payload.success.length)
      if (large !== undefined) return Result.fail(new CacheError({ reason: large }))
      const createdAt = clock.currentTimeMillisUnsafe()
      const { timeToLive, grace } = policy.lifetime(value, createdAt)
      const shortened = Math.round(stated ?? timeToLive * (1 - policy.jitter * chances.nextDoubleUnsafe()))
      const others = new Set(tags)
      others.delete(key)
      const header: Entry.Header = {
        createdAt,
        freshUntil: createdAt + shortened,
        expiresAt: createdAt + shortened + grace,
        revision,
        absent: value === undefined,
        announced,
        tags: [key, ...Tag.coarsen(others, config.maxTagsPerEntry - 1)]
      }
      const sealed =
        cipher === undefined
          ? payload.success
          : cipher.seal(payload.success, {
              storeKey: storeKey(key),
              stamp,
              announced,
              header: Entry.describe(header)
            })
      const body = Entry.body(header, sealed)
      return Result.succeed({
        header,
        value,
        payload: payload.success,
        body,
        keepFor: Math.max(1, shortened + grace)
      })
    }

  const encoder = Effect.withFiber((fiber) => Effect.succeed(encodeBy(fiber.getRef(Random.Random))))

  return {
    kernel,
    keys,
    codec,
    policy,
    near,
    meter,
    counts,
    declared,
    storeKey,
    decode,
    open,
    stateOf: (entry, now, trusted, maxAge) => {
      if (entry === undefined || now >= entry.expiresAt) return "missing"
      if (!trusted || !view.isValid(entry.stamp, entry.tags)) return "invalidated"
      return now < entry.freshUntil && now - entry.createdAt <= maxAge ? "fresh" : "expired"
    },
    keep: near.set,
    encoder,
    encode: (...asked) => Effect.flatMap(encoder, (encode) => Effect.fromResult(encode(...asked)))
  }
}
