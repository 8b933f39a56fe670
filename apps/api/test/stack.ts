/**
 * The API over a simulated season in memory, as a server on a port of its own.
 */
import { CacheManager } from "@letletme/cache"
import {
  FplCaches,
  MemoryDatabase,
  RecordedSource,
  SeasonRevision,
  SeasonSync,
  SimulatedSeason,
  Workflows
} from "@letletme/fpl"
import { Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import { request } from "node:http"
import * as Server from "@letletme/api/Server"

// In the real time of the test nothing of this season has begun.
const simulated = SimulatedSeason.make({ season: "2090-91", seed: 1, teams: 20 })
export const { season } = simulated.options
const hour = 3_600_000
/** A Saturday afternoon: matches are over, others are being played, more are to come. */
const afternoon = (simulated.gameweeks[20]?.deadline ?? Number.NaN) + 20 * hour

/** The season as it is that afternoon. */
export const revision = Effect.suspend(() => {
  const { bootstrap, fixtures } = SimulatedSeason.at(simulated, afternoon)
  return SeasonRevision.assemble({
    season,
    time: afternoon,
    bootstrap: JSON.stringify(bootstrap),
    fixtures: JSON.stringify(fixtures)
  })
})

/** A match that is to come that afternoon. */
export const coming = (() => {
  const match = SimulatedSeason.at(simulated, afternoon).fixtures.find(
    ({ kickoff_time: time, started }) => !started && time !== null
  )
  return { season, id: match?.id ?? Number.NaN, kickoff: Date.parse(match?.kickoff_time ?? "") }
})()

/** A source of which nothing can be fetched: tests publish. */
export const replayed = RecordedSource.layerReplay(season)

/** The caches, without a season. */
export const empty = Layer.merge(SeasonSync.layer, Workflows.layer).pipe(
  Layer.provideMerge(FplCaches.layer),
  Layer.provideMerge(MemoryDatabase.layer),
  Layer.provideMerge(replayed),
  Layer.provideMerge(CacheManager.layerMemory)
)

const published = Layer.effectDiscard(
  Effect.flatMap(revision, (whole) => SeasonSync.use(({ publish }) => publish(whole)))
)

/** The caches, with the season as it is that afternoon. */
export const caches = published.pipe(Layer.provideMerge(empty))

export const options: Server.Options = { port: 0, source: "simulated" }

/** The server over those caches, and the caches. */
export const served = Server.layer(options).pipe(Layer.provideMerge(caches))

/** Where the server in context listens. */
export const address = HttpServer.HttpServer.useSync((server) => HttpServer.formatAddress(server.address))

/** A response as it came over the wire. */
export interface Response {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly bytes: Buffer
}

/** Asks, without any help that a client gives by itself. */
export const ask = (
  base: string,
  path: string,
  options: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string } = {}
): Effect.Effect<Response, Error> =>
  Effect.callback((resume) => {
    const asked = request(`${base}${path}`, { method: options.method ?? "GET", headers: options.headers, agent: false })
    asked.on("response", (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("end", () =>
        resume(
          Effect.succeed({
            status: response.statusCode ?? 0,
            headers: response.headers,
            bytes: Buffer.concat(chunks)
          })
        )
      )
      response.on("error", (error) => resume(Effect.fail(error)))
    })
    asked.on("error", (error) => resume(Effect.fail(error)))
    asked.end(options.body)
    return Effect.sync(() => asked.destroy())
  })

/** What a response says, as JSON. */
export const json = ({ bytes }: Response): unknown => JSON.parse(bytes.toString())
