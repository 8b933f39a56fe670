/**
 * The live API as routes of a server.
 */
import { Layer } from "effect"
import { HttpApiBuilder, HttpApiMiddleware } from "effect/http-api"
import * as Handlers from "./Handlers.ts"
import { Hottest } from "./Hottest.ts"
import { LiveApi } from "./LiveApi.ts"
import { Overviews } from "./Overviews.ts"
import { SeasonView } from "./SeasonView.ts"
import { Tail } from "./Tail.ts"

/** The routes, over the caches in context. */
export const layer = HttpApiBuilder.layer(LiveApi, { openapiPath: "/live/openapi.json" }).pipe(
  Layer.provide(Handlers.layer),
  Layer.provide(Overviews.layer),
  Layer.provide(Hottest.layer),
  Layer.provide(Tail.layer),
  Layer.provide(SeasonView.layer),
  Layer.provide(HttpApiMiddleware.layerProblemDetails({ includeDetails: true }))
)
