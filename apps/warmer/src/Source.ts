/**
 * The source that the settings name, as a layer.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { FplApi, type FplSource, RecordedSource, SimulatedApi, SimulatedSeason, type SourceError } from "@letletme/fpl"
import { Config, Effect, Layer } from "effect"
import type { FileSystem } from "effect/FileSystem"
import { HttpRouter, HttpServer } from "effect/http"
import type { ServeError } from "effect/http/HttpServerError"
import type { Path } from "effect/Path"
import { createServer } from "node:http"
import { seasonOf, type Shared } from "./Settings.ts"

/** How the simulated season is played. */
export interface Simulation {
  readonly speed: number
  readonly seed: number
}

export const defaultSimulation: Simulation = { speed: 3_600, seed: 1 }

const quickly = "200 millis"

/**
 * A simulated season behind the real client: served in the API's shape on a loopback port, and asked over HTTP. It
 * starts in its eleventh gameweek, on a Saturday afternoon.
 */
const simulated = ({ seed, speed }: Simulation) => {
  const season = SimulatedSeason.make({ ...SimulatedSeason.defaults, seed })
  const startAt = (season.gameweeks[10]?.deadline ?? season.start) + 22 * 3_600_000
  const api = HttpRouter.serve(SimulatedApi.layer({ season, speed, startAt, maintenance: true }), {
    disableListenLog: true,
    disableLogger: true
  })
  const client = Layer.unwrap(
    HttpServer.HttpServer.use(({ address }) => {
      const port = address._tag === "UnixPathAddress" ? 0 : address.port
      return Effect.succeed(
        FplApi.layer({
          season: season.options.season,
          baseUrl: `http://127.0.0.1:${port}/api/`,
          description: `a simulated season, played ${speed.toLocaleString("en")} times as fast as life,`,
          spacing: 0,
          timeout: 5_000,
          retries: 1
        })
      )
    })
  )
  return client.pipe(
    Layer.provideMerge(api),
    Layer.provide(
      NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1", gracefulShutdownTimeout: quickly })
    ),
    Layer.provide(NodeHttpClient.layerUndici)
  )
}

type Failure = SourceError | ServeError | Config.ConfigError

/** The source for a command. */
export const layer = (
  shared: Pick<Shared, "source" | "season">,
  simulation: Simulation = defaultSimulation
): Layer.Layer<FplSource, Failure, FileSystem | Path> =>
  Layer.unwrap(
    Effect.gen(function* (): Effect.fn.Return<Layer.Layer<FplSource, Failure, FileSystem | Path>, Config.ConfigError> {
      const season = yield* seasonOf(shared.season)
      switch (shared.source) {
        case "simulated":
          return simulated(simulation)
        case "fpl": {
          const baseUrl = yield* Config.option(Config.String("FPL_BASE_URL"))
          const options = baseUrl._tag === "Some" ? { season, baseUrl: baseUrl.value } : { season }
          return FplApi.layer(options).pipe(Layer.provide(NodeHttpClient.layerUndici))
        }
        default:
          return RecordedSource.layer(shared.source, { season })
      }
    })
  )
