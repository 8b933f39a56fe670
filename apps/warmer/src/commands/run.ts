/**
 * `run`: the daemon. Source poll → difference → update → cascade → warm again, with health and metrics beside it.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import {
  Advice,
  CacheConfig,
  type CacheManager,
  ConsistencyMonitor,
  ErrorFlow,
  Leadership,
  LiveView,
  Recovery,
  Refresh,
  Warmer
} from "@letletme/cache"
import { ExitCode } from "@letletme/command"
import { CurrentSeason, currentId, FplSource, graph, SeasonSync, StandingCache } from "@letletme/fpl"
import { Redis } from "@letletme/redis"
import { Clock, Console, Cron, Effect, Exit, Layer, Option, Ref, Schedule } from "effect"
import { HttpServer } from "effect/http"
import { createServer } from "node:http"
import * as App from "../App.ts"
import { describe, placeOf } from "../Database.ts"
import { Health } from "../Health.ts"
import * as Maintenance from "../Maintenance.ts"
import * as Recoveries from "../Recoveries.ts"
import { answer, showProgress, table } from "../Output.ts"
import { onSignal, Reload } from "../Reload.ts"
import { Rotations } from "../Rotations.ts"
import * as Server from "../Server.ts"
import { describeStore, SettingError, type Shared, type Store, storeOf } from "../Settings.ts"
import * as Source from "../Source.ts"
import { stop } from "../Stopping.ts"
import * as Telemetry from "../Telemetry.ts"
import { untilNextPoll } from "../untilNextPoll.ts"

/** What the daemon is told beside the shared flags. */
export interface Options {
  readonly every: Option.Option<number>
  readonly port: number
  readonly speed: number
  readonly seed: number
  readonly monitor: Option.Option<number>
  readonly lease: number
  readonly stopWithin: number
  readonly rotationRate: number
  readonly maintenance: Option.Option<string>
  readonly settings: Option.Option<string>
  readonly backupOnStop: Option.Option<string>
}

// How often a process looks at its own memory.
const memoryCheck = "1 minute"

// The source's client and that of Redis try again by themselves: once more is enough.
const retry = Schedule.exponential("200 millis").pipe(Schedule.upTo({ times: 1 }))

/** A monitor of what the caches hold, if one is wanted: what is asked is the revision in memory, which costs nothing. */
const monitor = (
  window: number,
  every: number,
  when: Effect.Effect<boolean>
): Layer.Layer<never, never, CacheManager> =>
  Layer.unwrap(
    Effect.map(CacheConfig.Settings, ({ maxStaleness }) =>
      ConsistencyMonitor.layer({
        window: window * 1000,
        when,
        share: Number.POSITIVE_INFINITY,
        // What another warmer announced, this one knows after its next poll.
        grace: Math.max(maxStaleness, every * 1000) * 2
      })
    )
  )

/** What is to be mended in how Redis is set up, where there is one. */
const advice = (store: Store) =>
  Layer.unwrap(
    Effect.map(Effect.serviceOption(Redis), (redis) =>
      store._tag === "Memory" || Option.isNone(redis)
        ? Layer.empty
        : Advice.Advice.layer({ name: describeStore(store), readFrom: store.config.readFrom }).pipe(
            Layer.provide(Layer.succeed(Redis, redis.value))
          )
    )
  )

/** Polls once. Answers whether the source did. */
const poll = Effect.fn("poll")(function* () {
  const sync = yield* SeasonSync
  const warmer = yield* Warmer
  const health = yield* Health
  const errors = yield* ErrorFlow
  const exit = yield* Effect.exit(errors.handle(sync.poll, { domain: "season", operation: "poll" }))
  if (Exit.isFailure(exit)) {
    const error = Option.getOrUndefined(Exit.findErrorOption(exit))
    if (error === undefined) return yield* Effect.failCause(exit.cause)
    // One that leads no longer has nothing to say of the source.
    const isFenced = error._tag === "CacheError" && error.reason._tag === "Fenced"
    if (!isFenced) yield* health.pollFailed(error.message)
    return false
  }
  const { changed, invalidated, outcome, position, time } = exit.value
  yield* health.polled(time)
  const isReady = yield* health.isReady
  if (outcome === "unchanged" && isReady) return true
  const report = yield* warmer.warm
  if (report.failures === 0) yield* health.warmed(report)
  const counts = Object.entries(changed).flatMap(([domain, keys]) =>
    keys.length === 0 ? [] : [`${keys.length} ${domain}`]
  )
  if (outcome === "published" && isReady) {
    yield* Effect.logInfo(
      `Changed: ${counts.join(", ")}; ${invalidated.length} tags appended at ${position}; ${report.loaded} entries warmed again in ${report.millis} ms`
    )
  } else {
    yield* Effect.logInfo(
      report.path === "loaded"
        ? `The cache was empty: ${report.loaded} entries loaded in ${report.millis} ms`
        : `The cache was verified: ${report.total} entries, ${counts.join(", ") || "nothing"} changed, ${report.loaded} reloaded in ${report.millis} ms`
    )
  }
  return true
})

// No span: what ends with the process would hold everything that it does in one trace.
const daemon = Effect.fnUntraced(function* (
  shared: Shared,
  every: Option.Option<number>,
  what: string,
  isCurrent: Ref.Ref<boolean>,
  maintenance: Option.Option<Cron.Cron>,
  backupTo: Option.Option<string>
) {
  // Last of all, when the work below has ended.
  yield* Effect.addFinalizer(() => stop(backupTo))

  const source = yield* FplSource
  const health = yield* Health
  const live = yield* LiveView
  const leadership = yield* Leadership
  const errors = yield* ErrorFlow
  const rotations = yield* Rotations
  const current = yield* CurrentSeason
  const standings = yield* StandingCache
  const { address } = yield* HttpServer.HttpServer
  const at = HttpServer.formatAddress(address)
  const say = shared.json ? Console.error : Console.log

  yield* say(
    [
      `LetLetMe Cache keeps ${source.season === undefined ? "the current season" : `season ${source.season}`} warm.`,
      `  source   ${source.description}, asked ${Option.match(every, {
        onNone: () => "every 30 s while a match is on, less often else",
        onSome: (seconds) => `every ${seconds} s`
      })}`,
      `  store    ${what}`,
      `  health   ${at}/health/ready   ${at}/health/live`,
      `  page     ${at}/`,
      `  metrics  ${at}/metrics`,
      "Ctrl-C ends it."
    ].join("\n")
  )
  // The first warming is the long one; those after it say what they did in a line.
  const { progress } = yield* Warmer
  yield* Effect.forkScoped(Effect.scoped(Effect.andThen(showProgress("Warming", progress), health.awaitReady)))
  yield* Effect.addFinalizer(() =>
    Effect.gen(function* () {
      const status = yield* health.status
      if (shared.json) yield* answer(true, { ...status, position: live.view.position }, () => "")
      else yield* say("Stopped.")
    })
  )

  const announce = Effect.gen(function* () {
    yield* health.awaitReady
    const season = yield* current.get(currentId)
    const id = { season, scope: { _tag: "Overall" } } as const
    const plan = { domain: "standing", operation: "read", stale: standings.peek(id) }
    const standing = yield* errors.handle(standings.get(id), plan)
    yield* say(`\nReady. The table of ${season}:\n\n${table(standing)}\n`)
  }).pipe(Effect.catch((error) => Effect.logWarning(`The table cannot be shown: ${error.message}`)))
  yield* Effect.forkScoped(announce)

  const leading = Effect.gen(function* () {
    yield* Effect.logInfo(`${leadership.name} leads`)
    // Who waits for the first warming goes first.
    yield* Effect.forkScoped(Effect.andThen(health.awaitReady, rotations.keep))
    const turn = Effect.gen(function* () {
      // One that was paused does not ask the source in another's time.
      const hasAnswered = (yield* leadership.isLeading) && (yield* poll())
      if (hasAnswered) yield* Ref.set(isCurrent, true)
      const pause = Option.isSome(every) ? every.value * 1000 : yield* untilNextPoll(hasAnswered)
      yield* health.nextPollAt((yield* Clock.currentTimeMillis) + pause)
      yield* Effect.sleep(pause)
      return hasAnswered
    })
    yield* Effect.repeat(turn, { until: (hasAnswered) => hasAnswered })
    // Not before the revision at hand is the one in force. What that invalidates the warmer loads.
    yield* Layer.build(Layer.fresh(Refresh.layer(graph, { invalidated: false })))
    return yield* Effect.forever(turn)
  }).pipe(
    Effect.scoped,
    Effect.ensuring(
      Effect.all([Ref.set(isCurrent, false), health.stoodDown, Effect.logInfo(`${leadership.name} leads no longer`)])
    )
  )
  const recovery = yield* Recovery
  yield* Effect.forkScoped(Effect.schedule(recovery.trigger("performance"), Schedule.spaced(memoryCheck)))
  yield* onSignal
  if (Option.isSome(maintenance)) yield* Effect.forkScoped(Maintenance.bySchedule(maintenance.value))
  return yield* leadership.whileLeading(leading)
}, Effect.scoped)

/** The maintenance windows that a flag names. */
const windowsOf = (stated: Option.Option<string>): Effect.Effect<Option.Option<Cron.Cron>, SettingError> =>
  Option.isNone(stated)
    ? Effect.succeedNone
    : Effect.fromResult(Cron.parse(stated.value)).pipe(
        Effect.asSome,
        Effect.mapError(({ message }) => new SettingError({ message: `--maintenance: ${message}` }))
      )

/** From a signal on the process has so many seconds: one that hangs is ended, with a code that says so. */
const endIn = (seconds: number) =>
  Effect.sync(() => {
    const begin = () => {
      setTimeout(() => {
        process.stderr.write(`It did not stop within ${seconds} s, and is ended.\n`)
        process.exit(ExitCode.notStopped)
      }, seconds * 1000).unref()
    }
    process.once("SIGTERM", begin)
    process.once("SIGINT", begin)
  })

const start = Effect.fnUntraced(function* (shared: Shared, options: Options) {
  const store = yield* storeOf(shared.store)
  const place = yield* placeOf(shared.database)
  const maintenance = yield* windowsOf(options.maintenance)
  // The simulation's life goes by faster than the clock.
  const every = shared.source === "simulated" ? Option.orElseSome(options.every, () => 2) : options.every
  if (Option.exists(every, (seconds) => !(seconds > 0)))
    return yield* new SettingError({ message: "--every: expected a number of seconds above 0" })
  if (Option.exists(options.monitor, (window) => !(window > 0))) {
    return yield* new SettingError({ message: "--monitor: expected a number of seconds above 0" })
  }
  if (!(options.lease > 0)) return yield* new SettingError({ message: "--lease: expected a number of seconds above 0" })
  if (!(options.stopWithin > 0)) {
    return yield* new SettingError({ message: "--stop-within: expected a number of seconds above 0" })
  }
  if (!(options.rotationRate > 0)) {
    return yield* new SettingError({ message: "--rotation-rate: expected a number of entries above 0" })
  }
  yield* endIn(options.stopWithin)
  // Whether the revision at hand is the one in force: that of a process that stands by grows old.
  const isCurrent = yield* Ref.make(false)
  const server = NodeHttpServer.layer(() => createServer(), {
    port: options.port,
    host: "127.0.0.1",
    gracefulShutdownTimeout: "200 millis"
  })
  const app = Server.layer.pipe(
    Layer.provideMerge(server),
    Layer.provideMerge(Telemetry.layerMetrics),
    Layer.provideMerge(Health.layer),
    Layer.provideMerge(advice(store)),
    Layer.provideMerge(Rotations.layer(options.rotationRate)),
    Layer.provideMerge(
      Option.match(options.monitor, {
        onNone: () => Layer.empty,
        onSome: (window) =>
          monitor(
            window,
            Option.getOrElse(every, () => 60),
            Ref.get(isCurrent)
          )
      })
    ),
    Layer.provideMerge(Recoveries.layerTriggers),
    Layer.provideMerge(ErrorFlow.layer({ strategies: { standing: "stale" }, retry })),
    Layer.provideMerge(Recoveries.layer),
    Layer.provideMerge(Leadership.layer({ lease: options.lease * 1000 })),
    Layer.provideMerge(App.layer(shared, store, place, Source.layer(shared, options), options.settings))
  )
  return yield* daemon(
    shared,
    every,
    `${describeStore(store)}; the season in ${describe(place)}`,
    isCurrent,
    maintenance,
    options.backupOnStop
  ).pipe(Effect.provide(app))
})

/** Runs the daemon until it is stopped. */
export const run = (shared: Shared, options: Options) =>
  start(shared, options).pipe(Reload.withSettings(options.settings))
