/**
 * The soak: the caches of the game with a warmer and readers, under random faults, and whether their memory stays flat.
 */
import { CacheManager, Warmer } from "@letletme/cache"
import { MatchCache, SeasonSync, SimulatedSeason, StandingCache, TeamCache } from "@letletme/fpl"
import { Redis, RedisConfig } from "@letletme/redis"
import { RedisServer, TcpProxy } from "@letletme/testing"
import { ConfigProvider, Console, Effect, Layer, Option, Random, Schedule, Schema } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as App from "./App.ts"
import * as Slope from "./Slope.ts"
import * as Source from "./Source.ts"

export interface Options {
  readonly minutes: number
  /** Readers at once; each reads, and rests for a few milliseconds. */
  readonly readers: number
}

export interface Report {
  readonly minutes: number
  readonly reads: number
  readonly failedReads: number
  readonly polls: number
  readonly faults: number
  readonly samples: number
  readonly heap: Slope.Slope
  readonly redis: Slope.Slope
  readonly isFlat: boolean
}

// The collector in hand: what is measured is what is held, not what waits to be collected.
setFlagsFromString("--expose-gc")
const collect = Schema.decodeUnknownSync(
  Schema.declare((value: unknown): value is () => void => typeof value === "function")
)(runInNewContext("gc"))

const season = SimulatedSeason.defaults.season

const reader = Effect.map(Effect.all([MatchCache, TeamCache, StandingCache]), ([matches, teams, standings]) =>
  Effect.gen(function* () {
    const kind = yield* Random.nextIntBetween(0, 9)
    const id = yield* Random.nextIntBetween(1, 380)
    if (kind < 5) return yield* matches.find({ season, id })
    if (kind < 8) return yield* teams.find({ season, id: (id % 20) + 1 })
    return yield* standings.find({ season, scope: { _tag: "Overall" } })
  })
)

const usedMemory = Redis.use((redis) => redis.send("INFO", "memory")).pipe(
  Effect.map((text) => Number(/used_memory:(\d+)/.exec(String(text))?.[1] ?? Number.NaN))
)

/** One fault, for a second or less; then all is well again. */
const inflict = Effect.fnUntraced(function* (proxy: TcpProxy.TcpProxy) {
  const server = yield* RedisServer
  const kind = yield* Random.nextIntBetween(0, 5)
  const length = yield* Random.nextIntBetween(100, 1_000)
  const through = (condition: TcpProxy.Condition) =>
    Effect.andThen(proxy.become(condition), Effect.delay(proxy.become({ _tag: "Open" }), length))
  switch (kind) {
    case 0:
      return yield* through({ _tag: "Swallow" })
    case 1:
      return yield* through({ _tag: "Slow", latency: 50 })
    case 2:
      return yield* proxy.reset
    case 3:
      return yield* Effect.andThen(server.pause, Effect.delay(server.resume, length))
    default:
      return yield* Redis.use((redis) => redis.send("SCRIPT", "FLUSH"))
  }
})

/** Runs it, on a Redis of its own. */
export const run = Effect.fn("soak")(function* ({ minutes, readers }: Options) {
  const server = yield* RedisServer
  const proxy = yield* TcpProxy.make(server.port)
  const counts = { reads: 0, failedReads: 0, polls: 0, faults: 0 }
  const count = (name: keyof typeof counts) =>
    Effect.sync(() => {
      counts[name]++
    })
  const config = RedisConfig.make({ host: "127.0.0.1", port: proxy.port, commandTimeout: 500 })
  const shared = {
    deductions: Option.none(),
    source: "simulated",
    season: Option.none(),
    store: Option.none(),
    json: false
  }
  // A log that is full soon: until it is, Redis has to grow.
  const settings = ConfigProvider.layer(ConfigProvider.fromUnknown({ CACHE_LOG_LENGTH: "20" }))
  const app = App.layer(shared, { _tag: "Redis", config }, { _tag: "Memory" }, Source.layer(shared)).pipe(
    Layer.provide(settings)
  )
  const samples: Array<{ readonly minutes: number; readonly heap: number; readonly redis: number }> = []
  let startedAt = performance.now()
  const passed = () => (performance.now() - startedAt) / 60_000

  const load = Effect.gen(function* () {
    const sync = yield* SeasonSync
    const warmer = yield* Warmer
    const read = yield* reader
    const poll = Effect.andThen(Effect.andThen(sync.poll, warmer.warm), count("polls"))
    // Warm before anything is read, or counted.
    yield* poll
    startedAt = performance.now()
    yield* Effect.forkScoped(Effect.repeat(Effect.ignore(poll), Schedule.spaced("1 second")))
    const reading = Effect.matchEffect(read, { onSuccess: () => count("reads"), onFailure: () => count("failedReads") })
    yield* Effect.forEach(
      Array.from({ length: readers }),
      () => Effect.forkScoped(Effect.repeat(reading, Schedule.spaced("5 millis"))),
      { discard: true }
    )
    const faults = Effect.andThen(Effect.ignore(inflict(proxy)), count("faults"))
    yield* Effect.forkScoped(Effect.repeat(Effect.delay(faults, "2 seconds"), Schedule.forever))
    const sample = Effect.gen(function* () {
      collect()
      const redis = yield* Effect.option(Effect.timeout(usedMemory, "1 second"))
      const { heapUsed } = process.memoryUsage()
      if (Option.isSome(redis)) samples.push({ minutes: passed(), heap: heapUsed, redis: redis.value })
    })
    yield* Effect.forkScoped(Effect.repeat(sample, Schedule.spaced(Math.min(5_000, minutes * 1_000))))
    yield* Effect.sleep(minutes * 60_000)
    return yield* CacheManager.use((manager) => manager.position)
  }).pipe(Effect.scoped)

  yield* Effect.provide(load, app)
  // What a process holds once it is warm: the first third is not looked at.
  const warm = samples.filter((one) => one.minutes >= minutes / 3)
  const heap = Slope.of(warm.map(({ heap: bytes, minutes: at }) => ({ minutes: at, bytes })))
  const redis = Slope.of(warm.map(({ minutes: at, redis: bytes }) => ({ minutes: at, bytes })))
  const report: Report = {
    minutes,
    ...counts,
    samples: warm.length,
    heap,
    redis,
    isFlat: heap.isFlat && redis.isFlat
  }
  return report
})

/** Everything that {@link run} needs: a server of its own, and a connection past the faults. */
export const layer = Layer.unwrap(RedisServer.use(({ port }) => Effect.succeed(Redis.layer({ port })))).pipe(
  Layer.provideMerge(RedisServer.layer)
)

const mebibytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(2)} MiB`

const line = (name: string, { growth, isFlat, mean, perMinute, standardError }: Slope.Slope) =>
  `${name.padEnd(6)} ${mebibytes(mean)}, ${mebibytes(perMinute)} a minute ± ${mebibytes(standardError)}, ${(growth * 100).toFixed(1)} % in all: ${isFlat ? "flat" : "it grows"}`

/** Prints what came of it. */
export const show = (report: Report, json: boolean) =>
  Console.log(
    json
      ? JSON.stringify(report, null, 2)
      : [
          `${report.minutes} minutes: ${report.reads} reads, ${report.failedReads} failed, ${report.polls} polls, ${report.faults} faults, ${report.samples} samples.`,
          line("heap", report.heap),
          line("redis", report.redis)
        ].join("\n")
  )
