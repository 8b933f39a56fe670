import { assert, describe, it } from "@effect/vitest"
import { Tag } from "@letletme/cache"
import { Deferred, Effect, Fiber } from "effect"
import { a, monitored, pay, peer, ten, Truth, worlds } from "./monitored.ts"

for (const { name, world } of worlds) {
  describe(`what the consistency monitor does not blame, over ${name}`, () => {
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
  })
}
