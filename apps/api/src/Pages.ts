/**
 * What the API says of itself: its OpenAPI document, and a page to browse it. Both stay as they are while the process
 * lives, and are packed once.
 */
import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiSwagger, OpenApi } from "effect/http-api"
import { Api } from "./Api.ts"
import * as Coding from "./Coding.ts"

// The page is one file: whatever else it asked for would be somebody else's.
const policy = {
  "content-security-policy":
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; frame-ancestors 'none'",
  "cache-control": "public, max-age=3600",
  vary: "accept-encoding"
}

/** Keeps what a route answers, in each coding that was asked for. */
const kept = HttpRouter.middleware(
  Effect.sync(() => {
    const known = new Map<string, HttpServerResponse.HttpServerResponse>()
    return (app) =>
      Effect.gen(function* () {
        const { headers } = yield* HttpServerRequest.HttpServerRequest
        const { route } = yield* HttpRouter.RouteContext
        const coding = Coding.negotiate(headers["accept-encoding"])
        const key = `${route.path} ${coding}`
        const at = known.get(key)
        if (at !== undefined) return at
        const response = HttpServerResponse.setHeaders(yield* app, policy)
        const { body } = response
        if (coding === "identity" || body._tag !== "Uint8Array") return response
        const bytes = yield* Coding.pack(coding, body.body)
        const packed = HttpServerResponse.uint8Array(bytes, {
          headers: { ...policy, "content-encoding": coding },
          contentType: body.contentType
        })
        known.set(key, packed)
        return packed
      })
  })
).layer

/** The document at `/openapi.json`, the page at `/docs`. */
export const layer = Layer.merge(
  HttpApiSwagger.layer(Api, { path: "/docs" }),
  HttpRouter.add("GET", "/openapi.json", () => Effect.succeed(HttpServerResponse.jsonUnsafe(OpenApi.fromApi(Api))))
).pipe(Layer.provide(kept))
