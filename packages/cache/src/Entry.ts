/**
 * A cache entry and its wire format.
 *
 * On the wire an entry is one line of header, a newline, and the payload, so that `redis-cli GET` shows something a
 * person can read:
 *
 * ```text
 * LLC1 <stamp> <check> <crc32> <created> <fresh until> <expires> <revision> <kind> <tag> <tag> …
 * [17,"Arsenal",…]
 * ```
 *
 * The stamp comes first, apart from the checksummed body, so that one script can append to the log and seal the entry
 * with the position that it got; two check digits of its own protect it ({@link checkOf}). Times are epoch milliseconds of the
 * writer and say when it has expired, never whether it is valid.
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
  /** Bytes of the encoded payload before it was compressed, the measure of the near cache's bound. */
  readonly bytes: number
}

const magic = "LLC1"
const magicBytes = Buffer.from(`${magic} `)
const prime = 999_983

/** The stamp's check number: its remainder by a prime, which every change of one digit changes. */
export const checkOf = (stamp: Position): number => stamp % prime

/** The header as it is written, but for the stamp and the checksums. */
export const describe = (header: Header): string => {
  const { time, sequence } = header.revision
  return (
    `${header.createdAt} ${header.freshUntil} ${header.expiresAt} ${time}.${sequence} ` +
    `${kindOf(header)} ${header.tags.join(" ")}`
  )
}

/** The part of the wire format that does not know its stamp: checksum, header, payload. */
export const body = (header: Header, payload: Uint8Array): Uint8Array => {
  const text = Buffer.from(`00000000 ${describe(header)}\n`)
  const sum = crc32(payload, crc32(text.subarray(9)))
  text.write(sum.toString(16).padStart(8, "0"), 0, "latin1")
  return Buffer.concat([text, payload])
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

const isKind = (text: string): text is Kind => Object.hasOwn(kinds, text)

/** An entry as read from a store: neither its payload nor its tags are looked into yet. */
export interface Opened extends Omit<Sealed, "tags"> {
  /** The tags as the header has them: the entry's own, then the others, each after a blank. */
  readonly tagText: string
}

/**
 * A class, for the sake of the garbage collector. Once many objects of one literal have lived long, as those of the
 * entries at hand do, V8 lets all of them begin in the old generation; whatever they hold then lives on with them.
 */
class Reading implements Opened {
  stamp = 0
  createdAt = 0
  freshUntil = 0
  expiresAt = 0
  revision = noRevision
  absent = false
  announced = false
  tagText = ""
  payload: Uint8Array = magicBytes
}

const blank = 32
const point = 46
const zero = 48
// What has more digits is no safe integer.
const mostDigits = 16

/** The number in decimal that the field between two places is; `NaN` where it is anything else. */
const decimal = (bytes: Uint8Array, from: number, to: number): number => {
  if (to <= from || to - from > mostDigits) return Number.NaN
  let value = 0
  for (let at = from; at < to; at++) {
    const digit = (bytes[at] ?? 0) - zero
    if (digit < 0 || digit > 9) return Number.NaN
    value = value * 10 + digit
  }
  return Number.isSafeInteger(value) ? value : Number.NaN
}

/** The number that eight hexadecimal digits are, their letters small. */
const hexadecimal = (bytes: Uint8Array, from: number): number => {
  let value = 0
  for (let at = from; at < from + 8; at++) {
    const code = bytes[at] ?? 0
    const digit = code >= zero && code < zero + 10 ? code - zero : code >= 97 && code <= 102 ? code - 87 : Number.NaN
    value = value * 16 + digit
  }
  return value
}

/** Where the field that begins there ends: at a blank, or with the header. */
const endOf = (bytes: Uint8Array, from: number, end: number, mark = blank): number => {
  let at = from
  while (at < end && bytes[at] !== mark) at++
  return at
}

/**
 * Reads sealed bytes up to the tags. Fails with what is wrong (foreign, truncated, altered, another key's) in words.
 * Every entry that is read comes through here: it looks at the bytes themselves, and copies only the tags.
 */
export const open = (key: Tag.Tag, bytes: Uint8Array): Result.Result<Opened, string> => {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = buffer.indexOf(10)
  if (end === -1) return Result.fail("the header is not terminated")
  const magicTo = magicBytes.length
  if (end < magicTo || magicBytes.compare(buffer, 0, magicTo) !== 0) return Result.fail(`the format is not ${magic}`)
  const stampTo = endOf(buffer, magicTo, end)
  const checkTo = endOf(buffer, stampTo + 1, end)
  const stamp = decimal(buffer, magicTo, stampTo)
  if (Number.isNaN(stamp) || decimal(buffer, stampTo + 1, checkTo) !== checkOf(stamp)) {
    return Result.fail("the stamp fails its check")
  }
  const sumTo = endOf(buffer, checkTo + 1, end)
  if (sumTo !== checkTo + 9) return Result.fail("the checksum is missing")
  if (crc32(buffer.subarray(sumTo + 1)) !== hexadecimal(buffer, checkTo + 1)) {
    return Result.fail("the checksum does not match")
  }
  const createdTo = endOf(buffer, sumTo + 1, end)
  const freshTo = endOf(buffer, createdTo + 1, end)
  const expiresTo = endOf(buffer, freshTo + 1, end)
  const revisionTo = endOf(buffer, expiresTo + 1, end)
  const text = buffer.toString("utf8", revisionTo + 1, end)
  const kindTo = text.indexOf(" ")
  const tagText = text.slice(kindTo + 1)
  if (!tagText.startsWith(key) || (tagText.length > key.length && tagText.charCodeAt(key.length) !== blank)) {
    return Result.fail(`it belongs to ${tagText.split(" ", 1)[0] ?? "nothing"}`)
  }
  const dot = endOf(buffer, expiresTo + 1, revisionTo, point)
  const createdAt = decimal(buffer, sumTo + 1, createdTo)
  const freshUntil = decimal(buffer, createdTo + 1, freshTo)
  const expiresAt = decimal(buffer, freshTo + 1, expiresTo)
  const time = decimal(buffer, expiresTo + 1, dot)
  const sequence = decimal(buffer, dot + 1, revisionTo)
  const kind = text.slice(0, kindTo)
  if (Number.isNaN(createdAt + freshUntil + expiresAt + time + sequence) || !isKind(kind)) {
    return Result.fail("a header field is malformed")
  }
  const opened = new Reading()
  opened.stamp = stamp
  opened.createdAt = createdAt
  opened.freshUntil = freshUntil
  opened.expiresAt = expiresAt
  if (time !== 0 || sequence !== 0) opened.revision = { time, sequence }
  opened.absent = kinds[kind].absent
  opened.announced = kinds[kind].announced
  opened.tagText = tagText
  opened.payload = buffer.subarray(end + 1)
  return Result.succeed(opened)
}

/** What {@link describe} gave of the header, as it stands in bytes that {@link open} has read. */
export const described = (bytes: Uint8Array): Uint8Array => {
  const to = bytes.indexOf(10)
  let from = 0
  for (let fields = 0; fields < 4; fields++) from = endOf(bytes, from, to) + 1
  return bytes.subarray(from, to)
}

/** The tags of an opened entry, or what is wrong with one of them in words. */
export const tagsOf = ({ tagText }: Opened): Result.Result<ReadonlyArray<Tag.Tag>, string> => {
  const tags: Array<Tag.Tag> = []
  for (const text of tagText.split(" ")) {
    const tag = Tag.fromText(text)
    if (tag === undefined) return Result.fail(`the tag ${text} is malformed`)
    tags.push(tag)
  }
  return Result.succeed(tags)
}

/** Whether the tags of an opened entry are these and no others, in this order: told without taking them apart. */
export const hasTags = ({ tagText }: Opened, tags: ReadonlyArray<Tag.Tag>): boolean => {
  let at = 0
  for (const tag of tags) {
    if (at > 0 && tagText.charCodeAt(at++) !== blank) return false
    if (!tagText.startsWith(tag, at)) return false
    at += tag.length
  }
  return at === tagText.length
}

/** Reads sealed bytes with their tags. Fails with what is wrong in words; the payload is not looked into. */
export const unseal = (key: Tag.Tag, bytes: Uint8Array): Result.Result<Sealed, string> =>
  Result.flatMap(open(key, bytes), (opened) => {
    const { tagText: _, ...sealed } = opened
    return Result.map(tagsOf(opened), (tags) => ({ ...sealed, tags }))
  })
