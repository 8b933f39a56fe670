/**
 * The admin API as routes of a server: on where the environment names a token, and off where it names none.
 */
import { Effect, Layer, Option } from "effect"
import { HttpRouter, HttpServerRespondable } from "effect/http"
import { HttpApiBuilder, HttpApiMiddleware } from "effect/http-api"
import { Actions } from "./Actions.ts"
import { AdminApi } from "./AdminApi.ts"
import { Audit } from "./Audit.ts"
import * as Gate from "./Gate.ts"
import * as Guard from "./Guard.ts"
import * as Handlers from "./Handlers.ts"
import { Unavailable } from "./Problems.ts"
import * as Token from "./Token.ts"

const off = `The admin API is off: state ${Token.variable}, and start again.`

/** The routes with the token in context. */
export const layerOver = (limits: Guard.Limits = {}) =>
  HttpApiBuilder.layer(AdminApi, { openapiPath: "/admin/openapi.json" }).pipe(
    Layer.provide(Handlers.layer),
    Layer.provide(Actions.layer),
    Layer.provide(Guard.layer(limits)),
    Layer.provide(HttpApiMiddleware.layerProblemDetails({ includeDetails: true })),
    Layer.provide(Gate.layer)
  )

const layerOff = HttpRouter.add("*", "/admin/*", HttpServerRespondable.toResponse(new Unavailable({ detail: off })))

/** The routes as the environment says. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const token = yield* Token.fromEnvironment
    if (Option.isNone(token)) {
      yield* Effect.logInfo(off)
      return layerOff
    }
    yield* Effect.logInfo("The admin API is on")
    return layerOver().pipe(Layer.provide(Audit.layerConfig), Layer.provide(Token.Token.layer(token.value)))
  })
)
