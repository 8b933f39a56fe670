import { assert, describe, it } from "@effect/vitest"
import {
  Acl,
  CacheConfig,
  CacheManager,
  DependencyGraph,
  DomainCache,
  LiveView,
  Lookup,
  type PartitionOptions,
  Partitions,
  Tag
} from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Clock, Context, Deferred, Effect, Exit, Fiber, Layer, Option, PubSub, Redacted, Schema } from "effect"
import { TestClock } from "effect/testing"
import { eventually, redis, secret } from "./tiers.ts"
import { cluster } from "./topologies.ts"

const graph = DependencyGraph.make({ customer: [], order: ["customer"], total: ["order"] })

/** What the source holds, and what it was asked. */
class Source extends Context.Service<
  Source,
  { readonly customers: Map<string, string>; readonly asked: Array<string> }
>()("test/Source") {
  static readonly layer = Layer.sync(this, () => ({ customers: new Map(), asked: [] }))
}

/** Orders of tenants, such as `t-one:1`. Each is a customer's, by default of the same tenant. */
class Orders extends DomainCache.Service<Orders>()("test/Orders", {
  graph,
  domain: "order",
  id: Schema.String,
  value: Schema.String,
  timeToLive: "metadata",
  dependsOn: (customer) => [Tag.of("customer", customer)],
  lookupMany: (questions) =>
    Source.use(({ asked, customers }) =>
      Effect.sync(() => {
        asked.push(questions.map(({ id }) => id).join(" "))
        return questions.map(({ id }) =>
          id.endsWith(":none") ? Lookup.absent : Lookup.found(customers.get(id) ?? `${id.split(":")[0]}:c`)
        )
      })
    )
}) {}

/** What is made from orders: those that its id names, joined by "+". */
class Totals extends DomainCache.Service<Totals>()("test/Totals", {
  graph,
  domain: "total",
  id: Schema.String,
  value: Schema.String,
  timeToLive: "derived",
  lookup: (id) =>
    Effect.gen(function* () {
      const { asked } = yield* Source
      asked.push(`total ${id}`)
      const orders = yield* Orders
      const [tenant, ...rest] = id.split(":")
      const found = yield* orders.getMany(
        rest
          .join(":")
          .split("+")
          .map((one) => (one.includes(":") ? one : `${tenant}:${one}`))
      )
      return Lookup.found(found.map(Option.getOrUndefined).join(" "))
    })
}) {}

const of = Partitions.bySegment(/t-\w+/)

const domains = Totals.layer.pipe(Layer.provideMerge(Orders.layer), Layer.provideMerge(Source.layer))

const reasonOf = <A, E extends { readonly reason: { readonly _tag: string } }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) =>
    "because" in reason ? `${reason._tag} ${String(reason.because)}` : reason._tag
  )

const overCluster = cluster()

/** As the user of all partitions of a namespace, and of nothing else. */
const permitted = Layer.unwrap(
  RedisServer.use(({ port }) =>
    Effect.gen(function* () {
      const { send } = yield* Redis
      yield* send("ACL", "SETUSER", "parts", "on", `>${secret}`, ...Acl.rules({ namespace: "app.*" }))
      return Layer.fresh(Redis.layer({ port, username: "parts", password: Redacted.make(secret) }))
    })
  )
)

const settings = CacheConfig.layer({ namespace: "app", maxStaleness: 300 })

const tiers = {
  memory: (options?: Partial<PartitionOptions>) => Partitions.layerMemory({ of, ...options }),
  redis: (options?: Partial<PartitionOptions>) =>
    Partitions.layerRedis({ of, ...options }).pipe(Layer.provide(permitted), Layer.provide(redis)),
  "a cluster": (options?: Partial<PartitionOptions>) =>
    Partitions.layerRedis({ of, ...options }).pipe(Layer.provide(overCluster.redis))
}

for (const [name, tier] of Object.entries(tiers)) {
  const app = domains.pipe(Layer.provideMerge(tier()), Layer.provide(settings))

  describe(`Partitions over ${name}`, () => {
    it.live("answers many keys of several partitions in their order, each from its own", () =>
      Effect.gen(function* () {
        const orders = yield* Orders
        const { asked } = yield* Source
        const ids = ["t-two:1", "t-one:1", "t-two:none", "t-one:2"]
        const expected = ["t-two:c", "t-one:c", undefined, "t-one:c"]
        assert.deepStrictEqual((yield* orders.getMany(ids)).map(Option.getOrUndefined), expected)
        assert.deepStrictEqual((yield* orders.getMany(ids)).map(Option.getOrUndefined), expected)
        assert.deepStrictEqual(asked.toSorted(), ["t-one:1 t-one:2", "t-two:1 t-two:none"])
        assert.deepStrictEqual((yield* (yield* Partitions).open).toSorted(), ["t-one", "t-two"])
      }).pipe(Effect.provide(app))
    )

    it.live("invalidates a pattern, an update and its cascade within the partition, and nowhere else", () =>
      Effect.gen(function* () {
        const cache = yield* CacheManager
        const orders = yield* Orders
        const partitions = yield* Partitions
        const totals = yield* Totals
        const states = Effect.forEach(["t-one:1", "t-two:1"], (id) =>
          Effect.map(totals.explain(id), ({ state }) => state)
        )
        const all = Effect.forEach(["t-one:1", "t-two:1"], (id) => totals.get(id), { discard: true })
        yield* all
        assert.deepStrictEqual(yield* states, ["fresh", "fresh"])
        yield* partitions.within("t-one", cache.invalidate({ primary: Tag.any("order") }))
        assert.deepStrictEqual(yield* states, ["invalidated", "fresh"])
        yield* all
        const written = yield* orders.update("t-two:1", "t-two:other")
        assert.strictEqual(written._tag, "Updated")
        assert.deepStrictEqual(yield* states, ["fresh", "invalidated"])
        yield* all
        yield* cache.invalidate({ primary: Tag.of("customer", "t-one:c") })
        assert.strictEqual((yield* orders.explain("t-one:1")).state, "fresh")
        const position = yield* cache.invalidate({ primary: Tag.of("order", "t-one:1"), cascade: true })
        assert.deepStrictEqual(yield* states, ["invalidated", "fresh"])
        assert.strictEqual(yield* totals.get("t-one:1", { after: position }), "t-one:c")
      }).pipe(Effect.provide(app))
    )

    it.live("invalidates a batch in each of its partitions, in one append to each", () =>
      Effect.gen(function* () {
        const cache = yield* CacheManager
        const orders = yield* Orders
        const partitions = yield* Partitions
        const ids = ["t-one:1", "t-one:2", "t-two:1", "t-three:1"]
        yield* orders.getMany(ids)
        const told = yield* cache.events
        const batch = ids.slice(0, 3).map((id) => ({ primary: Tag.of("order", id) }))
        const positions = yield* partitions.invalidate(batch)
        const states = yield* Effect.forEach(ids, (id) => Effect.map(orders.explain(id), ({ state }) => state))
        assert.deepStrictEqual(states, ["invalidated", "invalidated", "invalidated", "fresh"])
        assert.deepStrictEqual([...positions.keys()].toSorted(), ["t-one", "t-two"])
        const heard = yield* Effect.forEach([1, 2], () => PubSub.take(told))
        const tags = heard.map((event) => (event._tag === "Invalidated" ? `${event.tags.length}` : event._tag))
        assert.deepStrictEqual(tags.toSorted(), ["1", "2"])
        assert.strictEqual(yield* partitions.within("t-one", cache.position), positions.get("t-one"))
        const written = yield* orders.updateMany(ids.map((id) => ({ id, value: Option.some(`${id.split(":")[0]}:d`) })))
        assert.deepStrictEqual(
          written.map(({ _tag, key }) => [_tag, key]),
          ids.map((id) => ["Updated", `order:${id}`])
        )
      }).pipe(Effect.scoped, Effect.provide(app))
    )

    it.live("refuses what is of no partition, of several, or of another", () =>
      Effect.gen(function* () {
        const cache = yield* CacheManager
        const orders = yield* Orders
        const partitions = yield* Partitions
        const totals = yield* Totals
        const { asked, customers } = yield* Source
        const one = Tag.of("order", "t-one:1")
        const two = Tag.of("order", "t-two:1")
        assert.strictEqual(yield* reasonOf(cache.invalidate({ primary: Tag.any("order") })), "Misplaced nowhere")
        assert.strictEqual(yield* reasonOf(orders.get("1")), "Misplaced nowhere")
        assert.strictEqual(yield* reasonOf(cache.snapshot(orders.get("t-one:1"))), "Misplaced nowhere")
        assert.strictEqual(yield* reasonOf(cache.invalidate({ primary: one, related: [two] })), "Misplaced several")
        assert.strictEqual(yield* reasonOf(orders.invalidate(["t-one:1", "t-two:1"])), "Misplaced several")
        const changes = yield* orders.changes([
          { id: "t-one:1", value: Option.some("t-one:z") },
          { id: "t-two:1", value: Option.some("t-two:z") }
        ])
        assert.strictEqual(yield* reasonOf(cache.commit(changes)), "Misplaced several")
        assert.strictEqual(yield* reasonOf(partitions.within("t-one", orders.get("t-two:1"))), "Misplaced elsewhere")
        for (const name of ["", "a:b", "a}", "a.b", "*", "x".repeat(65), "t-\n"]) {
          assert.strictEqual(yield* reasonOf(partitions.within(name, Effect.void)), "Misplaced nowhere")
        }
        assert.deepStrictEqual(asked, [])
        // A lookup is in the partition of its key.
        assert.strictEqual(yield* totals.get("t-one:1+2"), "t-one:c t-one:c")
        assert.strictEqual(yield* reasonOf(totals.get("t-one:1+t-two:1")), "Misplaced elsewhere")
        // What it answers depends on nothing elsewhere, and neither does what is written.
        customers.set("t-one:stray", "t-two:c")
        assert.strictEqual(yield* reasonOf(orders.get("t-one:stray")), "Misplaced elsewhere")
        assert.strictEqual(yield* reasonOf(orders.update("t-one:1", "t-two:c")), "Misplaced elsewhere")
        const stray = [{ id: "t-one:1", value: Option.some("t-two:c") }]
        assert.strictEqual(yield* reasonOf(orders.updateMany(stray)), "Misplaced elsewhere")
        assert.strictEqual(yield* reasonOf(orders.changes(stray)), "Misplaced elsewhere")
        assert.strictEqual(yield* reasonOf(orders.put("t-one:1", "t-two:c", { readAt: 1 })), "Misplaced elsewhere")
        const load = Effect.succeed(Lookup.found("t-two:c"))
        assert.strictEqual(yield* reasonOf(orders.getOrLoad("t-one:9", load)), "Misplaced elsewhere")
        assert.strictEqual(
          yield* reasonOf(
            orders.getOrLoad(
              "t-one:9",
              Effect.map(orders.get("t-two:1"), () => Lookup.absent)
            )
          ),
          "Misplaced elsewhere"
        )
      }).pipe(Effect.provide(app))
    )

    it.live("reads a snapshot of one partition; outside of all a position is before everything", () =>
      Effect.gen(function* () {
        const cache = yield* CacheManager
        const orders = yield* Orders
        const partitions = yield* Partitions
        const read = cache.snapshot(orders.getMany(["t-one:1", "t-one:2"]))
        const found = yield* partitions.within("t-one", read)
        assert.deepStrictEqual(found.map(Option.getOrUndefined), ["t-one:c", "t-one:c"])
        yield* orders.invalidate(["t-one:1"])
        assert.strictEqual(yield* cache.position, 0)
        assert.isFalse(yield* orders.put("t-one:1", "t-one:c", { readAt: yield* cache.position }))
        const probes = yield* partitions.within("t-one", cache.probes)
        assert.deepStrictEqual(
          probes.map(({ domain }) => domain),
          ["order", "total"]
        )
        assert.isTrue(Exit.hasDies(yield* Effect.exit(cache.probes)))
        const put = Effect.flatMap(cache.position, (readAt) => orders.put("t-one:1", "t-one:c", { readAt }))
        assert.isTrue(yield* partitions.within("t-one", put))
      }).pipe(Effect.provide(app))
    )
  })
}

describe("the partitions that are open", () => {
  const app = (options: Partial<PartitionOptions>) => domains.pipe(Layer.provideMerge(tiers.memory(options)))

  it.effect("are closed when nobody used them for a while", () =>
    Effect.gen(function* () {
      const orders = yield* Orders
      const { open } = yield* Partitions
      yield* orders.get("t-one:1")
      yield* TestClock.adjust("40 seconds")
      yield* orders.get("t-two:1")
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(yield* open, ["t-two"])
      yield* orders.get("t-one:1")
      assert.deepStrictEqual(yield* open, ["t-two", "t-one"])
    }).pipe(Effect.provide(app({ idleTimeToLive: "1 minute" })))
  )

  it.effect("are opened anew by a fiber that outlives its stay in one", () =>
    Effect.gen(function* () {
      const orders = yield* Orders
      const { open, within } = yield* Partitions
      const closed = yield* Deferred.make<void>()
      const late = Effect.andThen(Deferred.await(closed), orders.get("t-one:1"))
      const fiber = yield* within("t-one", Effect.forkDetach(late))
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(yield* open, [])
      yield* Deferred.succeed(closed, undefined)
      assert.strictEqual(yield* Fiber.join(fiber), "t-one:c")
      assert.deepStrictEqual(yield* open, ["t-one"])
    }).pipe(Effect.provide(app({ idleTimeToLive: "1 minute" })))
  )

  it.effect("are no more than may be: the one that was idle for longest is closed, and none that is in use", () =>
    Effect.gen(function* () {
      const orders = yield* Orders
      const { open, within } = yield* Partitions
      yield* orders.get("t-one:1")
      yield* orders.get("t-two:1")
      yield* orders.get("t-one:1")
      yield* orders.get("t-three:1")
      assert.deepStrictEqual(yield* open, ["t-one", "t-three"])
      const entered = yield* Deferred.make<void>()
      const stay = Effect.andThen(Deferred.succeed(entered, undefined), Effect.never)
      const inside = yield* Effect.forkChild(within("t-one", within("t-one", stay)))
      yield* Deferred.await(entered)
      yield* orders.get("t-four:1")
      assert.deepStrictEqual(yield* open, ["t-one", "t-four"])
      const both = yield* Deferred.make<void>()
      const other = yield* Effect.forkChild(
        within("t-four", Effect.andThen(Deferred.succeed(both, undefined), Effect.never))
      )
      yield* Deferred.await(both)
      assert.strictEqual(yield* reasonOf(orders.get("t-five:1")), "Unavailable overloaded")
      yield* Fiber.interrupt(other)
      assert.strictEqual(yield* orders.get("t-five:1"), "t-five:c")
      yield* Fiber.interrupt(inside)
    }).pipe(Effect.provide(app({ maxOpen: 2 })))
  )

  it.effect("are asked one after the other by a call that names more than may be open", () =>
    Effect.gen(function* () {
      const orders = yield* Orders
      const found = yield* orders.getMany(["t-one:1", "t-two:1", "t-three:1"])
      assert.deepStrictEqual(found.map(Option.getOrUndefined), ["t-one:c", "t-two:c", "t-three:c"])
    }).pipe(Effect.provide(app({ maxOpen: 1 })))
  )

  it.effect("do their part of a batch, also where another cannot", () =>
    Effect.gen(function* () {
      const orders = yield* Orders
      const { invalidate, services } = yield* Partitions
      yield* services("t-one")
      yield* orders.get("t-one:1")
      const batch = ["t-two:1", "t-one:1"].map((id) => ({ primary: Tag.of("order", id) }))
      assert.strictEqual(yield* reasonOf(invalidate(batch)), "Unavailable overloaded")
      assert.strictEqual((yield* orders.explain("t-one:1")).state, "invalidated")
    }).pipe(Effect.scoped, Effect.provide(app({ maxOpen: 1 })))
  )

  it.effect("have a domain as long as its layer lives", () =>
    Effect.gen(function* () {
      const cache = yield* CacheManager
      const { services } = yield* Partitions
      const own = Context.get(yield* services("t-one"), CacheManager)
      const later = DomainCache.Service<unknown>()("test/Later", {
        graph,
        domain: "customer",
        id: Schema.String,
        value: Schema.String,
        timeToLive: "metadata",
        lookup: (id) => Effect.succeed(Lookup.found(id))
      })
      yield* Effect.flatMap(later, (customers) => customers.get("t-one:c")).pipe(
        Effect.andThen(Effect.all([own.domains, cache.domains])),
        Effect.tap((open) => Effect.sync(() => assert.isTrue(open.every((names) => names.includes("customer"))))),
        Effect.provide(later.layer)
      )
      assert.deepStrictEqual(yield* own.domains, yield* cache.domains)
      assert.deepStrictEqual(yield* cache.domains, ["order", "total"])
    }).pipe(Effect.scoped, Effect.provide(app({})))
  )
})

describe("processes with partitions of their own", () => {
  const process = Layer.fresh(
    domains.pipe(Layer.provideMerge(Partitions.layerRedis({ of })), Layer.provide(settings), Layer.provide(permitted))
  )
  const app = process.pipe(Layer.provideMerge(redis))

  it.live("do not read what is appended elsewhere, and keep one connection for each that is open", () =>
    Effect.gen(function* () {
      const orders = yield* Orders
      const { send } = yield* Redis
      const connections = Effect.map(
        send("CLIENT", "LIST"),
        (list) =>
          String(list)
            .split("\n")
            .filter((line) => line.includes("user=parts")).length
      )
      const counted = (expected: number) =>
        eventually(Effect.tap(connections, (count) => Effect.try(() => assert.strictEqual(count, expected))))
      yield* orders.get("t-two:1")
      yield* counted(2)
      const { services } = yield* Partitions
      const live = Context.get(yield* services("t-two"), LiveView)
      const applied = yield* live.changes
      const before = live.view.position

      yield* Effect.gen(function* () {
        const theirs = yield* Orders
        yield* Effect.forEach(Array.from({ length: 50 }), (_, index) => theirs.invalidate([`t-one:${index}`]))
        yield* theirs.invalidate(["t-two:1"])
        // The other process: one for commands, and two that follow.
        yield* counted(5)
      }).pipe(Effect.provide(process))

      yield* live.catchUp
      const heard = yield* PubSub.takeAll(applied)
      assert.deepStrictEqual(
        heard.flatMap((change) => (change._tag === "Applied" ? [change.entry.tags.join(" ")] : [])),
        ["order:t-two:1 total:order:t-two:1:*"]
      )
      assert.strictEqual(live.view.position, before + 1)
      yield* counted(2)
    }).pipe(Effect.scoped, Effect.provide(app))
  )
})

describe("a partition that is opened while Redis hangs", () => {
  const app = domains.pipe(Layer.provideMerge(tiers.redis()), Layer.provide(settings), Layer.provideMerge(redis))

  it.live("answers from the source, and from the cache once Redis is back", () =>
    Effect.gen(function* () {
      const orders = yield* Orders
      const server = yield* RedisServer
      const { asked } = yield* Source
      const { services } = yield* Partitions
      yield* orders.get("t-one:1")
      yield* Effect.acquireUseRelease(
        server.pause,
        () => Effect.timeout(orders.get("t-two:1"), "1500 millis"),
        () => server.resume
      )
      const live = Context.get(yield* services("t-two"), LiveView)
      const { currentTimeMillis } = yield* Clock.Clock
      yield* eventually(
        Effect.filterOrFail(
          Effect.map(currentTimeMillis, live.isTrusted),
          (trusted) => trusted,
          () => "not yet"
        )
      )
      yield* orders.get("t-two:1")
      const before = asked.length
      yield* orders.get("t-two:1")
      assert.strictEqual(asked.length, before)
    }).pipe(Effect.scoped, Effect.provide(app))
  )
})

describe("the logs of partitions in a cluster", () => {
  it.live("lie on different nodes", () =>
    Effect.gen(function* () {
      const { spread } = yield* Redis
      const nodes = Array.from({ length: 12 }, (_, index) => spread?.nodeOf(`{app.t-${index}}:log`))
      assert.strictEqual(new Set(nodes).size, 3)
    }).pipe(Effect.provide(overCluster.redis))
  )
})
