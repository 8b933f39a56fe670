/**
 * What is done to the processes, to Redis, to the lines between them, and to the source.
 */
import type { Redis, RedisError } from "@letletme/redis"
import type { RedisCluster, RedisClusterError } from "@letletme/testing/RedisCluster"
import type { RedisSentinel, RedisSentinelError } from "@letletme/testing/RedisSentinel"
import type { RedisServerError } from "@letletme/testing/RedisServer"
import type * as TcpProxy from "@letletme/testing/TcpProxy"
import { Array as Arr, Effect, Random, Schedule, Stream } from "effect"
import type { Fleet, FleetError } from "./Fleet.ts"
import type { Judge } from "./Judge.ts"
import type { Servers, ServersError } from "./Servers.ts"
import * as Truth from "./Truth.ts"

/** What faults reach; the servers are of one topology or another. */
export interface World<S> {
  readonly fleet: Fleet
  readonly servers: S
  readonly truth: Truth.Truth
  readonly judge: Judge
  /** Told when keys were evicted: how many. */
  readonly onEvicted: (count: number) => void
}

type Failure = RedisError | RedisServerError | RedisClusterError | RedisSentinelError | ServersError | FleetError

/** A fault: it is over when its effect is. */
export type Fault<S> = (world: World<S>) => Effect.Effect<void, Failure>

type Faults<S> = Readonly<Record<string, Fault<S>>>

const between = (least: number, most: number): Effect.Effect<number> => Random.nextIntBetween(least, most)

const send = ({ servers }: World<Servers>, ...[command, ...args]: readonly [string, ...Array<string | number>]) =>
  Effect.suspend(() => servers.primary().redis.send(command, ...args))

/** Redis is away meanwhile, for everybody. */
const away = <A, E>({ judge }: World<unknown>, meanwhile: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() => judge.away()),
    () => meanwhile,
    (back) => Effect.sync(back)
  )

/** Kills Redis, and starts it anew some time later, in some way. */
const crash = (world: World<Servers>, start: (world: World<Servers>) => Effect.Effect<void, Failure>) =>
  away(
    world,
    Effect.gen(function* () {
      yield* world.servers.primary().process.kill
      yield* Effect.sleep(yield* between(200, 1_500))
      yield* start(world)
      yield* world.servers.isBack
    })
  )

const proxies = ({ fleet }: World<Servers>): ReadonlyArray<TcpProxy.TcpProxy> =>
  fleet.workers.flatMap(({ proxy }) => proxy ?? [])

const all = (world: World<Servers>, what: (proxy: TcpProxy.TcpProxy) => Effect.Effect<void>) =>
  Effect.forEach(proxies(world), what, { discard: true })

/** Treats the bytes on some lines so, for a while. */
const weather = (lines: ReadonlyArray<TcpProxy.TcpProxy>, condition: TcpProxy.Condition, millis: number) =>
  Effect.acquireUseRelease(
    Effect.forEach(lines, (proxy) => proxy.become(condition), { discard: true }),
    () => Effect.sleep(millis),
    () => Effect.forEach(lines, (proxy) => proxy.become({ _tag: "Open" }), { discard: true })
  )

const anyOf = <A>(all: ReadonlyArray<A>): Effect.Effect<A> =>
  Effect.flatMap(Random.nextIntBetween(0, all.length - 1), (index) =>
    Effect.fromNullishOr(all[index]).pipe(Effect.orDie)
  )

const killOneOf = (world: World<unknown>, isWriter: boolean) =>
  Effect.flatMap(anyOf(world.fleet.workers.filter((worker) => worker.isWriter === isWriter)), ({ kill }) => kill)

const junk = "chaos:junk:"

/** Limits the memory to little more than is used, and writes over it. */
const evict = Effect.fnUntraced(function* (world: World<Servers>, policy: string) {
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

/** What befalls the processes and their source, wherever Redis is. */
const common: Faults<unknown> = {
  "Reader killed": (world) => killOneOf(world, false),
  "Writer killed": (world) => killOneOf(world, true),
  "Process stopped": Effect.fnUntraced(function* (world) {
    const { stopped } = yield* anyOf(world.fleet.workers)
    yield* stopped(Effect.sleep(yield* between(300, 2_500)))
  }),
  "Source failing": (world) => mood(world, { failing: 0.7, slow: 0 }),
  "Source slow": (world) => mood(world, { failing: 0, slow: 0.3 })
}

/** Of one server, which has a replica, and proxies before it. */
export const standalone: Faults<Servers> = {
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
    const proxy = yield* anyOf(proxies(world))
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
  ...common
}

/** Has all of these servers carry out a command. */
const everywhere = (
  servers: ReadonlyArray<{ readonly redis: Redis["Service"] }>,
  command: string,
  ...args: ReadonlyArray<string>
) => Effect.forEach(servers, ({ redis }) => redis.send(command, ...args), { discard: true })

/** The same for those that are primaries now. */
const onPrimaries = <S extends { readonly primaries: Effect.Effect<Parameters<typeof everywhere>[0], E> }, E>(
  { servers }: World<S>,
  command: string,
  ...args: ReadonlyArray<string>
) => Effect.flatMap(servers.primaries, (primaries) => everywhere(primaries, command, ...args))

const slotCount = 16_384
// Where table and log are.
const logSlot = 10_066
const moved = 1_000

/** Half of the time a primary that has entries alone. */
const anySlot = Effect.flatMap(Random.nextBoolean, (isLog) =>
  isLog ? Effect.succeed(logSlot) : between(0, slotCount - 1)
)

/** Of a cluster. */
export const cluster: Faults<RedisCluster["Service"]> = {
  "Primary killed, its replica promoted": (world) =>
    Effect.flatMap(anySlot, (slot) => Effect.flatten(away(world, world.servers.failOver(slot)))),
  "Primary stopped, its replica promoted": (world) =>
    Effect.flatMap(anySlot, (slot) => Effect.flatten(away(world, world.servers.failOver(slot, "pause")))),
  "Primary handed over": (world) => Effect.flatMap(anySlot, world.servers.handOver),
  "1,000 slots moved": Effect.fnUntraced(function* ({ servers }) {
    // The log's slot is among them.
    const slots = Array.from({ length: moved }, (_, index) => (logSlot - moved / 2 + index + slotCount) % slotCount)
    const from = yield* servers.primaryOf(logSlot)
    const others = (yield* servers.primaries).filter(({ id }) => id !== from.id)
    yield* servers.reshard(slots, yield* anyOf(others))
  }),
  "FLUSHALL everywhere": (world) => onPrimaries(world, "FLUSHALL"),
  "CLIENT KILL everywhere": ({ servers }) => everywhere(servers.nodes, "CLIENT", "KILL", "TYPE", "normal"),
  "SCRIPT FLUSH everywhere": (world) => onPrimaries(world, "SCRIPT", "FLUSH"),
  ...common
}

/** Of servers under sentinels. */
export const sentinel: Faults<RedisSentinel["Service"]> = {
  "Primary killed, a replica promoted": (world) => Effect.flatten(away(world, world.servers.failOver())),
  "Primary stopped, a replica promoted": (world) => Effect.flatten(away(world, world.servers.failOver("pause"))),
  "Primary handed over": ({ servers }) => servers.handOver,
  FLUSHALL: ({ servers }) => Effect.flatMap(servers.primary, ({ redis }) => Effect.asVoid(redis.send("FLUSHALL"))),
  "CLIENT KILL": ({ servers }) =>
    Effect.flatMap(servers.primary, ({ redis }) => Effect.asVoid(redis.send("CLIENT", "KILL", "TYPE", "normal"))),
  ...common
}

const mood = Effect.fnUntraced(function* ({ truth }: World<unknown>, to: Truth.Mood) {
  truth.setMood(to)
  yield* Effect.ensuring(
    Effect.flatMap(between(500, 2_000), Effect.sleep),
    Effect.sync(() => truth.setMood(Truth.calm))
  )
})
