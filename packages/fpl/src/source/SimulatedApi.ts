/**
 * The simulated season served over HTTP in the API's shape, on a clock that runs faster.
 */
import { Clock, Effect, type Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import * as SimulatedSeason from "./SimulatedSeason.ts"

/**
 * How the season is served.
 *
 * @experimental
 */
export interface Options {
  readonly season: SimulatedSeason.SimulatedSeason
  /** Simulated milliseconds per millisecond: 1,000 plays a day in a minute and a half. */
  readonly speed: number
  /** Where in the season the clock starts (epoch ms of the simulated time). */
  readonly startAt: number
  /** Whether the API is closed after each deadline, as the real one is. */
  readonly maintenance: boolean
}

/**
 * The routes `/api/bootstrap-static/`, `/api/fixtures/` and `/api/time/`, for `HttpRouter.serve`. The season's clock
 * starts with the layer and stops at the season's end.
 *
 * @experimental
 */
export const layer = (options: Options): Layer.Layer<never, never, HttpRouter.HttpRouter> =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const clock = yield* Clock.Clock
      const startedAt = clock.currentTimeMillisUnsafe()
      const { season, speed, startAt } = options
      const now = () => Math.min(season.end, startAt + (clock.currentTimeMillisUnsafe() - startedAt) * speed)

      const answer = (of: (time: number) => unknown) =>
        Effect.sync(() => {
          const time = now()
          const state = options.maintenance ? SimulatedSeason.maintenance(season, time) : "open"
          if (state === "unavailable") return HttpServerResponse.text("Service Unavailable", { status: 503 })
          if (state === "page") {
            return HttpServerResponse.text("<html><body>The game is being updated.</body></html>", {
              contentType: "text/html"
            })
          }
          return HttpServerResponse.jsonUnsafe(of(time))
        })

      yield* router.add(
        "GET",
        "/api/bootstrap-static/",
        answer((time) => SimulatedSeason.at(season, time).bootstrap)
      )
      yield* router.add(
        "GET",
        "/api/fixtures/",
        answer((time) => SimulatedSeason.at(season, time).fixtures)
      )
      yield* router.add(
        "GET",
        "/api/time/",
        Effect.sync(() => HttpServerResponse.jsonUnsafe({ time: new Date(now()).toISOString(), speed }))
      )
    })
  )
