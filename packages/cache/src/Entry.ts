/**
 * A cache entry and its wire format.
 *
 * On the wire an entry is one line of header, a newline, and the payload, so that `redis-cli GET` shows something a
 * person can read:
 *
 * ```text
 * LLC1 <stamp> <check> <crc32> <created> <fresh until> <expires> <revision> <kind> <tag> <tag> …
 * {"id":17,…}
 * ```
 *
 * The stamp comes first, apart from the checksummed body, so that one script can append to the log and seal the entry
 * with the position that it got; two check digits of its own protect it ({@link checkOf}). Times are epoch milliseconds of the
 * writer and decide expiry only, never validity.
 */
import { Result } from "effect"
import { crc32 } from "node:zlib"
import type { Position } from "./Position.ts"
import * as Tag from "./Tag.ts"

/**
 * Orders writers: source time (epoch milliseconds), then a number. An older revision never replaces a newer one.
 */
export interface Revision {
  readonly time: number
  readonly sequence: number
}

/** The revision of what states none: older than every stated one. */
export const noRevision: Revision = { time: 0, sequence: 0 }

/** Negative where `a` is older than `b`, positive where it is newer, 0 where they are equal. */
export const compareRevisions = (a: Revision, b: Revision): number => a.time - b.time || a.sequence - b.sequence

/** Everything about an entry but its stamp and its value. */
export interface Header {
  /** When it was written (epoch ms). */
  readonly createdAt: number
  /** Until when it is fresh (epoch ms). */
  readonly freshUntil: number
  /** Until when it is kept at all, for use while the source is away (epoch ms). */
  readonly expiresAt: number
  readonly revision: Revision
  /** The source said that the entity does not exist. */
  readonly absent: boolean
  /** It came with the append that announced it, and was not loaded: whatever is valid beside it is as new. */
  readonly announced: boolean
  /** The entry's own tag first, then what it depends on. */
  readonly tags: ReadonlyArray<Tag.Tag>
}

/** An entry as read from a store, its payload not yet decoded. */
export interface Sealed extends Header {
  /** The position of the view when the entry's load began. */
  readonly stamp: Position
  readonly payload: Uint8Array
}

/** An entry with its decoded value; `undefined` value where {@link Header.absent}. */
export interface Entry<A> extends Header {
  readonly stamp: Position
  readonly value: A | undefined
  /** Bytes of the encoded payload, the measure of the near cache's bound. */
  readonly bytes: number
}

const magic = "LLC1"
const prime = 999_983

/** The stamp's check number: its remainder by a prime, which every change of one digit changes. */
export const checkOf = (stamp: Position): number => stamp % prime

const crc = (bytes: Uint8Array): string => crc32(bytes).toString(16).padStart(8, "0")

/** The part of the wire format that does not know its stamp: checksum, header, payload. */
export const body = (header: Header, payload: Uint8Array): Uint8Array => {
  const { time, sequence } = header.revision
  const text =
    `${header.createdAt} ${header.freshUntil} ${header.expiresAt} ${time}.${sequence} ` +
    `${kindOf(header)} ${header.tags.join(" ")}\n`
  const rest = Buffer.concat([Buffer.from(text), payload])
  return Buffer.concat([Buffer.from(`${crc(rest)} `), rest])
}

/** The whole wire format: a body under its stamp. */
export const seal = (stamp: Position, body: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.from(`${magic} ${stamp} ${checkOf(stamp)} `), body])

// What the header calls an entry: loaded or announced, a value or none.
const kinds = {
  value: { absent: false, announced: false },
  absent: { absent: true, announced: false },
  written: { absent: false, announced: true },
  removed: { absent: true, announced: true }
} as const
type Kind = keyof typeof kinds

const kindOf = ({ absent, announced }: Header): Kind =>
  announced ? (absent ? "removed" : "written") : absent ? "absent" : "value"

const isKind = (text: string | undefined): text is Kind => text !== undefined && Object.hasOwn(kinds, text)

const integer = (text: string | undefined): number =>
  text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN

/**
 * Reads sealed bytes. Fails with what is wrong (foreign, truncated, altered, another key's) in words; the payload is
 * not looked into.
 */
export const unseal = (key: Tag.Tag, bytes: Uint8Array): Result.Result<Sealed, string> => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const newline = buffer.indexOf(10)
  if (newline === -1) return Result.fail("the header is not terminated")
  const [mark, stampText, checkText, sum, created, fresh, expires, revision, kind, ...tagTexts] = buffer
    .toString("utf8", 0, newline)
    .split(" ")
  if (mark !== magic) return Result.fail(`the format is not ${magic}`)
  const stamp = integer(stampText)
  if (!Number.isSafeInteger(stamp) || integer(checkText) !== checkOf(stamp))
    return Result.fail("the stamp fails its check")
  if (sum === undefined || sum.length !== 8) return Result.fail("the checksum is missing")
  const start = mark.length + (stampText?.length ?? 0) + (checkText?.length ?? 0) + 3 + sum.length + 1
  if (crc(buffer.subarray(start)) !== sum) return Result.fail("the checksum does not match")
  if (tagTexts[0] !== key) return Result.fail(`it belongs to ${tagTexts[0] ?? "nothing"}`)
  const [time, sequence] = (revision ?? "").split(".")
  const numbers = [integer(created), integer(fresh), integer(expires), integer(time), integer(sequence)]
  if (!numbers.every(Number.isSafeInteger) || !isKind(kind)) {
    return Result.fail("a header field is malformed")
  }
  const tags: Array<Tag.Tag> = []
  for (const text of tagTexts) {
    const tag = Tag.parse(text)
    if (Result.isFailure(tag)) return Result.fail(`the tag ${text} is malformed`)
    tags.push(tag.success)
  }
  const [createdAt = 0, freshUntil = 0, expiresAt = 0, revisionTime = 0, revisionSequence = 0] = numbers
  return Result.succeed({
    stamp,
    createdAt,
    freshUntil,
    expiresAt,
    revision: { time: revisionTime, sequence: revisionSequence },
    ...kinds[kind],
    tags,
    payload: buffer.subarray(newline + 1)
  })
}
