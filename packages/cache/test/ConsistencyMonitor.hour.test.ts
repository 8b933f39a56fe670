import { assert, describe, it } from "@effect/vitest"
import {
  CacheManager,
  CacheMetrics,
  CacheStore,
  ConsistencyMonitor,
  DependencyGraph,
  DomainCache,
  Entry,
  Lookup,
  Tag
} from "@letletme/cache"
import type { Options } from "@letletme/cache/ConsistencyMonitor"
import { Clock, Context, Effect, Fiber, Layer, PubSub, Queue, Random, References, Result, Schema } from "effect"
import { TestClock } from "effect/testing"
import { redis } from "./tiers.ts"

/** How a world goes: milliseconds, and how many. */
interface World {
  /** How long the source may take to answer. */
  readonly lookup: number
  /** How long a change of the source may wait to be announced. */
  readonly publication: number
  /** Between two changes of a writer, on average. */
  readonly change: number
  /** Between two rounds of reads of a process: all values and all totals, once each. */
  readonly round: number
  readonly window: number
  readonly grace: number
}

class Truth extends Context.Service<Truth, { readonly values: Map<number, number>; readonly world: World }>()(
  "test/Truth"
) {}

const count = 40
/** Nobody writes these: they are for what is planted. */
const quiet = 30
const valueIds = Array.from({ length: count }, (_, id) => id)
const totalIds = Array.from({ length: count / 5 }, (_, id) => id)
const graph = DependencyGraph.make({ value: [], total: ["value"] })

const upTo = (millis: number) => Effect.flatMap(Random.next, (share) => Effect.sleep(Math.round(share * millis)))
const anyOf = (below: number) => Random.nextIntBetween(0, below, { halfOpen: true })

class Values extends DomainCache.Service<Values>()("test/Values", {
  graph,
  domain: "value",
  id: Schema.FiniteFromString,
  value: Schema.Struct({ v: Schema.Int }),
  timeToLive: "metadata",
  lookup: Effect.fnUntraced(function* (id: number) {
    const { values, world } = yield* Truth
    yield* upTo(world.lookup / 2)
    const v = values.get(id) ?? 0
    yield* upTo(world.lookup / 2)
    // The source has more fields than the value: the store does not, and the near cache may.
    const row = { v, id }
    return Lookup.found(row)
  })
}) {}

/** The sum of five values. */
class Totals extends DomainCache.Service<Totals>()("test/Totals", {
  graph,
  domain: "total",
  id: Schema.FiniteFromString,
  value: Schema.Int,
  timeToLive: "derived",
  lookup: Effect.fnUntraced(function* (id: number) {
    const values = yield* Values
    const found = yield* Effect.forEach([0, 1, 2, 3, 4], (offset) => values.get(id * 5 + offset))
    return Lookup.found(found.reduce((sum, { v }) => sum + v, 0))
  })
}) {}

const tagOf = (id: number) => Tag.of("value", `${id}`)

const process = (options: Options) =>
  Effect.map(
    Layer.build(
      Layer.fresh(
        ConsistencyMonitor.layer(options).pipe(
          Layer.provideMerge(Totals.layer),
          Layer.provideMerge(Values.layer),
          Layer.provideMerge(CacheManager.layerOver)
        )
      )
    ),
    (context) => ({
      values: Context.get(context, Values),
      totals: Context.get(context, Totals),
      manager: Context.get(context, CacheManager),
      metrics: Context.get(context, CacheMetrics),
      monitor: Context.get(context, ConsistencyMonitor)
    })
  )
type Process = Effect.Success<ReturnType<typeof process>>

const reader = Effect.fnUntraced(function* ({ totals, values }: Process) {
  const { world } = yield* Truth
  while (true) {
    yield* Effect.sleep(world.round)
    yield* values.getMany(valueIds)
    yield* totals.getMany(totalIds)
  }
})

/** Changes the source, and announces it later: by an invalidation, or with the value. */
const writer = Effect.fnUntraced(function* ({ manager, values }: Process, first: number, written: { changes: number }) {
  const { values: source, world } = yield* Truth
  for (let version = 1; ; version++) {
    yield* upTo(world.change * 2)
    // Each writer has values of its own: two changes of one are announced in their order.
    const id = first + (yield* anyOf(quiet / 2))
    source.set(id, version * 100 + id)
    yield* upTo(world.publication)
    if (version % 2 === 0) yield* manager.invalidate({ primary: tagOf(id), cascade: true })
    else yield* values.update(id, { v: version * 100 + id })
    written.changes++
  }
})

/** Makes one stale entry of a value that nobody writes, in one of three ways; answers its key. */
const plant = Effect.fnUntraced(function* (number: number, one: Process, two: Process) {
  const { values: source } = yield* Truth
  const store = yield* CacheStore
  const id = quiet + (number % (count - quiet))
  const key = tagOf(id)
  yield* Effect.forEach([one, two], ({ values }) => values.get(id))
  if (number % 3 === 0) source.set(id, 1_000_000 + number)
  if (number % 3 === 1) {
    yield* one.values.put(id, { v: -number }, { readAt: yield* one.manager.position })
    yield* two.values.refresh([id])
  }
  if (number % 3 === 2) {
    const { storeKey } = yield* one.values.explain(id)
    const [bytes] = yield* store.getMany([storeKey])
    const entry = Result.getOrThrow(Entry.unseal(key, bytes ?? new Uint8Array()))
    const altered = Entry.seal(entry.stamp, Entry.body(entry, Buffer.from(`{"v":${-number}}`)))
    const fill = { key: storeKey, stamp: 0, revision: Entry.noRevision, timeToLive: 3_600_000, overwrite: true }
    yield* store.fill([{ ...fill, bytes: altered }])
  }
  return key
})

interface Told {
  readonly key: Tag.Tag
  readonly cause: string
  readonly at: number
}

/** Two processes that read and write, and all that their monitors tell. */
const start = Effect.fnUntraced(function* () {
  const { world } = yield* Truth
  const clock = yield* Clock.Clock
  const options: Options = { window: world.window, grace: world.grace }
  const [one, two] = [yield* process(options), yield* process(options)]
  const told = yield* Queue.unbounded<Told>()
  const written = { changes: 0 }
  for (const each of [one, two]) {
    const events = yield* each.manager.events
    const listen = Effect.map(PubSub.take(events), (event) => {
      if (event._tag !== "Inconsistent") return
      Queue.offerUnsafe(told, { key: event.key, cause: event.cause, at: clock.currentTimeMillisUnsafe() })
    })
    yield* Effect.forkScoped(Effect.forever(listen))
    yield* Effect.forkScoped(reader(each))
  }
  yield* Effect.forkScoped(writer(one, 0, written))
  yield* Effect.forkScoped(writer(two, quiet / 2, written))
  return { one, two, told, written }
})

/** What is wrong once this value is: itself, and the total that a process may have made from it. */
const tainted = (key: Tag.Tag): ReadonlyArray<Tag.Tag> => {
  const id = Number(key.slice("value:".length))
  return [key, Tag.of("total", `${Math.floor(id / 5)}`)]
}

/** What both monitors did, against what both processes' users did. */
const load = Effect.fnUntraced(function* (processes: ReadonlyArray<Process>) {
  const monitored = yield* Effect.forEach(processes, ({ monitor }) => monitor.counts)
  const cached = yield* Effect.forEach(processes, ({ metrics }) => metrics.counts)
  const domains = cached.flatMap((counts) => Object.values(counts.domains))
  const sum = (numbers: ReadonlyArray<number>) => numbers.reduce((total, one) => total + one, 0)
  return {
    samples: sum(monitored.map(({ samples }) => samples)),
    lookups: sum(monitored.map(({ lookups }) => lookups)),
    overtaken: sum(
      monitored.flatMap(({ domains }) => Object.values(domains).map(({ undecided }) => undecided.overtaken))
    ),
    users: sum(domains.map(({ loads, misses, nearHits, storeHits }) => nearHits + storeHits + misses + loads))
  }
})

const worldOf = (world: World) =>
  Layer.mergeAll(
    Layer.succeed(Truth, { values: new Map(), world }),
    // What is found is logged too.
    Layer.succeed(References.MinimumLogLevel, "None")
  )

describe("the consistency monitor in an hour of updates", () => {
  const hour: World = { lookup: 400, publication: 1_800, change: 1_000, round: 400, window: 60_000, grace: 2_000 }

  it.effect(
    "finds what is planted within a window, and nothing else, at no more than a hundredth of the load",
    () =>
      Effect.gen(function* () {
        const { one, told, two, written } = yield* start()
        const clock = yield* Clock.Clock
        const part = 3_600_000 / 13 - 2_000
        yield* TestClock.adjust(part)
        const planted: Array<readonly [Tag.Tag, number]> = []
        for (let number = 0; number < 12; number++) {
          const planting = yield* Effect.forkChild(plant(number, one, two))
          yield* TestClock.adjust("2 seconds")
          planted.push([yield* Fiber.join(planting), clock.currentTimeMillisUnsafe()])
          yield* TestClock.adjust(part)
        }
        const found = yield* Queue.clear(told)
        const { lookups, overtaken, samples, users } = yield* load([one, two])
        for (const [key, at] of planted) {
          const first = found.find((one) => one.key === key && one.at > at)
          assert.isAtMost((first?.at ?? Number.POSITIVE_INFINITY) - at, hour.window + 10_000, key)
        }
        const keys = new Set(planted.flatMap(([key]) => tainted(key)))
        assert.deepStrictEqual(
          found.filter(({ key }) => !keys.has(key)),
          []
        )
        assert.isAtMost(lookups, users / 100)
        // It was hard: changes overtook looks.
        assert.isAbove(written.changes, 3_000)
        assert.isAbove(samples, 4_000)
        assert.isAbove(overtaken, 50)
      }).pipe(Effect.scoped, Effect.provide(worldOf(hour).pipe(Layer.provideMerge(CacheManager.layerMemory)))),
    240_000
  )

  it.effect("would raise false alarms with a grace that is shorter than the wait of what changed", () =>
    Effect.gen(function* () {
      const { told } = yield* start()
      yield* TestClock.adjust("10 minutes")
      assert.isAbove((yield* Queue.clear(told)).length, 0)
    }).pipe(
      Effect.scoped,
      Effect.provide(worldOf({ ...hour, publication: 20_000 }).pipe(Layer.provideMerge(CacheManager.layerMemory)))
    )
  )
})

describe("the consistency monitor over redis, under updates", () => {
  const world: World = { lookup: 10, publication: 200, change: 20, round: 8, window: 1_500, grace: 1_000 }

  it.live(
    "finds what is planted, and nothing else, at no more than a hundredth of the load",
    () =>
      Effect.gen(function* () {
        const { one, told, two, written } = yield* start()
        const keys = new Set<Tag.Tag>()
        const others: Array<Told> = []
        for (let number = 0; number < 6; number++) {
          const key = yield* plant(number, one, two)
          for (const one of tainted(key)) keys.add(one)
          const found = Effect.gen(function* () {
            for (let next = yield* Queue.take(told); next.key !== key; next = yield* Queue.take(told)) {
              if (!keys.has(next.key)) others.push(next)
            }
          })
          yield* Effect.timeout(found, world.window * 2 + world.grace + 3_000)
        }
        const counts = yield* load([one, two])
        assert.deepStrictEqual(others, [])
        assert.isAtMost(counts.lookups, counts.users / 100)
        assert.isAbove(counts.samples, 100)
        assert.isAbove(written.changes, 50)
      }).pipe(
        Effect.scoped,
        Effect.provide(worldOf(world).pipe(Layer.provideMerge(CacheManager.layerRedis), Layer.provideMerge(redis)))
      ),
    60_000
  )
})
