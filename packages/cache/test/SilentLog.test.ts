import { assert, describe, it } from "@effect/vitest"
import {
  CacheConfig,
  CacheManager,
  CacheMetrics,
  CacheStore,
  DependencyGraph,
  Entry,
  InvalidationLog,
  Lookup,
  Tag
} from "@letletme/cache"
import { Deferred, Effect, Fiber, Layer, Option, Ref, Schema } from "effect"
import { TestClock } from "effect/testing"
import { failing, gated, maxStaleness, overRemote, Remote, setGates, silent } from "./suites/remoteLog.ts"

const graph = DependencyGraph.make({ item: [], sum: ["item"] })
const itemTag = (id: string) => Tag.of("item", id)

/** Items in a source that others write to, and a sum that is computed from two of them. */
const start = Effect.gen(function* () {
  const manager = yield* CacheManager
  const rows = new Map([
    ["a", 1],
    ["b", 1]
  ])
  const gate = yield* Ref.make<Effect.Effect<void>>(Effect.void)
  const items = yield* manager.open({
    graph,
    domain: "item",
    id: Schema.String,
    value: Schema.Int,
    timeToLive: "metadata",
    lookup: (id) =>
      Effect.gen(function* () {
        const value = rows.get(id)
        yield* Effect.flatten(Ref.get(gate))
        return Lookup.fromOption(Option.fromUndefinedOr(value))
      })
  })
  const sums = yield* manager.open({
    graph,
    domain: "sum",
    id: Schema.String,
    value: Schema.Int,
    timeToLive: "derived",
    lookup: () => Effect.map(Effect.all([items.get("a"), items.get("b")]), ([a, b]) => Lookup.found(a + b))
  })
  return { manager, rows, gate, items, sums }
})

const app = CacheManager.layer.pipe(
  Layer.provideMerge(CacheMetrics.layer),
  Layer.provideMerge(gated),
  Layer.provideMerge(overRemote()),
  Layer.provideMerge(CacheStore.layerMemory)
)

/** The key of an item in the store. To ask for it brings the view up to date. */
const storeKeyOf = (id: string) =>
  Effect.map(
    CacheManager.use((manager) => manager.explain(itemTag(id))),
    ([explanation]) => explanation?.storeKey ?? ""
  )

/** Writes an item as another process does: its append is acknowledged there, and this process does not hear of it. */
const writtenElsewhere = (id: string, key: string, value: number) =>
  Effect.gen(function* () {
    const { log } = yield* Remote
    const store = yield* CacheStore
    const { position } = yield* log.append({ tags: [itemTag(id)], cause: "elsewhere", writes: [], from: 0 })
    const header: Entry.Header = {
      createdAt: 0,
      freshUntil: 1_000_000,
      expiresAt: 1_000_000,
      revision: Entry.noRevision,
      absent: false,
      announced: true,
      tags: [itemTag(id)]
    }
    yield* store.fill([
      {
        key,
        stamp: position,
        revision: Entry.noRevision,
        bytes: Entry.seal(position, Entry.body(header, Buffer.from(`${value}`))),
        timeToLive: 1_000_000,
        overwrite: true
      }
    ])
    return position
  })

describe("a log that does not answer", () => {
  it.effect("a strong read of a computed value has its inputs from the source too", () =>
    Effect.gen(function* () {
      const { rows, sums } = yield* start
      assert.strictEqual(yield* sums.get("all"), 2)
      yield* setGates(failing)
      rows.set("a", 10)
      // The view is trusted for another while: a default read may not know yet.
      assert.strictEqual(yield* sums.get("all"), 2)
      assert.strictEqual(yield* sums.get("all", { consistency: "strong" }), 11)
    }).pipe(Effect.scoped, Effect.provide(app))
  )

  it.effect("a strong read does not join a load that began before it", () =>
    Effect.gen(function* () {
      const { gate, items, rows } = yield* start
      const read = yield* Deferred.make<void>()
      const open = yield* Deferred.make<void>()
      yield* Ref.set(gate, Effect.andThen(Deferred.succeed(read, undefined), Deferred.await(open)))
      const early = yield* Effect.forkChild(items.get("a"))
      yield* Deferred.await(read)
      yield* setGates(failing)
      yield* Ref.set(gate, Effect.void)
      rows.set("a", 10)
      assert.strictEqual(yield* items.get("a", { consistency: "strong" }), 10)
      yield* Deferred.succeed(open, undefined)
      assert.strictEqual(yield* Fiber.join(early), 1)
    }).pipe(Effect.scoped, Effect.provide(app))
  )

  it.effect("past maxStaleness nobody joins a load that began before the silence", () =>
    Effect.gen(function* () {
      const { gate, items, rows } = yield* start
      const read = yield* Deferred.make<void>()
      const open = yield* Deferred.make<void>()
      yield* Ref.set(gate, Effect.andThen(Deferred.succeed(read, undefined), Deferred.await(open)))
      const early = yield* Effect.forkChild(items.get("a"))
      yield* Deferred.await(read)
      yield* setGates(failing)
      yield* TestClock.adjust(maxStaleness * 2)
      yield* Ref.set(gate, Effect.void)
      rows.set("a", 10)
      assert.strictEqual(yield* items.get("a"), 10)
      yield* Deferred.succeed(open, undefined)
      yield* Fiber.join(early)
    }).pipe(Effect.scoped, Effect.provide(app))
  )
})

describe("an entry that is newer than the view", () => {
  it.effect("goes into no snapshot together with what it made invalid", () =>
    Effect.gen(function* () {
      const { items, manager, rows } = yield* start
      yield* Effect.all([items.get("a"), items.get("b")])
      const key = yield* storeKeyOf("b")
      // The tail hears nothing; whoever asks for the head is answered.
      const { gates, log } = yield* Remote
      gates.follow = silent
      yield* TestClock.adjust(1)
      rows.set("a", 2).set("b", 2)
      yield* log.append({ tags: [itemTag("a")], cause: "elsewhere", writes: [], from: 0 })
      yield* writtenElsewhere("b", key, 2)
      const both = manager.snapshot(Effect.all([items.get("a"), items.get("b", { skip: "near" })]))
      assert.deepStrictEqual(yield* both, [2, 2])
    }).pipe(Effect.scoped, Effect.provide(app))
  )

  it.effect("is not kept in a value that is computed from it and from what it made invalid", () =>
    Effect.gen(function* () {
      const { items, rows, sums } = yield* start
      yield* items.get("a")
      const key = yield* storeKeyOf("b")
      const { gates, log } = yield* Remote
      gates.follow = silent
      yield* TestClock.adjust(1)
      rows.set("a", 2).set("b", 2)
      yield* log.append({ tags: [itemTag("a")], cause: "elsewhere", writes: [], from: 0 })
      yield* writtenElsewhere("b", key, 2)
      yield* sums.get("all")
      assert.strictEqual(yield* sums.get("all"), 4)
    }).pipe(Effect.scoped, Effect.provide(app))
  )
})

describe("leases of loads that ended", () => {
  const held = (settings: Partial<CacheConfig.Settings>) => {
    // Releases get lost, as on a connection that breaks off.
    const forgetful = Layer.effect(
      CacheStore,
      CacheStore.useSync((store) => CacheStore.of({ ...store, release: () => Effect.void }))
    ).pipe(Layer.provideMerge(CacheStore.layerMemory))
    return CacheManager.layerOver.pipe(
      Layer.provideMerge(InvalidationLog.layerMemory),
      Layer.provideMerge(forgetful),
      Layer.provide(CacheConfig.layer(settings))
    )
  }

  it.effect("one of this process does not keep it waiting", () =>
    Effect.gen(function* () {
      const { items } = yield* start
      const store = yield* CacheStore
      assert.strictEqual(yield* items.get("a"), 1)
      yield* store.remove([yield* storeKeyOf("a")])
      // The clock stands still: whoever waited for the lease would wait for ever.
      assert.strictEqual(yield* items.get("a", { skip: "near" }), 1)
    }).pipe(Effect.scoped, Effect.provide(held({})))
  )

  it.effect("one of a process that died keeps nobody waiting longer than half the lookup's time", () =>
    Effect.gen(function* () {
      const { items, manager } = yield* start
      const store = yield* CacheStore
      const key = (yield* storeKeyOf("a")).replace("letletme:", "letletme:#lease:")
      const holder = `${yield* manager.position} dead 1`
      yield* store.lease([{ key, holder }], 60_000)
      const reading = yield* Effect.forkChild(items.get("a"))
      // Step by step: each wait for the other process's load begins when the one before it ended.
      yield* TestClock.adjust("10 millis").pipe(Effect.repeat({ times: 60 }))
      assert.strictEqual(yield* Fiber.join(reading), 1)
    }).pipe(Effect.scoped, Effect.provide(held({ lease: 60_000, lookupTimeout: 1_000 })))
  )
})
