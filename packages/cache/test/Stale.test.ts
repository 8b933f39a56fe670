import { assert, describe, it } from "@effect/vitest"
import { CacheConfig, CacheManager, DependencyGraph, Lookup, type Policy, Tag } from "@letletme/cache"
import { Deferred, Duration, Effect, Fiber, Layer, Option, Schema, type Scope } from "effect"
import { TestClock } from "effect/testing"

const graph = DependencyGraph.make({ value: [] })

/** A cache under a policy, with its source in the test's hands. */
const make = (policy: Partial<Policy.Policy<number>>) => {
  const source = {
    value: 1,
    asked: 0,
    previous: new Array<number | undefined>(),
    answer: (value: number): Effect.Effect<Lookup.Answer<number>, string> => Effect.succeed(Lookup.found(value))
  }
  const definition = {
    graph,
    domain: "value",
    id: Schema.String,
    value: Schema.Int,
    timeToLive: "1 hour",
    jitter: 0,
    ...policy,
    lookup: (_: string, previous: Lookup.Previous<number> | undefined) =>
      Effect.suspend(() => {
        source.asked++
        source.previous.push(previous?.value)
        return source.answer(source.value)
      })
  } as const
  const values = CacheManager.use((manager) => manager.open(definition))
  return { source, values }
}

const world = CacheManager.layerMemory.pipe(Layer.provide(CacheConfig.layer({})))
const run = <A, E>(effect: Effect.Effect<A, E, CacheManager | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(world))

/** Lets the fibers that are ready run until nothing changes any more. */
const settle = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow, { discard: true })

describe("stale values", () => {
  it.effect("an expired value is answered at once, and refreshed by one load", () =>
    run(
      Effect.gen(function* () {
        const { source, values } = make({})
        const cache = yield* values
        yield* cache.get("a")
        source.value = 2
        yield* TestClock.adjust("61 minutes")
        const answers = yield* Effect.forEach(Array.from({ length: 10 }), () => cache.get("a"), {
          concurrency: "unbounded"
        })
        assert.isTrue(answers.every((answer) => answer === 1))
        yield* settle
        assert.strictEqual(yield* cache.get("a"), 2)
        assert.strictEqual(source.asked, 2)
      })
    )
  )

  it.effect("an invalidated value is not, unless the policy says so", () =>
    run(
      Effect.gen(function* () {
        const manager = yield* CacheManager
        const { source, values } = make({})
        const cache = yield* values
        yield* cache.get("a")
        source.value = 2
        yield* manager.invalidate({ primary: Tag.of("value", "a") })
        assert.strictEqual(yield* cache.get("a"), 2)
        source.value = 3
        yield* manager.invalidate({ primary: Tag.of("value", "a") })
        assert.strictEqual(yield* cache.get("a", { staleWhileRevalidate: "invalidated" }), 2)
        yield* settle
        assert.strictEqual(yield* cache.get("a"), 3)
      })
    )
  )

  it.effect("when the lookup fails an expired value is served for the grace, an invalidated one is not", () =>
    run(
      Effect.gen(function* () {
        const { source, values } = make({ staleWhileRevalidate: "none", grace: "2 hours" })
        const cache = yield* values
        yield* cache.get("a")
        source.answer = () => Effect.fail("the source is away")
        yield* TestClock.adjust("90 minutes")
        assert.strictEqual(yield* cache.get("a"), 1)
        yield* TestClock.adjust("2 hours")
        assert.strictEqual(yield* Effect.flip(cache.get("a")), "the source is away")
        source.answer = (value) => Effect.succeed(Lookup.found(value))
        yield* cache.get("a")
        source.answer = () => Effect.fail("the source is away")
        yield* cache.invalidate(["a"])
        assert.strictEqual(yield* Effect.flip(cache.get("a")), "the source is away")
      })
    )
  )

  it.effect("a caller waits for a slow lookup so long as it is told to; the load goes on", () =>
    run(
      Effect.gen(function* () {
        const { source, values } = make({ staleWhileRevalidate: "none", softTimeout: "200 millis" })
        const cache = yield* values
        const slow = yield* Deferred.make<number>()
        yield* cache.get("a")
        yield* TestClock.adjust("61 minutes")
        source.answer = () => Effect.map(Deferred.await(slow), Lookup.found)
        const waiting = yield* Effect.forkChild(cache.get("a"))
        const both = yield* Effect.forkChild(cache.getMany(["a", "new"]))
        yield* settle
        yield* TestClock.adjust("199 millis")
        assert.isUndefined(waiting.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(yield* Fiber.join(waiting), 1)
        // What there is nothing stale of is waited for.
        assert.isUndefined(both.pollUnsafe())
        yield* Deferred.succeed(slow, 2)
        assert.deepStrictEqual(yield* Fiber.join(both), [Option.some(1), Option.some(2)])
        assert.strictEqual(yield* cache.get("a"), 2)
        assert.strictEqual(source.asked, 3)
      })
    )
  )

  it.effect("a hit late in its life starts a load ahead of its end", () =>
    run(
      Effect.gen(function* () {
        const { source, values } = make({ refreshAhead: 0.8 })
        const cache = yield* values
        yield* cache.get("a")
        yield* TestClock.adjust("47 minutes")
        yield* cache.get("a")
        yield* settle
        assert.strictEqual(source.asked, 1)
        source.value = 2
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual(yield* cache.get("a"), 1)
        yield* settle
        assert.strictEqual(yield* cache.get("a"), 2)
        assert.strictEqual(source.asked, 2)
      })
    )
  )

  it.effect("a lookup sees the value before, and may say that it is still right", () =>
    run(
      Effect.gen(function* () {
        const { source, values } = make({ staleWhileRevalidate: "none" })
        const cache = yield* values
        yield* cache.get("a")
        source.answer = () => Effect.succeed(Lookup.notModified)
        yield* TestClock.adjust("61 minutes")
        assert.strictEqual(yield* cache.get("a"), 1)
        assert.deepStrictEqual(source.previous, [undefined, 1])
        const { entry, state } = yield* cache.explain("a")
        assert.strictEqual(state, "fresh")
        assert.strictEqual(entry?.createdAt, Duration.toMillis("61 minutes"))
      })
    )
  )

  it.effect("how long a value lives may depend on it, up to the strategy's cap", () =>
    run(
      Effect.gen(function* () {
        const { source, values } = make({
          timeToLive: "derived",
          adaptive: (value) => (value === 1 ? "30 seconds" : "400 days")
        })
        const cache = yield* values
        const life = Effect.map(cache.explain("a"), ({ entry }) => (entry?.freshUntil ?? 0) - (entry?.createdAt ?? 0))
        yield* cache.get("a")
        assert.strictEqual(yield* life, 30_000)
        source.value = 2
        yield* cache.refresh(["a"])
        assert.strictEqual(yield* life, Duration.toMillis("1 day"))
      })
    )
  )

  it.effect("the strategies last as long as the settings say", () =>
    Effect.gen(function* () {
      const lives = yield* Effect.forEach(["metadata", "derived", "temporary"] as const, (timeToLive) =>
        Effect.gen(function* () {
          const cache = yield* make({ timeToLive }).values
          yield* cache.get(timeToLive)
          const { entry } = yield* cache.explain(timeToLive)
          return (entry?.freshUntil ?? 0) - (entry?.createdAt ?? 0)
        }).pipe(Effect.scoped)
      )
      assert.deepStrictEqual(lives, [Duration.toMillis("30 days"), Duration.toMillis("1 day"), 5_000])
    }).pipe(
      Effect.provide(
        CacheManager.layerMemory.pipe(
          Layer.provide(
            CacheConfig.layer({
              timeToLive: {
                metadata: Duration.toMillis("30 days"),
                derived: Duration.toMillis("1 day"),
                temporary: 5_000
              }
            })
          )
        )
      )
    )
  )

  it.effect("absence is believed for its own time", () =>
    run(
      Effect.gen(function* () {
        const { source, values } = make({ absentTimeToLive: "10 seconds", grace: 0 })
        const cache = yield* values
        source.answer = () => Effect.succeed(Lookup.absent)
        yield* Effect.flip(cache.get("a"))
        yield* Effect.flip(cache.get("a"))
        assert.strictEqual(source.asked, 1)
        source.answer = (value) => Effect.succeed(Lookup.found(value))
        yield* TestClock.adjust("11 seconds")
        assert.strictEqual(yield* cache.get("a"), 1)
      })
    )
  )

  it.effect("a lookup that takes too long is interrupted, and its lease given back", () =>
    run(
      Effect.gen(function* () {
        const { source, values } = make({ lookupTimeout: "2 seconds" })
        const cache = yield* values
        const interrupted = yield* Deferred.make<void>()
        source.answer = () => Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined))
        const reading = yield* Effect.forkChild(Effect.flip(cache.get("a")))
        yield* settle
        yield* TestClock.adjust("2 seconds")
        yield* Deferred.await(interrupted)
        const error = yield* Fiber.join(reading)
        assert.include(String(error), "took longer than 2000 ms")
        source.answer = (value) => Effect.succeed(Lookup.found(value))
        assert.strictEqual(yield* cache.get("a"), 1)
      })
    )
  )
})
