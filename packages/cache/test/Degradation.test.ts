import { assert, describe, it } from "@effect/vitest"
import { CacheManager, CacheMetrics, DependencyGraph, DomainCache, LiveView, Lookup, Tag } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { RedisServer, TcpProxy } from "@letletme/testing"
import { Context, Effect, Fiber, Layer, Metric, PubSub, Ref, Schema } from "effect"
import { createConnection } from "node:net"
import { eventually } from "./tiers.ts"

class Values extends DomainCache.Service<Values>()("test/Values", {
  graph: DependencyGraph.make({ value: [] }),
  domain: "value",
  id: Schema.String,
  value: Schema.Int,
  timeToLive: "metadata",
  lookup: () => Effect.succeed(Lookup.found(1))
}) {}

interface World {
  readonly server: RedisServer["Service"]
  readonly proxy: TcpProxy.TcpProxy
  /** Past the proxy. */
  readonly direct: Redis["Service"]
}

/** What befalls Redis; what that answers makes it well again. */
type Trouble = (world: World) => Effect.Effect<Effect.Effect<unknown, unknown>, unknown>

const send = ({ direct }: World, ...commands: ReadonlyArray<ReadonlyArray<string>>) =>
  Effect.forEach(commands, ([command = "", ...args]) => direct.send(command, ...args))

/** Redis does not answer, and is to be left alone. */
const silent: Record<string, Trouble> = {
  hanging: ({ server }) => Effect.as(server.pause, server.resume),
  "slow, 200 ms each way": ({ proxy }) =>
    Effect.as(proxy.become({ _tag: "Slow", latency: 200 }), proxy.become({ _tag: "Open" }))
}

/** What a server answers before a client counts it as ready. */
const ping = (port: number) =>
  Effect.callback<string>((resume) => {
    const answer = (text: string) => {
      socket.destroy()
      resume(Effect.succeed(text))
    }
    const socket = createConnection({ host: "127.0.0.1", port }, () => socket.write("PING\r\n"))
    socket.on("data", (data) => answer(data.toString()))
    socket.on("error", ({ message }) => answer(message))
  })

/** Redis refuses at once: connections, commands while it loads, or writes alone. */
const unwilling: Record<string, Trouble> = {
  loading: (world) =>
    Effect.gen(function* () {
      yield* send(world, ["DEBUG", "POPULATE", "20000"], ["SAVE"])
      yield* world.server.kill
      const slowly = ["--key-load-delay", "100", "--loading-process-events-interval-bytes", "1024"]
      const loaded = yield* Effect.forkDetach(world.server.startWith(slowly))
      yield* eventually(Effect.filterOrFail(ping(world.server.port), (answer) => answer.startsWith("-LOADING")))
      return loaded
    }).pipe(Effect.map(Fiber.join)),
  "refusing connections": ({ proxy }) =>
    Effect.as(Effect.andThen(proxy.become({ _tag: "Refuse" }), proxy.reset), proxy.become({ _tag: "Open" })),
  "gone, and restarted": ({ server }) => Effect.as(server.kill, server.start),
  "out of memory": (world) =>
    Effect.as(
      send(world, ["CONFIG", "SET", "maxmemory-policy", "noeviction"], ["CONFIG", "SET", "maxmemory", "1"]),
      send(world, ["CONFIG", "SET", "maxmemory", "0"])
    ),
  "read-only": (world) =>
    Effect.as(send(world, ["REPLICAOF", "127.0.0.1", "1"]), send(world, ["REPLICAOF", "NO", "ONE"]))
}

const bound = 300

/** Has all fibers of an effect counted, and tells how many there are. */
const counted = <A, E, R>(use: (alive: Effect.Effect<number>) => Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    let alive = 0
    return Effect.provideService(use(Effect.sync(() => alive)), Metric.FiberRuntimeMetrics, {
      recordFiberStart: () => {
        alive++
      },
      recordFiberEnd: () => {
        alive--
      }
    })
  })

/** The least of what is counted in a moment in which nothing is asked. */
const atRest = (count: Effect.Effect<number>) =>
  Effect.map(Effect.replicateEffect(Effect.andThen(Effect.sleep(10), count), 10), (counts) => Math.min(...counts))

describe.concurrent("with the defaults, while Redis is", () => {
  for (const [name, trouble] of Object.entries({ ...silent, ...unwilling })) {
    it.live(`${name}: a cold key is answered in time, all is well a second after the end, and no fiber is left`, () =>
      counted(
        Effect.fnUntraced(
          function* (fibers) {
            const server = yield* RedisServer
            const proxy = yield* TcpProxy.make(server.port)
            const direct = Context.get(yield* Layer.build(Redis.layer({ port: server.port, lazy: true })), Redis)
            const world = { server, proxy, direct }
            const cache = yield* Layer.build(
              Values.layer.pipe(
                Layer.provideMerge(CacheManager.layerRedis),
                Layer.provide(Layer.fresh(Redis.layer({ port: proxy.port })))
              )
            )
            const values = Context.get(cache, Values)
            const live = Context.get(cache, LiveView)
            const { counts } = Context.get(cache, CacheMetrics)
            const breaker: Array<string> = []
            const events = yield* Context.get(cache, CacheManager).events
            yield* Effect.forkScoped(
              Effect.forever(
                Effect.map(PubSub.take(events), (event) => {
                  if (event._tag === "Breaker") breaker.push(`${event.dependency} ${event.state}`)
                })
              )
            )
            yield* values.get("known")

            const took: Array<number> = []
            const read = (id: string) =>
              Effect.gen(function* () {
                const from = performance.now()
                assert.strictEqual(yield* values.get(id), 1)
                took.push(performance.now() - from)
              })
            const round = (name: string) =>
              Effect.forEach([1, 2, 3, 4], (index) => read(`${name} ${index}`), { concurrency: "unbounded" })
            // What this machine, as busy as it is now, needs for a cold key while all is well.
            for (let index = 0; index < 10; index++) yield* Effect.andThen(round(`before ${index}`), Effect.sleep(10))
            const pace = Math.max(...took.splice(0))
            const fibersBefore = yield* atRest(fibers)

            const end = yield* trouble(world)
            // Before the cache knows, when it does, and on while it does not trust its view any more.
            for (let index = 0; index < 30; index++) yield* Effect.andThen(round(`${index}`), Effect.sleep(40))
            assert.isBelow(took.toSorted((a, b) => b - a)[1] ?? Number.NaN, bound + 5 * pace)
            const { storeErrors } = yield* counts
            // Far fewer than reads: what does not answer is left alone.
            assert.isBelow(storeErrors["read"] ?? 0, 20)

            yield* end
            const from = performance.now()
            const isWell = Effect.gen(function* () {
              const before = (yield* counts).domains["value"]?.storeHits ?? 0
              yield* values.get("anew")
              yield* values.get("anew", { skip: "near" })
              const after = (yield* counts).domains["value"]?.storeHits ?? 0
              if (!live.isTrusted(Date.now()) || after === before) return yield* Effect.fail("not yet")
            })
            yield* eventually(isWell)
            const millis = performance.now() - from
            assert.isBelow(millis, 1_000 + 10 * pace)
            if (name in silent) {
              assert.isTrue(breaker.includes("store Open"))
              assert.strictEqual(
                breaker.findLast((one) => one.startsWith("store")),
                "store Closed"
              )
            }
            yield* eventually(Effect.filterOrFail(fibers, (now) => now <= fibersBefore))
          },
          Effect.scoped,
          Effect.provide(RedisServer.layer)
        )
      )
    )
  }
})

const countOf = (name: string) =>
  Effect.sync(() => process.getActiveResourcesInfo().filter((one) => one === name).length)

describe("with the defaults, when it is over", () => {
  const timers = countOf("Timeout")
  const sockets = countOf("TCPSocketWrap")

  it.live("no timer is left of reads that went on without a Redis that hangs", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer
      const before = yield* timers
      const reads = Values.use((values) =>
        Effect.gen(function* () {
          yield* server.pause
          yield* Effect.forEach(
            Array.from({ length: 200 }, (_, index) => `${index}`),
            (id) => values.get(id),
            {
              concurrency: "unbounded"
            }
          )
        })
      )
      yield* reads.pipe(
        Effect.provide(
          Values.layer.pipe(Layer.provide(CacheManager.layerRedis), Layer.provide(Redis.layer({ port: server.port })))
        )
      )
      yield* server.resume
      yield* eventually(Effect.filterOrFail(timers, (now) => now <= before))
    }).pipe(Effect.provide(RedisServer.layer))
  )

  it.live("no fiber, timer or socket is left of one outage after another, in a cache that goes on", () =>
    counted(
      Effect.fnUntraced(
        function* (fibers) {
          const server = yield* RedisServer
          const proxy = yield* TcpProxy.make(server.port)
          const direct = Context.get(yield* Layer.build(Redis.layer({ port: server.port, lazy: true })), Redis)
          const cache = yield* Layer.build(
            Values.layer.pipe(
              Layer.provideMerge(CacheManager.layerRedis),
              Layer.provide(Layer.fresh(Redis.layer({ port: proxy.port })))
            )
          )
          const values = Context.get(cache, Values)
          const live = Context.get(cache, LiveView)
          const ask = (round: string) =>
            Effect.forEach(
              Array.from({ length: 50 }, (_, index) => `${round} ${index}`),
              (id) => values.get(id),
              {
                concurrency: "unbounded"
              }
            )
          yield* ask("well")
          yield* values.get("well", { skip: "near" })
          const counts = { fibers, timers, sockets }
          const before = yield* Effect.all({ fibers: atRest(fibers), timers: atRest(timers), sockets: atRest(sockets) })
          // Several of a kind: one fiber more or less is that which waits for the log, or not.
          const outages = ["hanging", "refusing connections", "hanging", "out of memory", "read-only", "hanging"]
          for (const name of outages) {
            const trouble = silent[name] ?? unwilling[name]
            if (trouble === undefined) return assert.fail(name)
            const end = yield* trouble({ server, proxy, direct })
            for (const round of [1, 2, 3]) yield* Effect.andThen(ask(`${name} ${round}`), Effect.sleep(30))
            yield* end
            yield* eventually(
              Effect.suspend(() => (live.isTrusted(Date.now()) ? Effect.void : Effect.fail("not trusted yet")))
            )
            const after = Effect.flatMap(Effect.all(counts), (now) =>
              now.fibers <= before.fibers && now.timers <= before.timers && now.sockets <= before.sockets
                ? Effect.void
                : Effect.fail(`${name}: ${JSON.stringify({ before, now })}`)
            )
            yield* eventually(after)
          }
        },
        Effect.scoped,
        Effect.provide(RedisServer.layer)
      )
    )
  )
})

class Truth extends Context.Service<Truth, Ref.Ref<number>>()("test/DegradationTruth") {
  static readonly layer = Layer.effect(this, Ref.make(1))
}

class Facts extends DomainCache.Service<Facts>()("test/DegradationFacts", {
  graph: DependencyGraph.make({ fact: [] }),
  domain: "fact",
  id: Schema.String,
  value: Schema.Int,
  timeToLive: "metadata",
  lookup: () => Effect.map(Truth.use(Ref.get), Lookup.found)
}) {}

describe.concurrent("with the defaults, after a cut that healed", () => {
  const cuts = {
    "that swallowed everything": (proxy: TcpProxy.TcpProxy) => proxy.become({ _tag: "Swallow" }),
    "that closed all connections": (proxy: TcpProxy.TcpProxy) =>
      Effect.andThen(proxy.become({ _tag: "Refuse" }), proxy.reset)
  }
  for (const [name, cut] of Object.entries(cuts)) {
    it.live(`${name}, nothing that was invalidated meanwhile is served from memory`, () =>
      Effect.gen(function* () {
        const { port } = yield* RedisServer
        const truth = yield* Truth
        const proxy = yield* TcpProxy.make(port)
        const over = (port: number) =>
          Layer.build(
            Layer.fresh(
              Facts.layer.pipe(
                Layer.provideMerge(CacheManager.layerRedis),
                Layer.provide(Layer.fresh(Redis.layer({ port }))),
                Layer.provide(Layer.succeed(Truth, truth))
              )
            )
          )
        const [cutOff, other] = [yield* over(proxy.port), yield* over(port)]
        const facts = Context.get(cutOff, Facts)
        const live = Context.get(cutOff, LiveView)
        const isTrusted = Effect.sync(() => live.isTrusted(Date.now()))
        const trusts = (expected: boolean) => eventually(Effect.filterOrFail(isTrusted, (is) => is === expected))
        assert.strictEqual(yield* facts.get("a"), 1)
        yield* cut(proxy)
        yield* Ref.set(truth, 2)
        yield* Context.get(other, CacheManager).invalidate({ primary: Tag.of("fact", "a") })
        // Nobody asks for it until the log is heard again: in memory is what was there before.
        yield* trusts(false)
        yield* proxy.become({ _tag: "Open" })
        yield* trusts(true)
        for (let index = 0; index < 20; index++) assert.strictEqual(yield* facts.get("a"), 2)
      }).pipe(Effect.scoped, Effect.provide([RedisServer.layer, Truth.layer]))
    )
  }
})
