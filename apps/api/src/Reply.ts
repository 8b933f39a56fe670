/**
 * Replies: the bytes of an answer, or that nothing has changed, under the headers that go with them.
 */
import type { Position } from "@letletme/cache"
import type { Stage } from "./Answer.ts"
import type { Coding } from "./Coding.ts"

/** A reply: status, headers, and the bytes of a body where it has one. */
export interface Reply {
  readonly status: 200 | 304
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | undefined
}

/** The bytes of an answer in one coding. */
export interface Variant {
  readonly etag: string
  readonly bytes: Uint8Array
  readonly coding: Coding
  /** The headers as they were sent last, and what they were made for. */
  headers: Record<string, string>
  second: number
  position: Position.Position
}

/** What of an answer its headers are made of. */
export interface Sent {
  readonly stage: Stage
  /** Until when it says what it says, if nothing is invalidated (epoch ms). */
  readonly until: number
  /** When the oldest of what it was made of was cached (epoch ms). */
  readonly createdAt: number
}

/**
 * How long clients and proxies may take an answer for fresh (s). They hear of no invalidation: it is short where
 * something happens. What is final has been taken back before.
 */
const maxAge: Readonly<Record<Stage, number>> = { live: 5, deadline: 10, pending: 60, settled: 300, final: 3_600 }

// What there was may be shown for a day while there is nothing newer to be had (RFC 5861).
const ifError = 86_400

/** The headers of an answer that scripts of other sites may read. */
export const exposed = ["etag", "letletme-age", "letletme-position", "retry-after"]

// Nothing here is anybody's own: a site may read it in its visitors' browsers.
const openToAll = { "access-control-allow-origin": "*", "access-control-expose-headers": exposed.join(",") }

/** Whether `If-None-Match` names an answer (RFC 9110, 13.1.2). */
export const names = (ifNoneMatch: string, etag: string): boolean =>
  ifNoneMatch === etag ||
  ifNoneMatch === "*" ||
  ifNoneMatch.split(",").some((one) => one.trim().replace(/^W\//, "") === etag)

/** Bytes in a coding, under a name. */
export const variant = (bytes: Uint8Array, coding: Coding, etag: string): Variant => ({
  etag,
  bytes,
  coding,
  headers: {},
  second: -1,
  position: -1
})

const headersOf = (sent: Sent, variant: Variant, position: Position.Position, now: number): Record<string, string> => {
  const second = Math.floor(now / 1_000)
  if (variant.second === second && variant.position === position) return variant.headers
  const left = Math.max(0, Math.min(maxAge[sent.stage], Math.floor((sent.until - now) / 1_000)))
  const headers: Record<string, string> = {
    "content-type": "application/json",
    "content-length": `${variant.bytes.length}`,
    etag: variant.etag,
    "cache-control": `public, max-age=${left}, stale-if-error=${ifError}`,
    vary: "accept-encoding, letletme-after",
    "letletme-position": `${position}`,
    "letletme-age": `${Math.max(0, Math.floor((now - sent.createdAt) / 1_000))}`,
    ...openToAll
  }
  if (variant.coding !== "identity") headers["content-encoding"] = variant.coding
  variant.headers = headers
  variant.second = second
  variant.position = position
  return headers
}

/** The reply to a request, as new as a position, at a time (epoch ms). */
export const replyOf = (
  sent: Sent,
  one: Variant,
  asked: { readonly position: Position.Position; readonly now: number; readonly ifNoneMatch: string | undefined }
): Reply => {
  const { ifNoneMatch, now, position } = asked
  const headers = headersOf(sent, one, position, now)
  if (ifNoneMatch === undefined || !names(ifNoneMatch, one.etag)) return { status: 200, headers, body: one.bytes }
  const { "content-encoding": _, "content-length": _length, "content-type": _type, ...rest } = headers
  return { status: 304, headers: rest, body: undefined }
}
