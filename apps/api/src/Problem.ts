/**
 * What goes wrong, as problems by RFC 9457 (`application/problem+json`).
 */
import type { CacheError } from "@letletme/cache"
import type { DatabaseError } from "@letletme/fpl"
import { Schema } from "effect"
import { HttpApiError, HttpApiSchema } from "effect/http-api"

/** The source says that there is no such thing. It is an answer: to ask again does not help. */
export class Absent extends HttpApiError.Problem<Absent>()("Absent", {
  type: "urn:letletme:absent",
  status: 404,
  title: "It does not exist"
}) {}

/** It may exist, and cannot be told just now. To ask again may help. */
export class Unavailable extends HttpApiError.Problem<Unavailable>()(
  "Unavailable",
  { type: "urn:letletme:unavailable", status: 503, title: "It cannot be told just now" },
  { retryAfter: Schema.Int.annotate({ description: "After how many seconds to ask again, as in `Retry-After`" }) }
) {}

/** The same, with `Retry-After`. */
export const UnavailableForNow = Unavailable.pipe(
  HttpApiSchema.encodeToWithHeaders(
    { body: Unavailable, headers: { "retry-after": Schema.Int } },
    {
      decode: ({ body }) => body,
      encode: (problem) => ({ body: problem, headers: { "retry-after": problem.retryAfter } })
    }
  )
)

/** Nothing has changed since the answer that `If-None-Match` names. */
export class NotModified extends Schema.TaggedError<NotModified>()("NotModified", {}, { httpApiStatus: 304 }) {
  override get message(): string {
    return "Nothing has changed since the answer that If-None-Match names. Go on with that."
  }
}

/** A 304, which has no body. */
export const NotModifiedEmpty = NotModified.pipe(HttpApiSchema.asNoContent({ decode: () => new NotModified({}) }))

const nothing = "Nothing was published yet."

// After so many seconds it is worth to ask again.
const soon = 1
const later = 5

/** What became of a read that failed. What no caller can help with is a defect: it is reported, and answered with 500. */
export const ofFailure = (error: CacheError | DatabaseError): Absent | Unavailable | undefined => {
  const { reason } = error
  if (reason._tag === "Absent") return new Absent({ detail: `${reason.key} does not exist at the source.` })
  if (!error.isTemporary) return undefined
  const retryAfter = reason._tag === "SnapshotConflict" || reason._tag === "Timeout" ? soon : later
  return new Unavailable({ detail: detailOf(reason._tag), retryAfter })
}

/** What a stranger may know of it: messages name hosts and keys. */
const detailOf = (tag: string): string => {
  switch (tag) {
    case "Empty":
      return nothing
    case "SnapshotConflict":
      return "The data changes faster than it can be read."
    case "Timeout":
      return "It took too long."
    default:
      return "The source of the data does not answer."
  }
}

/** Too much is being read at once. */
export const overloaded = () => new Unavailable({ detail: "Too much is asked at once.", retryAfter: soon })

/** There is no season. */
export const nothingYet = () => new Unavailable({ detail: nothing, retryAfter: later })
