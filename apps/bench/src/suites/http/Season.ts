/**
 * The read API over a simulated season, and its answers.
 */
import * as Server from "@letletme/api/Server"
import { CacheConfig, CacheManager } from "@letletme/cache"
import { FplCaches, MemoryDatabase, RecordedSource, SeasonRevision, SeasonSync, SimulatedSeason } from "@letletme/fpl"
import { Redis } from "@letletme/redis"
import { Context, Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import { ask } from "./ask.ts"

/** What is asked for, by the names of the tasks: a few hundred bytes, and a few thousand. */
export const paths = { "a team": "/teams/3", "the table": "/table" }

// It is to come: so nothing of it changes, or expires, while it is measured.
const simulated = SimulatedSeason.make({ season: "2090-91", seed: 1, teams: 20 })
const { season } = simulated.options
const time = (simulated.gameweeks[20]?.deadline ?? Number.NaN) + 72 * 3_600_000

const published = Layer.effectDiscard(
  Effect.gen(function* () {
    const { bootstrap, fixtures } = SimulatedSeason.at(simulated, time)
    const bodies = { bootstrap: JSON.stringify(bootstrap), fixtures: JSON.stringify(fixtures) }
    const { publish } = yield* SeasonSync
    yield* publish(yield* SeasonRevision.assemble({ season, time, ...bodies }))
  })
)

/** The port of a server of a context. */
export const portOf = (context: Context.Context<HttpServer.HttpServer>): number => {
  const { address } = Context.get(context, HttpServer.HttpServer)
  return address._tag === "UnixPathAddress" ? 0 : address.port
}

/** Serves it, with everything that is asked for at hand. Answers the port. */
export const serve = Effect.fnUntraced(function* (redis: number, namespace: string) {
  const caches = published.pipe(
    Layer.provideMerge(SeasonSync.layer),
    Layer.provideMerge(FplCaches.layer),
    Layer.provideMerge(MemoryDatabase.layer),
    Layer.provideMerge(RecordedSource.layerReplay(season)),
    Layer.provideMerge(CacheManager.layerRedis),
    Layer.provideMerge(Redis.layer({ port: redis })),
    Layer.provideMerge(CacheConfig.layer({ namespace }))
  )
  const context = yield* Layer.build(Server.layer({ port: 0, source: "simulated" }).pipe(Layer.provide(caches)))
  const port = portOf(context)
  for (const path of Object.values(paths)) yield* ask(port, path)
  return port
})

/** Its answers by path: headers and bytes. */
export const answers = Effect.fnUntraced(function* (redis: number, namespace: string) {
  const port = yield* serve(redis, namespace)
  const found = yield* Effect.forEach(Object.values(paths), (path) =>
    Effect.map(ask(port, path), (answer) => [path, answer] as const)
  )
  return new Map(found)
}, Effect.scoped)
