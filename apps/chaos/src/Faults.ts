/**
 * What is done to the processes, to Redis, to the lines between them, and to the source.
 */
import type { RedisError } from "@letletme/redis"
import type { RedisServerError } from "@letletme/testing/RedisServer"
import type * as TcpProxy from "@letletme/testing/TcpProxy"
import { Array as Arr, Effect, Random, Schedule, Stream } from "effect"
import type { Fleet, FleetError, Worker } from "./Fleet.ts"
import type { Judge } from "./Judge.ts"
import type { Servers, ServersError } from "./Servers.ts"
import * as Truth from "./Truth.ts"

/** What faults reach. */
export interface World {
  readonly fleet: Fleet
  readonly servers: Servers
  readonly truth: Truth.Truth
  readonly judge: Judge
  /** Told when keys were evicted: how many. */
  readonly onEvicted: (count: number) => void
}

type Failure = RedisError | RedisServerError | ServersError | FleetError

/** A fault: it is over when its effect is. */
export type Fault = (world: World) => Effect.Effect<void, Failure>

const between = (least: number, most: number): Effect.Effect<number> => Random.nextIntBetween(least, most)

const send = ({ servers }: World, ...[command, ...args]: readonly [string, ...Array<string | number>]) =>
  Effect.suspend(() => servers.primary().redis.send(command, ...args))

/** Redis is away meanwhile, for everybody. */
const away = <A, E>({ judge }: World, meanwhile: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() => judge.away()),
    () => meanwhile,
    (back) => Effect.sync(back)
  )

/** Kills Redis, and starts it anew some time later, in some way. */
const crash = (world: World, start: (world: World) => Effect.Effect<void, Failure>) =>
  away(
    world,
    Effect.gen(function* () {
      yield* world.servers.primary().process.kill
      yield* Effect.sleep(yield* between(200, 1_500))
      yield* start(world)
      yield* world.servers.isBack
    })
  )

const proxies = ({ fleet }: World): ReadonlyArray<TcpProxy.TcpProxy> => fleet.workers.map(({ proxy }) => proxy)

const all = (world: World, what: (proxy: TcpProxy.TcpProxy) => Effect.Effect<void>) =>
  Effect.forEach(proxies(world), what, { discard: true })

/** Treats the bytes on some lines so, for a while. */
const weather = (lines: ReadonlyArray<TcpProxy.TcpProxy>, condition: TcpProxy.Condition, millis: number) =>
  Effect.acquireUseRelease(
    Effect.forEach(lines, (proxy) => proxy.become(condition), { discard: true }),
    () => Effect.sleep(millis),
    () => Effect.forEach(lines, (proxy) => proxy.become({ _tag: "Open" }), { discard: true })
  )

const anyOf = (workers: ReadonlyArray<Worker>): Effect.Effect<Worker, never> =>
  Effect.flatMap(Random.nextIntBetween(0, workers.length - 1), (index) =>
    Effect.fromNullishOr(workers[index]).pipe(Effect.orDie)
  )

const killOneOf = (world: World, isWriter: boolean) =>
  Effect.flatMap(anyOf(world.fleet.workers.filter((worker) => worker.isWriter === isWriter)), ({ kill }) => kill)

const junk = "chaos:junk:"

/** Limits the memory to little more than is used, and writes over it. */
const evict = Effect.fnUntraced(function* (world: World, policy: string) {
  const { servers } = world
  const redis = servers.primary().redis
  const used = Number(yield* servers.info(servers.primary(), "used_memory"))
  const before = Number(yield* servers.info(servers.primary(), "evicted_keys"))
  yield* Effect.acquireUseRelease(
    Effect.andThen(
      redis.send("CONFIG", "SET", "maxmemory-policy", policy),
      redis.send("CONFIG", "SET", "maxmemory", used + 300_000)
    ),
    () =>
      Effect.gen(function* () {
        const rounds = yield* between(20, 40)
        for (let round = 0; round < rounds; round++) {
          yield* redis.pipeline(
            Arr.makeBy(60, (index) => ["SET", `${junk}${round}:${index}`, "x".repeat(1_000)] as const)
          )
          yield* Effect.sleep(40)
        }
      }),
    () => Effect.ignore(redis.send("CONFIG", "SET", "maxmemory", 0))
  )
  world.onEvicted(Number(yield* servers.info(servers.primary(), "evicted_keys")) - before)
  yield* Stream.runForEach(redis.scan(`${junk}*`), redis.remove)
})

/** Every fault by its name. */
export const faults: Readonly<Record<string, Fault>> = {
  "Redis killed, back empty": (world) =>
    crash(world, ({ servers }) => {
      const { start, wipe } = servers.primary().process
      return Effect.andThen(wipe, start)
    }),
  "Redis killed, back with an old RDB file": Effect.fnUntraced(function* (world) {
    // It is refused while the replica is sent a copy.
    yield* Effect.retry(send(world, "SAVE"), { schedule: Schedule.spaced("20 millis"), times: 250 })
    yield* Effect.sleep(yield* between(300, 1_000))
    yield* crash(world, ({ servers }) => servers.primary().process.start)
  }),
  "Redis killed, back with its AOF": Effect.fnUntraced(function* (world) {
    yield* send(world, "CONFIG", "SET", "appendonly", "yes")
    yield* Effect.sleep(yield* between(500, 1_000))
    yield* crash(world, ({ servers }) => servers.primary().process.startWith(["--appendonly", "yes"]))
    yield* send(world, "CONFIG", "SET", "appendonly", "no")
  }),
  "Redis stopped": (world) => {
    const { pause, resume } = world.servers.primary().process
    return away(
      world,
      Effect.acquireUseRelease(
        pause,
        () => Effect.flatMap(between(500, 3_000), Effect.sleep),
        () => resume
      )
    )
  },
  "Replica promoted, writes lost": Effect.fnUntraced(function* (world) {
    const { servers } = world
    yield* servers.deafen
    yield* Effect.sleep(yield* between(200, 600))
    yield* away(
      world,
      Effect.andThen(
        servers.failOver,
        Effect.suspend(() => all(world, ({ switchTo }) => switchTo(servers.primary().process.port)))
      )
    )
    yield* servers.replaceLost
  }),
  "Connections reset": Effect.fnUntraced(function* (world) {
    for (let times = yield* between(1, 4); times > 0; times--) {
      yield* all(world, ({ resetInReply }) => resetInReply)
      yield* Effect.sleep(yield* between(50, 300))
    }
  }),
  "Half-open connections": (world) =>
    away(
      world,
      Effect.flatMap(between(500, 2_000), (millis) => weather(proxies(world), { _tag: "Swallow" }, millis))
    ),
  "One process cut off": Effect.fnUntraced(function* (world) {
    const { proxy } = yield* anyOf(world.fleet.workers)
    yield* weather([proxy], { _tag: "Swallow" }, yield* between(300, 2_000))
  }),
  Latency: Effect.fnUntraced(function* (world) {
    yield* weather(proxies(world), { _tag: "Slow", latency: yield* between(5, 60) }, yield* between(800, 1_800))
  }),
  "Little bandwidth": Effect.fnUntraced(function* (world) {
    const bandwidth = 1_000 * (yield* between(100, 500))
    yield* weather(proxies(world), { _tag: "Slow", bandwidth }, yield* between(800, 1_800))
  }),
  FLUSHALL: (world) => send(world, "FLUSHALL"),
  "CLIENT KILL": (world) => send(world, "CLIENT", "KILL", "TYPE", "normal"),
  "SCRIPT FLUSH": (world) => send(world, "SCRIPT", "FLUSH"),
  "Eviction, allkeys-lru": (world) => evict(world, "allkeys-lru"),
  "Eviction, allkeys-random": (world) => evict(world, "allkeys-random"),
  "Reader killed": (world) => killOneOf(world, false),
  "Writer killed": (world) => killOneOf(world, true),
  "Process stopped": Effect.fnUntraced(function* (world) {
    const { stopped } = yield* anyOf(world.fleet.workers)
    yield* stopped(Effect.sleep(yield* between(300, 2_500)))
  }),
  "Source failing": (world) => mood(world, { failing: 0.7, slow: 0 }),
  "Source slow": (world) => mood(world, { failing: 0, slow: 0.3 })
}

const mood = Effect.fnUntraced(function* ({ truth }: World, to: Truth.Mood) {
  truth.setMood(to)
  yield* Effect.ensuring(
    Effect.flatMap(between(500, 2_000), Effect.sleep),
    Effect.sync(() => truth.setMood(Truth.calm))
  )
})
