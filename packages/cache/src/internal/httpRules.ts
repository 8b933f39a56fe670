/**
 * The rules of HTTP caching: what may be stored, how old it is, how long it is fresh, and what may be done with it.
 *
 * Sources: RFC 9111 (HTTP caching), RFC 5861 (stale-while-revalidate, stale-if-error). A library for them was tried,
 * `http-cache-semantics` 4.3.0, and does not fit: it never serves a fresh response that has `must-revalidate`, stores one
 * with `No-Store` in capitals, drops what a 304 adds, and reads the clock past Effect's.
 */
import { Headers } from "effect/http"
import { DateTime, Result } from "effect"
import { createHash } from "node:crypto"

/** Header fields by their lower-case names. */
export type Fields = Readonly<Record<string, string>>

/** A response, with when its request was sent and when it came (epoch ms). */
export interface Answered {
  readonly status: number
  readonly headers: Fields
  readonly requestedAt: number
  readonly receivedAt: number
}

/** The directives of a `Cache-Control` field, by lower-case names. */
export type Directives = ReadonlyMap<string, string | undefined>

// name, or name=token, or name="quoted"
const directive = /([\w!#$%&'*+.^`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*)))?/g

/** Reads a `Cache-Control` field. Of a directive that stands there twice the first counts (RFC 9111, 4.2.1). */
export const directives = (field: string | undefined): Directives => {
  const read = new Map<string, string | undefined>()
  for (const [, name = "", quoted, token] of (field ?? "").matchAll(directive)) {
    const key = name.toLowerCase()
    if (!read.has(key)) read.set(key, quoted ?? token)
  }
  return read
}

const controlOf = ({ headers }: { readonly headers: Fields }): Directives => directives(headers["cache-control"])

// RFC 9111, 1.2.2: what is too large counts as this.
const mostSeconds = 2 ** 31

/** A directive's seconds in milliseconds; one that is no number of seconds counts as none left. */
const lengthOf = (control: Directives, name: string): number | undefined => {
  if (!control.has(name)) return undefined
  const text = control.get(name) ?? ""
  return /^\d+$/.test(text) ? Math.min(Number(text), mostSeconds) * 1_000 : 0
}

const dateOf = (field: string | undefined): number | undefined => {
  if (field === undefined) return undefined
  const read = Headers.parseHttpDate(field)
  return Result.isSuccess(read) ? DateTime.toEpochMillis(read.success) : undefined
}

/** How long a response is fresh from its origin on (ms). What states nothing is never fresh: nothing is guessed. */
export const lifetime = (response: Answered, shared: boolean): number => {
  const control = controlOf(response)
  const stated = (shared ? lengthOf(control, "s-maxage") : undefined) ?? lengthOf(control, "max-age")
  if (stated !== undefined) return stated
  const { date, expires } = response.headers
  if (expires === undefined) return 0
  // An invalid date, such as "0", is one that has passed.
  return Math.max(0, (dateOf(expires) ?? 0) - (dateOf(date) ?? response.receivedAt))
}

/** How old a response is now (ms): RFC 9111, 4.2.3. */
export const age = ({ headers, receivedAt, requestedAt }: Answered, now: number): number => {
  const stated = lengthOf(new Map([["age", headers["age"]]]), "age") ?? 0
  const apparent = Math.max(0, receivedAt - (dateOf(headers["date"]) ?? receivedAt))
  return Math.max(apparent, stated + receivedAt - requestedAt) + now - receivedAt
}

const heuristicallyStorable = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])

/** Whether what is stale may be checked by a conditional request. */
export const isCheckable = ({ headers }: Pick<Answered, "headers">): boolean =>
  headers["etag"] !== undefined || headers["last-modified"] !== undefined

/** For how long a stale response may be of use (ms): while it is checked, and if that fails. */
const useOfStale = (control: Directives): number =>
  Math.max(lengthOf(control, "stale-while-revalidate") ?? 0, lengthOf(control, "stale-if-error") ?? 0)

/** Whether the response to a GET may be stored, and is of any use then: RFC 9111, 3 and 3.5. */
export const isStorable = (request: { readonly headers: Fields }, response: Answered, shared: boolean): boolean => {
  const { headers, status } = response
  const control = controlOf(response)
  if (status < 200 || status > 599 || status === 206 || status === 304) return false
  if (control.has("no-store") || controlOf(request).has("no-store")) return false
  if (shared && control.has("private")) return false
  if (control.has("must-understand") && !heuristicallyStorable.has(status)) return false
  const isForAll = control.has("public") || control.has("must-revalidate") || control.has("s-maxage")
  if (shared && request.headers["authorization"] !== undefined && !isForAll) return false
  if (varying(headers).includes("*")) return false
  const isExplicit =
    control.has("public") ||
    control.has("max-age") ||
    headers["expires"] !== undefined ||
    control.has(shared ? "s-maxage" : "private")
  if (!isExplicit && !heuristicallyStorable.has(status)) return false
  return lifetime(response, shared) > 0 || isCheckable(response) || useOfStale(control) > 0
}

/** How much longer a stored response may be of use (ms), where it is kept for checks only so long. */
export const usefulFor = (response: Answered, now: number, shared: boolean, forChecks: number): number => {
  const beyond = Math.max(useOfStale(controlOf(response)), isCheckable(response) ? forChecks : 0)
  return Math.max(0, lifetime(response, shared) + beyond - age(response, now))
}

/** What may be done with a stored response: answer it, answer it and check it meanwhile, or check it first. */
export type Use = "answer" | "answer-and-check" | "check"

/** What a request's `Cache-Control` says; without one `Pragma: no-cache` counts. */
const wishesOf = ({ headers }: { readonly headers: Fields }): Directives =>
  headers["cache-control"] === undefined ? directives(headers["pragma"]) : controlOf({ headers })

/** What this request may do with a stored response: RFC 9111, 4 and 5.2; RFC 5861, 3. */
export const useOf = (request: { readonly headers: Fields }, stored: Answered, now: number, shared: boolean): Use => {
  const wishes = wishesOf(request)
  const control = controlOf(stored)
  if (wishes.has("no-cache") || control.has("no-cache")) return "check"
  const old = age(stored, now)
  const left = lifetime(stored, shared) - old
  if (old > (lengthOf(wishes, "max-age") ?? Number.POSITIVE_INFINITY)) return "check"
  if (left > 0) return left < (lengthOf(wishes, "min-fresh") ?? 0) ? "check" : "answer"
  if (isStrict(control, shared) || wishes.has("min-fresh")) return "check"
  if (-left < (lengthOf(control, "stale-while-revalidate") ?? 0)) return "answer-and-check"
  // Of itself `s-maxage` allows nothing stale (RFC 9111, 5.2.2.10); the origin may allow it, as above.
  if (!wishes.has("max-stale") || (shared && control.has("s-maxage"))) return "check"
  const accepted = wishes.get("max-stale") === undefined ? Number.POSITIVE_INFINITY : lengthOf(wishes, "max-stale")
  return -left <= (accepted ?? 0) ? "answer" : "check"
}

const isStrict = (control: Directives, shared: boolean): boolean =>
  control.has("no-cache") || control.has("must-revalidate") || (shared && control.has("proxy-revalidate"))

/** Whether a stored response may be answered because the origin failed: RFC 5861, 4. */
export const isForErrors = (
  request: { readonly headers: Fields },
  stored: Answered,
  now: number,
  shared: boolean
): boolean => {
  const control = controlOf(stored)
  if (isStrict(control, shared)) return false
  const allowed = Math.max(
    lengthOf(control, "stale-if-error") ?? 0,
    lengthOf(controlOf(request), "stale-if-error") ?? 0
  )
  return age(stored, now) - lifetime(stored, shared) < allowed
}

/** Whether the request wants a stored response or none. */
export const wantsStoredOnly = (request: { readonly headers: Fields }): boolean =>
  controlOf(request).has("only-if-cached")

/** The header fields of a request that asks whether what is stored still holds. */
export const conditions = ({ headers }: Pick<Answered, "headers">): Fields => ({
  ...(headers["etag"] === undefined ? {} : { "if-none-match": headers["etag"] }),
  ...(headers["last-modified"] === undefined ? {} : { "if-modified-since": headers["last-modified"] })
})

const opaque = (etag: string): string => etag.replace(/^W\//, "")

/** Whether a 304 speaks of what is stored: RFC 9111, 4.3.4. */
export const confirms = (stored: Pick<Answered, "headers">, confirmation: Pick<Answered, "headers">): boolean => {
  const { etag } = confirmation.headers
  return etag === undefined || opaque(etag) === opaque(stored.headers["etag"] ?? "")
}

// What belongs to the connection (RFC 9111, 3.1; RFC 9110, 7.6.1). A cookie is for who asked, and for nobody else.
const ofTheConnection = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade"
])
const ofTheBody = new Set(["content-encoding", "content-length", "content-range"])

const listed = (field: string | undefined): ReadonlyArray<string> =>
  (field ?? "").split(",").flatMap((name) => (name.trim() === "" ? [] : [name.trim().toLowerCase()]))

const without = (headers: Fields, isLeftOut: (name: string) => boolean): Fields =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !isLeftOut(name)))

/** The header fields that are stored. */
export const kept = (headers: Fields): Fields => {
  const named = new Set(listed(headers["connection"]))
  return without(headers, (name) => ofTheConnection.has(name) || named.has(name))
}

/** The stored header fields after a 304: RFC 9111, 3.2. */
export const freshened = (stored: Fields, confirmation: Fields): Fields => {
  // These speak of the response before.
  const before = without(stored, (name) => name === "age" || name === "date")
  return { ...before, ...without(kept(confirmation), (name) => ofTheBody.has(name)) }
}

/** The request's header fields that a response was chosen by, in order: RFC 9111, 4.1. */
export const varying = (headers: Fields): ReadonlyArray<string> => [...new Set(listed(headers["vary"]))].toSorted()

/** The values by which a request chooses among responses that vary so, as a name. */
export const variant = (names: ReadonlyArray<string>, headers: Fields): string => {
  if (names.length === 0) return "any"
  const values = names.map((name) => [name, headers[name]?.trim().replace(/\s*,\s*/g, ",") ?? null])
  return digest(JSON.stringify(values))
}

/** A name for a text of any length. */
export const digest = (text: string): string => createHash("sha256").update(text).digest("base64url")

const safe = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "QUERY"])

/** The URLs whose stored responses an exchange makes invalid: RFC 9111, 4.4. */
export const invalidates = (
  method: string,
  url: URL,
  response: Pick<Answered, "status" | "headers">
): ReadonlyArray<URL> => {
  if (safe.has(method) || response.status < 200 || response.status >= 400) return []
  const named = [response.headers["location"], response.headers["content-location"]].flatMap((field) => {
    const target = field === undefined ? null : URL.parse(field, url.href)
    return target !== null && target.origin === url.origin ? [target] : []
  })
  return [url, ...named]
}
