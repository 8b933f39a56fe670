/**
 * The dashboard as routes of a server. The page asks nobody but that server.
 */
import { Effect, Layer, Option } from "effect"
import { Headers, HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { type Asset, Bundle } from "./Bundle.ts"

/** The paths of the page's files. */
const paths = ["/", "/dashboard.js", "/style.css"] as const

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

const headersOf = ({ etag }: Asset) => ({
  "content-security-policy": policy,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  vary: "accept-encoding",
  // Asked for again each time, and sent again only where it changed.
  "cache-control": "no-cache",
  etag
})

const respond = (found: Asset, asked: Headers.Headers) => {
  const headers = headersOf(found)
  if (Option.contains(Headers.get(asked, "if-none-match"), found.etag)) {
    return HttpServerResponse.empty({ status: 304, headers })
  }
  const takesBrotli = Option.exists(Headers.get(asked, "accept-encoding"), (text) => /\bbr\b/.test(text))
  return HttpServerResponse.uint8Array(takesBrotli ? found.brotli : found.bytes, {
    headers: takesBrotli ? { ...headers, "content-encoding": "br" } : headers,
    contentType: found.type
  })
}

/** The routes, for the HTTP server in context. */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { files } = yield* Bundle
    for (const path of paths) {
      yield* router.add(
        "GET",
        path,
        Effect.gen(function* () {
          const { headers } = yield* HttpServerRequest.HttpServerRequest
          const found = (yield* files).get(path)
          return found === undefined ? HttpServerResponse.empty({ status: 404 }) : respond(found, headers)
        }).pipe(
          Effect.catchTag("BundleError", ({ message }) =>
            Effect.as(Effect.logError(message), HttpServerResponse.text(`${message}\n`, { status: 500 }))
          )
        )
      )
    }
  })
).pipe(Layer.provide(Bundle.layer))
