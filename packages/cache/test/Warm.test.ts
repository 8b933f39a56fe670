import { assert, describe, it } from "@effect/vitest"
import { CacheStore, DependencyGraph, DomainCache, Lookup } from "@letletme/cache"
import { Cause, Context, Deferred, Effect, Fiber, Layer, Schema } from "effect"
import { tiers } from "./tiers.ts"

const graph = DependencyGraph.make({ team: [] })
const ids = ["1", "2", "3", "4"]

/** Answers `id` and how often it was asked; what it is asked before it answers is `gate`'s to say. */
class Source extends Context.Service<Source, { asked: Array<string>; gate: Effect.Effect<void, string> }>()(
  "test/Source"
) {
  static readonly layer = Layer.sync(this, () => Source.of({ asked: [], gate: Effect.void }))
}

const asking = (asked: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const source = yield* Source
    source.asked.push(asked.join(" "))
    const time = source.asked.length
    yield* source.gate
    return asked.map((id) => Lookup.found(`${id} at ${time}`))
  })

const shape = { graph, domain: "team", id: Schema.String, value: Schema.String, timeToLive: "metadata" } as const

class Together extends DomainCache.Service<Together>()("test/Together", {
  ...shape,
  lookupMany: (questions) => asking(questions.map(({ id }) => id))
}) {}
class Apart extends DomainCache.Service<Apart>()("test/Apart", {
  ...shape,
  lookup: (id) => Effect.map(asking([id]), ([answer = Lookup.absent]) => answer)
}) {}

for (const [name, tier] of Object.entries(tiers)) {
  const over = <A, E, R>(cache: Layer.Layer<A, E, R>) =>
    cache.pipe(Layer.provideMerge(tier()), Layer.provideMerge(Source.layer))

  describe(`Warming a batch over ${name}`, () => {
    it.live("asks once for exactly what is not fresh, overwrites what cannot be read, and says what each was", () =>
      Effect.gen(function* () {
        const teams = yield* Together
        const source = yield* Source
        const store = yield* CacheStore
        yield* teams.warm(ids)
        yield* teams.invalidate(["2"])
        const { storeKey } = yield* teams.explain("3")
        const unreadable = Buffer.from("LLC1 no entry")
        const fill = { stamp: 0, revision: { time: 0, sequence: 0 }, timeToLive: 60_000, overwrite: true }
        yield* store.fill([{ ...fill, key: storeKey, bytes: unreadable }])
        source.asked = []
        const warmed = yield* teams.warm(ids)
        assert.deepStrictEqual(
          warmed.map(({ was }) => was),
          ["fresh", "invalidated", "corrupt", "fresh"]
        )
        assert.deepStrictEqual(source.asked, ["2 3"])
        assert.isTrue(warmed.every(({ failure }) => failure === undefined))
        assert.deepStrictEqual(yield* teams.inspect(ids), ["fresh", "fresh", "fresh", "fresh"])
      }).pipe(Effect.provide(over(Together.layer)))
    )

    it.live("stores nothing that was invalidated while it was loaded, and loads that once more", () =>
      Effect.gen(function* () {
        const teams = yield* Together
        const source = yield* Source
        const isAsked = yield* Deferred.make<void>()
        const mayAnswer = yield* Deferred.make<void>()
        source.gate = Effect.andThen(Deferred.succeed(isAsked, undefined), Deferred.await(mayAnswer))
        const warming = yield* Effect.forkChild(teams.warm(ids))
        yield* Deferred.await(isAsked)
        yield* teams.invalidate(["2"])
        yield* Deferred.succeed(mayAnswer, undefined)
        assert.isTrue((yield* Fiber.join(warming)).every(({ failure }) => failure === undefined))
        assert.deepStrictEqual(source.asked, ["1 2 3 4", "2"])
        assert.deepStrictEqual(yield* teams.inspect(ids), ["fresh", "fresh", "fresh", "fresh"])
        assert.strictEqual(yield* teams.get("2", { skip: "near" }), "2 at 2")
      }).pipe(Effect.provide(over(Together.layer)))
    )

    it.live("tells for each id why it could not be loaded, and stores the others", () =>
      Effect.gen(function* () {
        const teams = yield* Apart
        const source = yield* Source
        source.gate = Effect.suspend(() => (source.asked.at(-1) === "2" ? Effect.fail("no such row") : Effect.void))
        const warmed = yield* teams.warm(ids)
        const failures = warmed.map(({ failure }) => (failure === undefined ? "" : String(Cause.squash(failure))))
        assert.deepStrictEqual(
          failures.map((failure) => failure !== ""),
          [false, true, false, false]
        )
        assert.include(failures[1], "no such row")
        assert.deepStrictEqual(yield* teams.inspect(ids), ["fresh", "missing", "fresh", "fresh"])
      }).pipe(Effect.provide(over(Apart.layer)))
    )

    it.live("where each key has a lookup of its own, a reader waits for the warmer's load", () =>
      Effect.gen(function* () {
        const teams = yield* Apart
        const source = yield* Source
        const isAsked = yield* Deferred.make<void>()
        const mayAnswer = yield* Deferred.make<void>()
        source.gate = Effect.andThen(Deferred.succeed(isAsked, undefined), Deferred.await(mayAnswer))
        const warming = yield* Effect.forkChild(teams.warm(["1"]))
        yield* Deferred.await(isAsked)
        const reading = yield* Effect.forkChild(teams.get("1"), { startImmediately: true })
        yield* Deferred.succeed(mayAnswer, undefined)
        assert.strictEqual(yield* Fiber.join(reading), "1 at 1")
        yield* Fiber.join(warming)
        assert.deepStrictEqual(source.asked, ["1"])
      }).pipe(Effect.provide(over(Apart.layer)))
    )
  })
}
