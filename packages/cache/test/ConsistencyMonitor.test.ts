import { assert, describe, it } from "@effect/vitest"
import {
  CacheConfig,
  type CacheEvent,
  CacheManager,
  CacheStore,
  type Domain,
  ConsistencyMonitor,
  DependencyGraph,
  DomainCache,
  Entry,
  InvalidationLog,
  Lookup,
  Tag,
  type View
} from "@letletme/cache"
import { Context, Deferred, Effect, Fiber, Layer, Option, PubSub, References, Result, Schema } from "effect"
import type { Options } from "@letletme/cache/ConsistencyMonitor"
import { eventually, redis } from "./tiers.ts"

/** The truth, shared by all processes. */
class Truth extends Context.Service<
  Truth,
  {
    readonly values: Map<string, number>
    /** What no cache knows of. */
    bonus: number
    /** The revision that lookups state; 0 states none. */
    revision: number
    /** What a lookup does after it has read. */
    after: Effect.Effect<void, string>
    readonly asked: Array<string>
    /** `Rows` are not answered. */
    isMute: boolean
  }
>()("test/Truth") {
  static readonly layer = Layer.sync(this, () =>
    Truth.of({ values: new Map([["a", 1]]), bonus: 0, revision: 0, after: Effect.void, asked: [], isMute: false })
  )
}

const graph = DependencyGraph.make({ value: [], total: ["value"] })

class Values extends DomainCache.Service<Values>()("test/Values", {
  graph,
  domain: "value",
  id: Schema.String,
  value: Schema.Int,
  timeToLive: "metadata",
  lookup: (id: string) =>
    Truth.use((truth) =>
      Effect.suspend(() => {
        truth.asked.push(id)
        const value = truth.values.get(id)
        const revision = truth.revision === 0 ? {} : { revision: { time: truth.revision, sequence: 0 } }
        return Effect.as(truth.after, value === undefined ? Lookup.absent : Lookup.found(value, revision))
      })
    )
}) {}

/** The sum of what it names, and a bonus. */
class Totals extends DomainCache.Service<Totals>()("test/Totals", {
  graph,
  domain: "total",
  id: Schema.String,
  value: Schema.Int,
  timeToLive: "derived",
  lookup: Effect.fnUntraced(function* (id: string) {
    const truth = yield* Truth
    const values = yield* Values
    const value = yield* values.get(id)
    yield* truth.after
    return Lookup.found(value + truth.bonus)
  })
}) {}

/** Asks for many at once; an empty answer is one that does not fit the questions. */
class Rows extends DomainCache.Service<Rows>()("test/Rows", {
  graph: DependencyGraph.make({ row: [] }),
  domain: "row",
  id: Schema.String,
  value: Schema.Int,
  timeToLive: "metadata",
  lookupMany: (questions) =>
    Truth.use(({ isMute, values }) =>
      Effect.succeed(isMute ? [] : questions.map(({ id }) => Lookup.found(values.get(id) ?? 0)))
    )
}) {}

/** A process of its own over the store and the log in context. */
const monitored = (options: Options) =>
  Effect.map(
    Layer.build(
      Layer.fresh(
        ConsistencyMonitor.layer({ window: "1 hour", grace: "20 millis", share: 1, ...options }).pipe(
          Layer.provideMerge(Totals.layer),
          Layer.provideMerge(Values.layer),
          Layer.provideMerge(Rows.layer),
          Layer.provideMerge(CacheManager.layerOver)
        )
      )
    ),
    (context) => ({
      values: Context.get(context, Values),
      totals: Context.get(context, Totals),
      rows: Context.get(context, Rows),
      manager: Context.get(context, CacheManager),
      monitor: Context.get(context, ConsistencyMonitor)
    })
  )

const peer = monitored({})

const tiers = {
  memory: CacheManager.layerMemory,
  redis: CacheManager.layerRedis.pipe(Layer.provide(redis))
}

/** Overwrites what the store holds of `value:{id}`, as something outside the protocol would. */
const overwrite = Effect.fnUntraced(function* (
  values: Values["Service"],
  id: string,
  change: (bytes: Uint8Array) => Uint8Array
) {
  const store = yield* CacheStore
  const { storeKey } = yield* values.explain(id)
  const [bytes] = yield* store.getMany([storeKey])
  assert.isDefined(bytes)
  if (bytes === undefined) return
  yield* store.fill([
    {
      key: storeKey,
      stamp: 0,
      revision: Entry.noRevision,
      bytes: change(bytes),
      timeToLive: 60_000,
      overwrite: true
    }
  ])
})

/** Another payload under the same header, sealed as if it belonged there. */
const withPayload =
  (id: string, payload: string) =>
  (bytes: Uint8Array): Uint8Array => {
    const entry = Result.getOrThrow(Entry.unseal(Tag.of("value", id), bytes))
    return Entry.seal(entry.stamp, Entry.body(entry, Buffer.from(payload)))
  }

const flipLast = (bytes: Uint8Array): Uint8Array =>
  Uint8Array.from(bytes, (byte, index) => (index === bytes.length - 1 ? byte ^ 1 : byte))

/** A log of which a process hears nothing but positions: what lost messages would do. */
const deaf = Layer.effect(
  InvalidationLog,
  InvalidationLog.use((log) => {
    const heard = (entry: View.LogEntry): View.LogEntry => ({ ...entry, tags: [], floor: undefined })
    return Effect.succeed(
      InvalidationLog.of({
        ...log,
        sync: (from) =>
          Effect.map(log.sync(from), ({ entries, head }) => ({ head, floor: 0, entries: entries.map(heard) })),
        follow: (from) => Effect.map(log.follow(from), (entries) => entries.map(heard))
      })
    )
  })
)

const a = Tag.of("value", "a")
const ten = Array.from({ length: 10 }, (_, index) => `${index}`)

/** Reads until the monitor may look at everything that is at hand. */
const pay = <E>(domain: Domain.Domain<string, number, E>, id = "a") =>
  Effect.forEach(Array.from({ length: 20 }), () => domain.get(id), { discard: true })

for (const [name, tier] of Object.entries(tiers)) {
  const world = Layer.mergeAll(
    tier.pipe(Layer.provideMerge(Truth.layer)),
    // What is found is logged too.
    Layer.succeed(References.MinimumLogLevel, "None")
  )

  describe(`the consistency monitor over ${name}`, () => {
    it.live("finds nothing where nothing differs, and says how many nines that shows", () =>
      Effect.gen(function* () {
        const { monitor, totals, values } = yield* peer
        const truth = yield* Truth
        yield* pay(values)
        yield* pay(totals)
        const asked = truth.asked.length
        assert.deepStrictEqual(yield* monitor.check, { samples: 2, undecided: 0, lookups: 2, findings: [] })
        assert.strictEqual(truth.asked.length, asked + 1)
        const counts = yield* monitor.counts
        assert.deepInclude(counts, { windows: 1, samples: 2, inconsistent: 0, oldest: 0, nines: Math.log10(2) })
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("finds a change that nobody announced, tells how it came about, and repairs it", () =>
      Effect.gen(function* () {
        const { manager, monitor, values } = yield* peer
        const { values: source } = yield* Truth
        yield* pay(values)
        source.set("a", 2)
        const events = yield* manager.events
        const { findings } = yield* monitor.check
        assert.strictEqual(yield* values.get("a"), 2)
        const [finding] = findings
        assert.deepInclude(finding, { key: a, domain: "value", cause: "unannounced", repaired: true })
        assert.isAtLeast(finding?.age ?? 0, 20)
        assert.include(finding?.detail, "nothing that the entry depends on was invalidated")
        assert.deepInclude(finding?.explanation, { key: a, state: "fresh", tier: "near" })
        const told: Array<CacheEvent> = []
        while (told.at(-1)?._tag !== "Inconsistent") told.push(yield* PubSub.take(events))
        assert.deepStrictEqual(
          told.map(({ _tag }) => _tag),
          ["Invalidated", "Loaded", "Inconsistent"]
        )
        assert.deepStrictEqual(told[2], finding)

        yield* pay(values)
        assert.deepStrictEqual((yield* monitor.check).findings, [])
        const { domains, inconsistent, oldest, samples } = yield* monitor.counts
        assert.deepStrictEqual([samples, inconsistent, oldest], [2, 1, finding?.age])
        assert.deepInclude(domains["value"], { samples: 2, lookups: 3, repaired: 1 })
        assert.deepInclude(domains["value"]?.inconsistent, { unannounced: 1, corrupt: 0 })
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("finds what exists no more, and what exists by now", () =>
      Effect.gen(function* () {
        const { monitor, values } = yield* peer
        const { values: source } = yield* Truth
        yield* pay(values)
        yield* Effect.flip(values.get("b"))
        source.delete("a")
        source.set("b", 5)
        const { findings } = yield* monitor.check
        assert.deepStrictEqual(findings.map(({ key }) => key).toSorted(), [a, Tag.of("value", "b")])
        assert.deepStrictEqual([yield* values.find("a"), yield* values.get("b")], [Option.none(), 5])
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("finds a value that only one process's near cache has", () =>
      Effect.gen(function* () {
        const [one, two] = [yield* peer, yield* peer]
        yield* one.values.put("a", 9, { readAt: yield* one.manager.position })
        yield* two.values.refresh(["a"])
        yield* pay(one.values)
        yield* pay(two.values)
        assert.deepStrictEqual([yield* one.values.get("a"), yield* two.values.get("a")], [9, 1])
        assert.deepStrictEqual((yield* two.monitor.check).findings, [])
        const { findings } = yield* one.monitor.check
        assert.deepInclude(findings[0], { key: a, cause: "tier-difference", repaired: true })
        assert.include(findings[0]?.detail, "agrees with the store")
        assert.strictEqual(yield* one.values.get("a"), 1)
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("finds an old payload under a valid header in the store, also where the near cache is right", () =>
      Effect.gen(function* () {
        const [one, two] = [yield* peer, yield* peer]
        yield* pay(one.values)
        yield* overwrite(one.values, "a", withPayload("a", "7"))
        assert.deepStrictEqual([yield* one.values.get("a"), yield* two.values.get("a")], [1, 7])
        const { findings } = yield* one.monitor.check
        assert.deepInclude(findings[0], { key: a, cause: "tier-difference", repaired: true })
        assert.include(findings[0]?.detail, "agrees with the near cache")
        yield* eventually(Effect.filterOrFail(two.values.get("a"), (value) => value === 1))

        yield* overwrite(one.values, "a", withPayload("a", "8"))
        const three = yield* peer
        yield* pay(three.values)
        assert.strictEqual(yield* three.values.get("a"), 8)
        assert.deepInclude((yield* three.monitor.check).findings[0], { key: a, cause: "unannounced" })
        assert.strictEqual(yield* three.values.get("a"), 1)
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("finds altered bytes, and has them overwritten", () =>
      Effect.gen(function* () {
        const { manager, monitor, values } = yield* peer
        const position = yield* manager.position
        yield* pay(values)
        yield* overwrite(values, "a", flipLast)
        const { findings, lookups } = yield* monitor.check
        assert.deepInclude(findings[0], { key: a, cause: "corrupt", age: 0, repaired: true })
        assert.include(findings[0]?.detail, "checksum")
        assert.deepStrictEqual(yield* values.inspect(["a"]), ["fresh"])
        // Nobody was answered with it: nothing is invalidated, and the source is asked by the load only.
        assert.deepStrictEqual([yield* manager.position, lookups], [position, 0])
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("finds an entry that the log invalidated and this process missed", () =>
      Effect.gen(function* () {
        const one = yield* peer
        const two = yield* peer.pipe(Effect.provide(Layer.fresh(deaf)))
        const { values: source } = yield* Truth
        yield* pay(two.values)
        source.set("a", 2)
        const position = yield* one.manager.invalidate({ primary: a })
        assert.strictEqual(yield* two.values.get("a", { after: position }), 1)
        const missed = (yield* two.monitor.check).findings
        assert.deepInclude(missed[0], { key: a, cause: "stale-served" })
        assert.include(missed[0]?.detail, `value:a was invalidated at ${position}`)

        // Healed by its own append, it misses the next thing.
        assert.strictEqual(yield* two.values.get("a"), 2)
        source.set("a", 3)
        const floor = yield* one.manager.invalidate({ primary: Tag.of("value", "b") })
        yield* InvalidationLog.use((log) => log.compact(floor))
        yield* pay(two.values)
        const below = (yield* two.monitor.check).findings
        assert.deepInclude(below[0], { key: a, cause: "stale-served" })
        assert.include(below[0]?.detail, `The floor rose to ${floor}`)
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("tells a dependency that is missing from an input that changed unannounced", () =>
      Effect.gen(function* () {
        const { manager, monitor, totals, values } = yield* peer
        const truth = yield* Truth
        const total = Tag.of("total", "a")
        yield* pay(totals)
        truth.bonus = 100
        const past = (yield* monitor.check).findings
        assert.deepInclude(past[0], { key: total, cause: "missing-dependency" })
        assert.include(past[0]?.detail, "something past the cache")
        assert.strictEqual(yield* totals.get("a"), 101)

        yield* totals.put("a", 55, { readAt: yield* manager.position })
        yield* pay(totals)
        const unknown = (yield* monitor.check).findings
        assert.deepInclude(unknown[0], { key: total, cause: "missing-dependency" })
        assert.include(unknown[0]?.detail, "carries value:a, which the entry does not depend on")

        yield* pay(totals)
        truth.values.set("a", 2)
        yield* eventually(
          Effect.gen(function* () {
            yield* values.refresh(["a"])
            const { entry } = yield* values.explain("a")
            const { entry: computed } = yield* totals.explain("a")
            assert.isAbove(entry?.createdAt ?? 0, computed?.createdAt ?? 0)
          })
        )
        const input = (yield* monitor.check).findings
        assert.deepInclude(input[0], { key: total, cause: "unannounced" })
        assert.include(input[0]?.detail, "Its input value:a was loaded anew")
        assert.strictEqual(yield* totals.get("a"), 102)
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("what is announced before the grace has passed is no finding", () =>
      Effect.gen(function* () {
        const { manager, monitor, values } = yield* monitored({ grace: "200 millis" })
        const truth = yield* Truth
        yield* pay(values)
        truth.values.set("a", 2)
        const asked = yield* Deferred.make<void>()
        truth.after = Effect.asVoid(Deferred.succeed(asked, undefined))
        const checking = yield* Effect.forkChild(monitor.check)
        yield* Deferred.await(asked)
        yield* manager.invalidate({ primary: a })
        assert.deepStrictEqual(yield* Fiber.join(checking), { samples: 0, undecided: 1, lookups: 1, findings: [] })
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("an entry that was replaced before the grace has passed is no finding, though the new one differs", () =>
      Effect.gen(function* () {
        const { monitor, values } = yield* monitored({ grace: "200 millis" })
        const truth = yield* Truth
        yield* pay(values)
        truth.values.set("a", 2)
        const asked = yield* Deferred.make<void>()
        truth.after = Effect.asVoid(Deferred.succeed(asked, undefined))
        const checking = yield* Effect.forkChild(monitor.check)
        yield* Deferred.await(asked)
        yield* values.refresh(["a"])
        truth.values.set("a", 3)
        assert.deepStrictEqual(yield* Fiber.join(checking), { samples: 0, undecided: 1, lookups: 2, findings: [] })
        assert.strictEqual((yield* monitor.check).findings[0]?.cause, "unannounced")
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("an invalidation while the source is asked decides nothing, though another process appends it", () =>
      Effect.gen(function* () {
        const [one, two] = [yield* peer, yield* peer]
        const truth = yield* Truth
        yield* pay(one.values)
        truth.after = Effect.suspend(() => {
          truth.after = Effect.void
          // The lookup has read what was, and answers it after what is has been announced.
          truth.values.set("a", 2)
          return Effect.orDie(Effect.asVoid(two.values.update("a", 2)))
        })
        assert.deepInclude(yield* one.monitor.check, { samples: 0, undecided: 1, findings: [] })
        assert.strictEqual((yield* one.monitor.counts).domains["value"]?.undecided.overtaken, 1)
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("what was invalidated before its turn to be asked for is not judged, nor looked at twice", () =>
      Effect.gen(function* () {
        const [one, two] = [yield* peer, yield* peer]
        const truth = yield* Truth
        for (const id of ten) truth.values.set(id, 1)
        for (const id of ten) yield* pay(one.values, id)
        truth.after = Effect.suspend(() => {
          truth.after = Effect.void
          for (const id of ten) truth.values.set(id, 2)
          return Effect.orDie(Effect.asVoid(two.manager.invalidate({ primary: Tag.any("value") })))
        })
        assert.deepStrictEqual(yield* one.monitor.check, { samples: 0, undecided: 10, lookups: 10, findings: [] })
        assert.strictEqual((yield* one.monitor.counts).domains["value"]?.undecided.overtaken, 10)
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("asks a source that answers many at once, and takes no answer for none", () =>
      Effect.gen(function* () {
        const { monitor, rows } = yield* peer
        const truth = yield* Truth
        yield* pay(rows)
        truth.isMute = true
        truth.values.set("a", 2)
        assert.deepInclude(yield* monitor.check, { samples: 0, undecided: 1 })
        assert.strictEqual((yield* monitor.counts).domains["row"]?.undecided.unanswered, 1)
        truth.isMute = false
        assert.deepInclude((yield* monitor.check).findings[0], { domain: "row", cause: "unannounced", repaired: true })
        assert.strictEqual(yield* rows.get("a"), 2)
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("a source that is behind by its revision decides nothing", () =>
      Effect.gen(function* () {
        const { monitor, values } = yield* peer
        const truth = yield* Truth
        truth.revision = 1_000
        yield* pay(values)
        yield* values.update("a", 2, { revision: { time: 2_000, sequence: 0 } })
        yield* pay(values)
        assert.deepInclude(yield* monitor.check, { samples: 0, undecided: 1, findings: [] })
        assert.strictEqual((yield* monitor.counts).domains["value"]?.undecided.behind, 1)
        truth.revision = 3_000
        assert.strictEqual((yield* monitor.check).findings[0]?.cause, "unannounced")
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("a source that fails decides nothing, and what is no longer fresh is not looked at", () =>
      Effect.gen(function* () {
        const { manager, monitor, values } = yield* peer
        const truth = yield* Truth
        yield* pay(values)
        yield* pay(values, "b").pipe(Effect.ignore)
        yield* manager.invalidate({ primary: Tag.of("value", "b") })
        truth.after = Effect.fail("the source is away")
        assert.deepStrictEqual(yield* monitor.check, { samples: 0, undecided: 2, lookups: 1, findings: [] })
        assert.deepInclude((yield* monitor.counts).domains["value"]?.undecided, { unanswered: 1, missing: 1 })
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("what was computed while an input moved is not judged", () =>
      Effect.gen(function* () {
        const [one, two] = [yield* monitored({ except: ["value"] }), yield* peer]
        const truth = yield* Truth
        yield* one.totals.put("a", 55, { readAt: yield* one.manager.position })
        yield* pay(one.totals)
        yield* one.values.get("a")
        let value = 1
        truth.after = Effect.suspend(() => Effect.orDie(Effect.asVoid(two.values.update("a", ++value))))
        assert.deepStrictEqual(yield* one.monitor.check, { samples: 0, undecided: 1, lookups: 1, findings: [] })
        assert.strictEqual((yield* one.monitor.counts).domains["total"]?.undecided.overtaken, 1)
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("what was computed from something suspect is not blamed for it", () =>
      Effect.gen(function* () {
        const { manager, monitor, totals, values } = yield* monitored({ repair: false })
        yield* pay(totals)
        yield* values.put("a", 9, { readAt: yield* manager.position })
        const { findings } = yield* monitor.check
        assert.deepStrictEqual(
          findings.map(({ key, repaired }) => ({ key, repaired })),
          [{ key: a, repaired: false }]
        )
        assert.strictEqual((yield* monitor.counts).domains["total"]?.undecided.input, 1)
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("never asks the source more than its share, though everything differs", () =>
      Effect.gen(function* () {
        const { monitor, values } = yield* monitored({ share: 0.01, repair: false })
        const truth = yield* Truth
        for (const id of ten) truth.values.set(id, 1)
        yield* Effect.forEach(ten, (id) => values.get(id))
        for (const id of ten) truth.values.set(id, 2)
        // Ten misses and ten lookups so far.
        let demand = 20
        let asked = 0
        for (let window = 0; window < 12; window++) {
          const { findings, lookups } = yield* monitor.check
          asked += lookups
          assert.isAtMost(asked, demand / 100)
          // What was looked at once could be looked at again.
          assert.strictEqual(lookups, findings.length * 2)
          for (let read = 0; read < 350; read++) yield* values.get(`${read % 10}`)
          demand += 350
        }
        assert.isAtLeast(asked, 11 * 3)
        assert.strictEqual((yield* monitor.counts).domains["value"]?.repaired, 0)
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("does not save up what nobody reads for", () =>
      Effect.gen(function* () {
        const { monitor, values } = yield* monitored({ sample: 3 })
        for (let times = 0; times < 20; times++) yield* pay(values)
        let asked = 0
        for (let window = 0; window < 20; window++) asked += (yield* monitor.check).lookups
        // Enough for one window, in which everything is looked at twice.
        assert.isAtMost(asked, 6)
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("asks a source that costs nothing though nobody reads", () =>
      Effect.gen(function* () {
        const { monitor, values } = yield* monitored({ share: Number.POSITIVE_INFINITY })
        yield* values.get("a")
        for (let window = 0; window < 5; window++) assert.strictEqual((yield* monitor.check).samples, 1)
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("looks at what is at hand, and forgets the rest", () =>
      Effect.gen(function* () {
        const { monitor, values } = yield* peer
        for (const id of ten) yield* Effect.ignore(pay(values, id))
        assert.strictEqual((yield* monitor.check).samples, 4)
        for (const id of ten.toReversed()) yield* Effect.ignore(pay(values, id))
        assert.strictEqual((yield* monitor.check).samples, 4)
      }).pipe(Effect.scoped, Effect.provide(world.pipe(Layer.provideMerge(CacheConfig.layer({ nearEntries: 4 })))))
    )

    it.live("takes turns: looks at everything at hand before it looks at anything again", () =>
      Effect.gen(function* () {
        const { monitor, values } = yield* monitored({ sample: 3 })
        const truth = yield* Truth
        for (const id of ten) truth.values.set(id, 1)
        yield* Effect.forEach(ten, (id) => values.get(id))
        // Half of a sample is of keys that are new, and all are: 3, 2, 2, 2 and the last one.
        for (const windows of [5, 4, 4, 4]) {
          truth.asked.length = 0
          for (let window = 0; window < windows; window++) {
            yield* pay(values, "0")
            assert.strictEqual((yield* monitor.check).samples, 3)
          }
          assert.deepStrictEqual([...new Set(truth.asked)].toSorted(), ten)
        }
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("leaves alone the domains that it is told to", () =>
      Effect.gen(function* () {
        const { monitor, totals, values } = yield* monitored({ except: ["value", "row"] })
        yield* pay(values)
        yield* pay(totals)
        assert.strictEqual((yield* monitor.check).samples, 1)
        assert.deepStrictEqual(Object.keys((yield* monitor.counts).domains), ["total"])
      }).pipe(Effect.scoped, Effect.provide(world))
    )
  })
}
