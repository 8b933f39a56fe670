import { assert, describe, it } from "@effect/vitest"
import { CacheConfig, CacheManager, DependencyGraph, DomainCache, LiveView, Lookup, Tag } from "@letletme/cache"
import { Context, Deferred, Effect, Fiber, Layer, Option, Ref, Schema } from "effect"
import { eventually, tiers } from "./tiers.ts"

/** The truth, shared by all processes: values by id, and a gate that holds a lookup after it has read. */
class Truth extends Context.Service<
  Truth,
  {
    readonly values: Map<string, number>
    readonly asked: Array<string>
    readonly gate: Ref.Ref<Effect.Effect<void>>
  }
>()("test/Truth") {
  static readonly layer = Layer.effect(
    this,
    Effect.map(Ref.make<Effect.Effect<void>>(Effect.void), (gate) =>
      Truth.of({ values: new Map([["a", 1]]), asked: [], gate })
    )
  )
}

class Values extends DomainCache.Service<Values>()("test/Values", {
  graph: DependencyGraph.make({ value: [] }),
  domain: "value",
  id: Schema.String,
  value: Schema.Int,
  timeToLive: "metadata",
  lookup: (id: string) =>
    Truth.use(({ asked, gate, values }) =>
      Effect.gen(function* () {
        asked.push(id)
        const value = values.get(id)
        yield* Effect.flatten(Ref.get(gate))
        return Lookup.fromOption(Option.fromUndefinedOr(value))
      })
    )
}) {}

/** A process of its own over the store and the log in context. */
const process = Layer.fresh(
  Values.layer.pipe(Layer.provideMerge(CacheManager.layerOver), Layer.provide(CacheConfig.layer({})))
)

const peer = Effect.map(Layer.build(process), (context) => ({
  values: Context.get(context, Values),
  manager: Context.get(context, CacheManager),
  live: Context.get(context, LiveView)
}))

const key = Tag.of("value", "a")

for (const [name, tier] of Object.entries(tiers)) {
  const world = tier().pipe(Layer.provideMerge(Truth.layer))

  describe(`reads of several processes over ${name}`, () => {
    it.live("a strong read sees what another process has had acknowledged", () =>
      Effect.gen(function* () {
        const { values } = yield* Truth
        const [one, two] = [yield* peer, yield* peer]
        for (let trial = 0; trial < 20; trial++) {
          values.set("a", trial)
          yield* one.manager.invalidate({ primary: key })
          assert.strictEqual(yield* two.values.get("a", { consistency: "strong" }), trial)
        }
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("a read after a position sees what was written there; a default read sees it soon", () =>
      Effect.gen(function* () {
        const { values } = yield* Truth
        const [one, two] = [yield* peer, yield* peer]
        assert.strictEqual(yield* two.values.get("a"), 1)
        values.set("a", 2)
        const written = yield* one.values.update("a", 2)
        assert.strictEqual(written._tag, "Updated")
        if (written._tag !== "Updated") return
        assert.strictEqual(yield* two.values.get("a", { after: written.position }), 2)
        values.set("a", 3)
        yield* one.values.update("a", 3)
        yield* eventually(Effect.filterOrFail(two.values.get("a"), (value) => value === 3))
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("a position that is never reached fails the read in time", () =>
      Effect.gen(function* () {
        const { live, values } = yield* peer
        const error = yield* Effect.flip(values.get("a", { after: live.view.position + 1_000, timeout: "100 millis" }))
        assert.strictEqual(error.reason._tag, "Timeout")
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("twenty processes with ten callers each load a cold key once", () =>
      Effect.gen(function* () {
        const { asked } = yield* Truth
        const peers = yield* Effect.forEach(Array.from({ length: 20 }), () => peer)
        const answers = yield* Effect.forEach(
          peers.flatMap(({ values }) => Array.from({ length: 10 }, () => values.get("a"))),
          (read) => read,
          { concurrency: "unbounded" }
        )
        assert.isTrue(answers.every((value) => value === 1))
        assert.deepStrictEqual(asked, ["a"])
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("a loading process that ends hands over at once", () =>
      Effect.gen(function* () {
        const { asked, gate } = yield* Truth
        const two = yield* peer
        const reached = yield* Deferred.make<void>()
        yield* Ref.set(gate, Effect.andThen(Deferred.succeed(reached, undefined), Effect.never))
        const loading = yield* Effect.forkChild(Effect.scoped(Effect.flatMap(peer, ({ values }) => values.get("a"))))
        yield* Deferred.await(reached)
        const waiting = yield* Effect.forkChild(two.values.get("a"))
        yield* Ref.set(gate, Effect.void)
        yield* Fiber.interrupt(loading)
        assert.strictEqual(yield* Fiber.join(waiting), 1)
        assert.deepStrictEqual(asked, ["a", "a"])
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live(
      "under constant invalidation a reader is answered after at most one retry, with a value of its own time",
      () =>
        Effect.gen(function* () {
          const { asked, gate, values } = yield* Truth
          const one = yield* peer
          // Each lookup is overtaken before it answers.
          yield* Ref.set(gate, Effect.orDie(Effect.asVoid(one.manager.invalidate({ primary: key }))))
          values.set("a", 7)
          assert.strictEqual(yield* one.values.get("a"), 7)
          assert.deepStrictEqual(asked, ["a", "a"])
          assert.strictEqual((yield* one.values.explain("a")).state, "missing")
        }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("the reads of a snapshot hold at one position, or it runs again", () =>
      Effect.gen(function* () {
        const { values } = yield* Truth
        const one = yield* peer
        values.set("b", 1)
        let runs = 0
        const both = one.manager.snapshot(
          Effect.gen(function* () {
            runs++
            const a = yield* one.values.get("a")
            if (runs === 1) {
              values.set("a", 2).set("b", 2)
              yield* one.manager.invalidate({ primary: Tag.any("value") })
            }
            return [a, yield* one.values.get("b")]
          })
        )
        assert.deepStrictEqual(yield* both, [2, 2])
        assert.strictEqual(runs, 2)
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("a snapshot that is always overtaken gives up", () =>
      Effect.gen(function* () {
        const one = yield* peer
        const overtaken = Effect.andThen(one.values.get("a"), one.manager.invalidate({ primary: key }))
        const error = yield* Effect.flip(one.manager.snapshot(overtaken, { attempts: 3 }))
        assert.deepInclude(error.reason, { _tag: "SnapshotConflict", attempts: 3 })
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("a failed lookup is nobody's value", () =>
      Effect.gen(function* () {
        const { asked } = yield* Truth
        const [one, two] = [yield* peer, yield* peer]
        const failing = one.values.getOrLoad("a", Effect.fail("not today" as const))
        assert.strictEqual(yield* Effect.flip(failing), "not today")
        assert.strictEqual(yield* two.values.get("a"), 1)
        assert.strictEqual(yield* one.values.get("a"), 1)
        assert.deepStrictEqual(asked, ["a"])
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("tiers to skip, an age and a time-out are the call's to choose", () =>
      Effect.gen(function* () {
        const { asked, gate, values } = yield* Truth
        const one = yield* peer
        assert.strictEqual(yield* one.values.get("a"), 1)
        values.set("a", 2)
        assert.strictEqual(yield* one.values.get("a", { skip: "near" }), 1)
        assert.strictEqual(yield* one.values.get("a", { skip: "all" }), 2)
        assert.strictEqual(yield* one.values.get("a", { maxAge: "1 hour" }), 2)
        assert.strictEqual(asked.length, 2)
        yield* Ref.set(gate, Effect.never)
        const error = yield* Effect.flip(one.values.get("b", { timeout: "50 millis" }))
        assert.strictEqual(error.reason._tag, "Timeout")
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("a touched entry lives anew", () =>
      Effect.gen(function* () {
        const one = yield* peer
        assert.isFalse(yield* one.values.touch("a"))
        yield* one.values.get("a")
        assert.isTrue(yield* one.values.touch("a", "1 hour"))
        const { entry } = yield* one.values.explain("a")
        assert.strictEqual((entry?.freshUntil ?? 0) - (entry?.createdAt ?? 0), 3_600_000)
      }).pipe(Effect.scoped, Effect.provide(world))
    )
  })
}
