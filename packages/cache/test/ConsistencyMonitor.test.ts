import { assert, describe, it } from "@effect/vitest"
import { CacheConfig, type CacheEvent, InvalidationLog, Tag } from "@letletme/cache"
import { Effect, Layer, Option, PubSub } from "effect"
import { eventually } from "./tiers.ts"
import { a, deaf, flipLast, monitored, overwrite, pay, peer, ten, Truth, withPayload, worlds } from "./monitored.ts"

for (const { name, world } of worlds) {
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
