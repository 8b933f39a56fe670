/**
 * Everything that is served: the read API, its description, a page to browse it, and health.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { type CacheManager, LiveView } from "@letletme/cache"
import type { FplCaches, SeasonRepository } from "@letletme/fpl"
import { Clock, Effect, Layer } from "effect"
import { HttpRouter, type HttpServer, HttpServerResponse, ProblemDetails } from "effect/http"
import { HttpApiBuilder, HttpApiMiddleware } from "effect/http-api"
import type { ServeError } from "effect/http/HttpServerError"
import * as Telemetry from "@letletme/warmer/Telemetry"
import * as Answers from "./Answers.ts"
import { Api } from "./Api.ts"
import * as Handlers from "./Handlers.ts"
import * as Instruments from "./Instruments.ts"
import * as Listener from "./Listener.ts"
import * as Pages from "./Pages.ts"
import { exposed } from "./Reply.ts"

/** Settings of the API. */
export interface Options extends Answers.Options, Listener.Options {}

const api = HttpApiBuilder.layer(Api).pipe(
  Layer.provide(Handlers.layer),
  Layer.provide(HttpApiMiddleware.layerProblemDetails({ includeDetails: true }))
)

const health = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const live = yield* LiveView
    yield* router.add("GET", "/health/live", HttpServerResponse.jsonUnsafe({ status: "live" }))
    yield* router.add(
      "GET",
      "/health/ready",
      Effect.map(Clock.currentTimeMillis, (now) =>
        // Without the log it still answers, from the database: slower, and as well.
        HttpServerResponse.jsonUnsafe({
          status: live.isTrusted(now) ? "ready" : "degraded",
          position: live.view.position
        })
      )
    )
  })
)

const elsewhere = HttpRouter.add(
  "GET",
  "/*",
  Effect.succeed(
    ProblemDetails.toResponse({
      type: ProblemDetails.blankType,
      status: 404,
      title: "Not Found",
      detail: "Nothing is served at this address. /docs shows what is."
    })
  )
)

const cors = HttpRouter.cors({
  allowedMethods: ["GET", "HEAD"],
  allowedHeaders: ["if-none-match", "letletme-after"],
  exposedHeaders: exposed,
  maxAge: 86_400
})

/** The routes, for the HTTP server in context. */
const routes = HttpRouter.serve(
  Layer.mergeAll(api, Pages.layer, health, elsewhere, cors, Instruments.layerPrometheus),
  {
    disableListenLog: true,
    disableLogger: true
  }
).pipe(Layer.provide(Telemetry.layerQuiet))

/**
 * The API as a server, over the caches in context. The server's address is in `HttpServer`.
 *
 * @example
 * ```ts
 * import { CacheManager } from "@letletme/cache"
 * import { FplCaches, MemoryDatabase } from "@letletme/fpl"
 * import { layer } from "@letletme/api/Server"
 * import { Layer } from "effect"
 *
 * const server = layer({ port: 8788, source: "fpl" }).pipe(
 *   Layer.provide(FplCaches.layer),
 *   Layer.provide(CacheManager.layerMemory),
 *   Layer.provide(MemoryDatabase.layer)
 * )
 * ```
 */
export const layer = (
  options: Options
): Layer.Layer<HttpServer.HttpServer, ServeError, CacheManager | LiveView | FplCaches.FplCaches | SeasonRepository> =>
  routes.pipe(
    Layer.provideMerge(Listener.layer(options)),
    Layer.provide(Answers.Answers.layer(options)),
    Layer.provide(NodeHttpServer.layerHttpServices)
  )
