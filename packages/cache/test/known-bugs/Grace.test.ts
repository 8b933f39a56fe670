import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { eventually } from "../tiers.ts"
import { holdNext, Source, start, topic, worlds } from "./deployment.ts"

for (const [name, world] of Object.entries(worlds)) {
  describe(`known bugs of grace periods, over ${name}`, () => {
    it.live("bentocache #71: delete by tag with a grace period never serves the old value", () =>
      Effect.gen(function* () {
        const { pages } = yield* Source
        const policy = { grace: "10 minutes" } as const
        const [one, two] = [yield* start({ policy }), yield* start({ policy })]
        assert.strictEqual(yield* one.pages.get("a"), 1)
        assert.strictEqual(yield* two.pages.get("a"), 1)
        pages.set("a", 2)
        const position = yield* one.manager.invalidate({ primary: topic })
        assert.strictEqual(yield* one.pages.get("a"), 2)
        assert.strictEqual(yield* two.pages.get("a", { after: position }), 2)
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("bentocache #63: a policy decides that what a tag reached is served while it is loaded anew", () =>
      Effect.gen(function* () {
        const { asked, pages } = yield* Source
        const quick = yield* start({ policy: { staleWhileRevalidate: "invalidated" } })
        assert.strictEqual(yield* quick.pages.get("a"), 1)
        pages.set("a", 2)
        yield* quick.manager.invalidate({ primary: topic })
        const { hasRead, letGo } = yield* holdNext
        // The old value comes at once: the load that it started has not answered yet.
        assert.strictEqual(yield* quick.pages.get("a"), 1)
        yield* hasRead
        assert.strictEqual(yield* quick.pages.get("a"), 1)
        // One call may want it otherwise.
        const right = yield* Effect.forkChild(quick.pages.get("a", { staleWhileRevalidate: "none" }))
        yield* letGo
        assert.strictEqual(yield* Fiber.join(right), 2)
        assert.strictEqual(yield* quick.pages.get("a"), 2)
        assert.deepStrictEqual(asked, ["a", "a"])
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("FusionCache #648: an expired entry that was cleared is not what a failing lookup falls back to", () =>
      Effect.gen(function* () {
        const source = yield* Source
        const policy = { grace: "1 hour", staleWhileRevalidate: "none", staleIfUnavailable: "expired" } as const
        const [one, two] = [yield* start({ policy }), yield* start({ policy })]
        yield* one.pages.get("a")
        assert.isTrue(yield* one.pages.touch("a", "1 millis"))
        yield* eventually(Effect.filterOrFail(one.pages.inspect(["a"]), ([condition]) => condition === "expired"))
        source.isAway = true
        // Before it is cleared it is what the grace is for, also for a process that has it from the store alone.
        assert.strictEqual(yield* one.pages.get("a"), 1)
        assert.strictEqual(yield* two.pages.get("a", { skip: "near" }), 1)
        const position = yield* one.manager.invalidate({ primary: topic })
        const after = { after: position, skip: "near" } as const
        assert.strictEqual(yield* Effect.flip(one.pages.get("a")), "the source is away")
        assert.strictEqual(yield* Effect.flip(one.pages.get("a", after)), "the source is away")
        assert.strictEqual(yield* Effect.flip(two.pages.get("a", after)), "the source is away")
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("cacheops #289: nobody has to wait for the load that one caller's stale value started", () =>
      Effect.gen(function* () {
        const { asked, pages } = yield* Source
        const policy = { staleWhileRevalidate: "invalidated" } as const
        const [one, two] = [yield* start({ policy }), yield* start({ policy })]
        yield* one.pages.get("a")
        yield* two.pages.get("a")
        pages.set("a", 2)
        const position = yield* one.manager.invalidate({ primary: topic })
        yield* two.live.reach(position, 1_000)
        const { hasRead, letGo } = yield* holdNext
        assert.strictEqual(yield* one.pages.get("a"), 1)
        yield* hasRead
        const answers = yield* Effect.forEach(
          [one, two].flatMap((process) => Array.from({ length: 20 }, () => process.pages.get("a"))),
          (read) => read,
          { concurrency: "unbounded" }
        )
        assert.isTrue(answers.every((answer) => answer === 1))
        yield* letGo
        yield* eventually(Effect.filterOrFail(one.pages.get("a"), (value) => value === 2))
        yield* eventually(Effect.filterOrFail(two.pages.get("a"), (value) => value === 2))
        assert.deepStrictEqual(asked, ["a", "a"])
      }).pipe(Effect.scoped, Effect.provide(world))
    )
  })
}
