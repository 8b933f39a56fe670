/**
 * Who may call the admin API: the contract that client and server share.
 */
import { Context, Effect, type Layer, type Redacted } from "effect"
import { HttpClientRequest } from "effect/http"
import { HttpApiMiddleware, HttpApiSecurity } from "effect/http-api"
import { TooLarge, TooMany, TooSlow, Unauthorized, Unavailable } from "./Problems.ts"

/** What a request is to the audit log. */
export interface Attempt {
  /** Says who it is. Until then it is a stranger's. */
  readonly identify: (who: string) => Effect.Effect<void>
  /** Adds to what was done, in a few words. */
  readonly note: (text: string) => Effect.Effect<void>
}

/** The attempt that is under way. `Guard.layerGate` provides it: past the gate nobody gets in. */
export const Attempt = Context.Reference<Attempt>("@letletme/warmer/admin/Attempt", {
  defaultValue: () => ({
    identify: () => Effect.die(new Error("A request came to the admin API past its gate.")),
    note: () => Effect.void
  })
})

/** Adds to what the audit log says of this request. */
export const note = (text: string): Effect.Effect<void> => Effect.flatMap(Attempt, (attempt) => attempt.note(text))

/** Lets through whoever has the token: see `Guard`. */
export class Authorization extends HttpApiMiddleware.Service<Authorization>()("@letletme/warmer/admin/Authorization", {
  security: { bearer: HttpApiSecurity.bearer },
  error: [Unauthorized, TooLarge, TooMany, TooSlow, Unavailable],
  requiredForClient: true
}) {}

/** Has a client send the token. */
export const layerClient = (token: Redacted.Redacted): Layer.Layer<HttpApiMiddleware.ForClient<Authorization>> =>
  HttpApiMiddleware.layerClient(Authorization, ({ next, request }) =>
    next(HttpClientRequest.bearerToken(request, token))
  )
