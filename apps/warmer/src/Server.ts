/**
 * Health and metrics over HTTP: `/health/live`, `/health/ready`, `/metrics` (Prometheus).
 */
import * as Dashboard from "@letletme/dashboard/Dashboard"
import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import * as Admin from "./admin/Admin.ts"
import * as Live from "./live/Live.ts"
import { Health } from "./Health.ts"
import * as Telemetry from "./Telemetry.ts"

const routes = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const health = yield* Health
    yield* router.add("GET", "/health/live", Effect.succeed(HttpServerResponse.jsonUnsafe({ status: "live" })))
    yield* router.add(
      "GET",
      "/health/ready",
      Effect.map(health.status, (status) =>
        HttpServerResponse.jsonUnsafe(status, { status: ["starting", "stopping"].includes(status.status) ? 503 : 200 })
      )
    )
  })
)

/** The routes, for the HTTP server in context. */
export const layer = HttpRouter.serve(
  Layer.mergeAll(routes, Telemetry.layerPrometheus, Admin.layer, Live.layer, Dashboard.layer),
  {
    disableListenLog: true,
    disableLogger: true
  }
).pipe(Layer.provide(Telemetry.layerQuiet))
