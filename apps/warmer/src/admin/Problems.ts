/**
 * What the admin API answers where it does not do what was asked: problem details, each with what to do next.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9457 - problem details
 */
import { Schema } from "effect"
import { HttpApiError } from "effect/http-api"

/** No token, or another one. */
export class Unauthorized extends HttpApiError.Problem<Unauthorized>()("Unauthorized", {
  type: "urn:letletme:problem:unauthorized",
  status: 401,
  title: "Unauthorized"
}) {}

/** It comes from a page of another origin, or names another host. */
export class Forbidden extends HttpApiError.Problem<Forbidden>()("Forbidden", {
  type: "urn:letletme:problem:forbidden",
  status: 403,
  title: "Forbidden"
}) {}

/** There is no such thing. */
export class NotFound extends HttpApiError.Problem<NotFound>()("NotFound", {
  type: "urn:letletme:problem:not-found",
  status: 404,
  title: "Not Found"
}) {}

/** Such an action is under way. */
export class Busy extends HttpApiError.Problem<Busy>()(
  "Busy",
  { type: "urn:letletme:problem:busy", status: 409, title: "Under way already" },
  {
    /** The action that is under way. */
    action: Schema.String
  }
) {}

/** Another process leads, and this is the leader's to do. */
export class NotLeading extends HttpApiError.Problem<NotLeading>()(
  "NotLeading",
  { type: "urn:letletme:problem:not-leading", status: 409, title: "Another process leads" },
  {
    /** The one that leads, where it is known. */
    leader: Schema.NullOr(Schema.String)
  }
) {}

/** The body did not come in time. */
export class TooSlow extends HttpApiError.Problem<TooSlow>()("TooSlow", {
  type: "urn:letletme:problem:too-slow",
  status: 408,
  title: "Request Timeout"
}) {}

/** The body is larger than any that is sensible. */
export class TooLarge extends HttpApiError.Problem<TooLarge>()("TooLarge", {
  type: "urn:letletme:problem:too-large",
  status: 413,
  title: "Content Too Large"
}) {}

/** So many requests came that this one is not looked at. */
export class TooMany extends HttpApiError.Problem<TooMany>()(
  "TooMany",
  { type: "urn:letletme:problem:too-many", status: 429, title: "Too Many Requests" },
  {
    /** Seconds until another one is looked at. */
    retryAfter: Schema.Int
  }
) {}

/** The cache or the log could not do it: nothing was changed, or it is not acknowledged. */
export class Unavailable extends HttpApiError.Problem<Unavailable>()("Unavailable", {
  type: "urn:letletme:problem:unavailable",
  status: 503,
  title: "Service Unavailable"
}) {}

/** Entries are not encrypted, so there is no key to bring them under. */
export class NotEncrypted extends HttpApiError.Problem<NotEncrypted>()("NotEncrypted", {
  type: "urn:letletme:problem:not-encrypted",
  status: 409,
  title: "Entries are not encrypted"
}) {}

/** The settings that were read are wrong: those in force stay. */
export class WrongSettings extends HttpApiError.Problem<WrongSettings>()("WrongSettings", {
  type: "urn:letletme:problem:wrong-settings",
  status: 422,
  title: "Settings are wrong"
}) {}
