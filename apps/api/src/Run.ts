/**
 * Runs the API over the caches that its settings name: by itself, with a season that it fetches, or beside a warmer, with
 * whom it shares Redis and the database.
 */
import { SeasonSync } from "@letletme/fpl"
import * as App from "@letletme/warmer/App"
import { describe, type Place, placeOf } from "@letletme/warmer/Database"
import { describeStore, SettingError, type Shared, type Store, storeOf } from "@letletme/warmer/Settings"
import * as Source from "@letletme/warmer/Source"
import * as Telemetry from "@letletme/warmer/Telemetry"
import { untilNextPoll } from "@letletme/warmer/untilNextPoll"
import { Console, Effect, Layer, Option } from "effect"
import { HttpServer } from "effect/http"
import * as Server from "./Server.ts"

/** What the API is told beside where its data is. */
export interface Options {
  readonly host: string
  readonly port: number
  readonly rate: Option.Option<number>
  readonly drain: number
}

type Where = Pick<Shared, "store" | "database" | "source" | "season" | "deductions">

/** Polls the source as the season's life goes, and before anything is served. */
const layerPolls = (isSimulated: boolean) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { poll } = yield* SeasonSync
      const ask = poll.pipe(
        Effect.as(true),
        Effect.catch((error) => Effect.as(Effect.logWarning(`The source will be asked again: ${error.message}`), false))
      )
      const pause = (hasAnswered: boolean) =>
        // The simulation's life goes by faster than the clock.
        Effect.flatMap(isSimulated ? Effect.succeed(2_000) : untilNextPoll(hasAnswered), Effect.sleep)
      const first = yield* ask
      yield* Effect.forkScoped(Effect.andThen(pause(first), Effect.forever(Effect.flatMap(ask, pause))))
    })
  )

/** A cache in this process hears of nobody else's changes: what others write, it may not read. */
const fitTogether = (store: Store, place: Place): boolean => (store._tag === "Redis") === (place._tag === "Server")

const cachesOf = (where: Where, store: Store, place: Place) =>
  store._tag === "Redis"
    ? App.caches(store, place)
    : layerPolls(where.source === "simulated").pipe(
        Layer.provideMerge(App.layer(where, store, place, Source.layer(where)))
      )

const sourceName = (source: string): string => (source === "simulated" || source === "fpl" ? source : "recorded")

/** Serves until it is stopped. Requests under way are then answered first. */
export const run = Effect.fnUntraced(function* (where: Where, options: Options) {
  const store = yield* storeOf(where.store)
  const place = yield* placeOf(where.database)
  if (!fitTogether(store, place)) {
    const message =
      "--store and --database: a Redis needs the Postgres that the warmer writes to, such as --database postgres://localhost/fpl; without a Redis the season is in memory or in a folder of this process's own"
    return yield* new SettingError({ message })
  }
  if (Option.exists(options.rate, (rate) => !(rate > 0))) {
    return yield* new SettingError({ message: "--rate: expected a number of requests above 0" })
  }
  if (!(options.drain > 0)) return yield* new SettingError({ message: "--drain: expected a number of seconds above 0" })
  const server = Server.layer({
    source: sourceName(where.source),
    host: options.host,
    port: options.port,
    drain: options.drain * 1_000,
    ...(Option.isSome(options.rate) ? { perSecond: options.rate.value } : {})
  }).pipe(Layer.provide(Telemetry.layerMetrics), Layer.provide(cachesOf(where, store, place)))
  return yield* Effect.gen(function* () {
    const { address } = yield* HttpServer.HttpServer
    const at = HttpServer.formatAddress(address)
    yield* Console.log(
      [
        "LetLetMe serves what the caches hold.",
        `  store    ${describeStore(store)}; the season in ${describe(place)}`,
        `  health   ${at}/health/ready`,
        `  read     ${at}/context   ${at}/table   ${at}/matches/live`,
        `  browse   ${at}/docs`,
        "Ctrl-C ends it."
      ].join("\n")
    )
    return yield* Effect.never
  }).pipe(Effect.provide(server))
})
