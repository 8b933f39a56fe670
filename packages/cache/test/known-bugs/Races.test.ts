import { assert, describe, it } from "@effect/vitest"
import { Tag, View } from "@letletme/cache"
import { Effect, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import { eventually } from "../tiers.ts"
import { holdNext, leases, type Process, Source, start, topic, worlds } from "./deployment.ts"

const key = Tag.of("page", "a")

/** Lets the fibers that are ready run until nothing changes any more. */
const settle = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow, { discard: true })

/** What both tiers of each process have is this. */
const allHave = Effect.fnUntraced(function* (processes: ReadonlyArray<Process>, value: number) {
  for (const { pages } of processes) {
    assert.strictEqual(yield* pages.get("a"), value)
    assert.strictEqual(yield* pages.get("a", { skip: "near" }), value)
    assert.strictEqual(yield* pages.get("a", { consistency: "strong" }), value)
  }
})

for (const [name, world] of Object.entries(worlds)) {
  describe(`known bugs of races, over ${name}`, () => {
    it.live("FusionCache #535: an invalidation while the entry is loaded is not ignored", () =>
      Effect.gen(function* () {
        const { asked, pages } = yield* Source
        const [one, two] = [yield* start(), yield* start()]
        const { hasRead, letGo } = yield* holdNext
        const early = yield* Effect.forkChild(one.pages.get("a"))
        yield* hasRead
        pages.set("a", 2)
        yield* one.manager.invalidate({ primary: topic })
        yield* letGo
        // The one who asked before the invalidation may have either value; the cache has the new one.
        assert.include([1, 2], yield* Fiber.join(early))
        yield* allHave([one, two], 2)
        assert.deepStrictEqual(asked, ["a", "a"])
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live(
      "Scaling Memcache at Facebook, 3.2.1: a delete during a load leaves no stale set, wherever it comes from",
      () =>
        Effect.gen(function* () {
          const { pages } = yield* Source
          const [one, two] = [yield* start(), yield* start()]
          for (const isFilled of [false, true]) {
            pages.set("a", 1)
            yield* one.manager.invalidate({ primary: key })
            const { hasRead, letGo } = yield* holdNext
            const early = yield* Effect.forkChild(one.pages.get("a"))
            yield* hasRead
            pages.set("a", 2)
            const position = yield* two.manager.invalidate({ primary: key })
            // The late set finds nothing, or the value that another has set meanwhile.
            if (isFilled) assert.strictEqual(yield* two.pages.get("a", { after: position }), 2)
            yield* letGo
            yield* Fiber.join(early)
            yield* one.live.reach(position, 1_000)
            yield* allHave([one, two], 2)
          }
        }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("Scaling Memcache at Facebook, 3.2.1: a late set does not replace what was read after it", () =>
      Effect.gen(function* () {
        const { pages } = yield* Source
        const [one, two] = [yield* start(), yield* start()]
        const { hasRead, letGo } = yield* holdNext
        const early = yield* Effect.forkChild(one.pages.get("a"))
        yield* hasRead
        // Nobody invalidates the page: both sets are valid, and only their order tells which is newer.
        const after = yield* two.manager.invalidate({ primary: Tag.of("other") })
        pages.set("a", 2)
        assert.strictEqual(yield* two.pages.get("a", { after, skip: "all" }), 2)
        yield* letGo
        assert.strictEqual(yield* Fiber.join(early), 1)
        yield* allHave([two, one], 2)
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("Cache made consistent: the older of two writes comes last, and is refused", () =>
      Effect.gen(function* () {
        const { pages } = yield* Source
        const [one, two] = [yield* start(), yield* start()]
        yield* one.pages.get("a")
        pages.set("a", 43)
        const write = (process: Process, value: number) =>
          process.pages.changes([{ id: "a", value: Option.some(value) }], {
            revision: { time: 1_000, sequence: value }
          })
        // Neither knows of the other when it prepares its write.
        const [older, newer] = [yield* write(one, 42), yield* write(two, 43)]
        assert.strictEqual((yield* two.manager.commit(newer)).written[0]?._tag, "Updated")
        assert.strictEqual((yield* one.manager.commit(older)).written[0]?._tag, "Superseded")
        yield* allHave([one, two], 43)
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("Cache made consistent: a fill from before a write comes after it, and is refused", () =>
      Effect.gen(function* () {
        const { pages } = yield* Source
        const [one, two] = [yield* start(), yield* start()]
        pages.set("a", 42)
        const { hasRead, letGo } = yield* holdNext
        const early = yield* Effect.forkChild(one.pages.get("a"))
        yield* hasRead
        pages.set("a", 43)
        const written = yield* two.pages.update("a", 43)
        assert.strictEqual(written._tag, "Updated")
        if (written._tag !== "Updated") return
        yield* letGo
        yield* Fiber.join(early)
        yield* one.live.reach(written.position, 1_000)
        yield* allHave([one, two], 43)
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("cacheops #424: under constant invalidation readers are answered, and what nobody touches is cached", () =>
      Effect.gen(function* () {
        const { asked, pages } = yield* Source
        const source = yield* Source
        const one = yield* start({ tags: (id) => [Tag.of("topic", id)] })
        pages.set("b", 1)
        yield* one.pages.get("b")
        asked.length = 0
        let version = 1
        // Each lookup is overtaken before it answers.
        source.pause = Effect.suspend(() => {
          pages.set("a", ++version)
          return Effect.orDie(one.manager.invalidate({ primary: Tag.of("topic", "a") }))
        }).pipe(Effect.asVoid)
        for (let reader = 0; reader < 10; reader++) {
          const since = version
          assert.isAtLeast(yield* one.pages.get("a"), since)
          yield* one.pages.get("b")
        }
        assert.isAtMost(asked.length, 20)
        assert.isTrue(asked.every((id) => id === "a"))
        // It is cached as soon as there is a lookup's time without an invalidation.
        source.pause = Effect.void
        asked.length = 0
        for (let reader = 0; reader < 10; reader++) assert.strictEqual(yield* one.pages.get("a"), version)
        assert.deepStrictEqual(asked, ["a"])
      }).pipe(Effect.scoped, Effect.provide(world))
    )
  })
}

describe("known bugs of refreshes in the background", () => {
  it.effect("FusionCache #628: a tag's removal is not lost to an eager refresh that had read before it", () =>
    Effect.gen(function* () {
      const { asked, pages } = yield* Source
      const policy = { timeToLive: "1 hour", refreshAhead: 0.5 } as const
      const [one, two] = [yield* start({ policy }), yield* start({ policy })]
      yield* one.pages.get("a")
      yield* TestClock.adjust("40 minutes")
      const { hasRead, letGo } = yield* holdNext
      assert.strictEqual(yield* one.pages.get("a"), 1)
      yield* hasRead
      pages.set("a", 2)
      yield* two.manager.invalidate({ primary: topic })
      yield* letGo
      yield* settle
      yield* allHave([one, two], 2)
      assert.deepStrictEqual(asked, ["a", "a", "a"])
    }).pipe(Effect.scoped, Effect.provide(worlds.memory))
  )

  it.live("FusionCache #628: nor over Redis, where another process removes it", () =>
    Effect.gen(function* () {
      const { pages } = yield* Source
      // Every hit is late enough for a refresh.
      const policy = { refreshAhead: 0 } as const
      const [one, two] = [yield* start({ policy }), yield* start()]
      yield* two.pages.get("a")
      const { hasRead, letGo } = yield* holdNext
      assert.strictEqual(yield* one.pages.get("a"), 1)
      yield* hasRead
      pages.set("a", 2)
      const position = yield* two.manager.invalidate({ primary: topic })
      yield* one.live.reach(position, 1_000)
      yield* letGo
      yield* eventually(Effect.filterOrFail(leases, (keys) => keys.length === 0))
      yield* allHave([one, two], 2)
    }).pipe(Effect.scoped, Effect.provide(worlds.redis))
  )
})

describe("known bugs of invalidations that arrive out of order", () => {
  it("Cache made consistent: whatever the order, and however often, the same is invalid", () => {
    const entries = [1, 2, 3, 4, 5, 6].map((position) => ({
      position,
      tags: [position % 2 === 0 ? key : topic],
      floor: position === 4 ? 1 : undefined,
      cause: "",
      by: ""
    }))
    const orders = [
      [0, 1, 2, 3, 4, 5],
      [5, 4, 3, 2, 1, 0],
      [2, 5, 0, 4, 3, 1],
      [5, 5, 3, 0, 0, 2, 1, 4, 2, 3]
    ]
    for (const order of orders) {
      const view = View.make()
      for (const index of order) view.apply(entries.slice(index, index + 1))
      const validFrom = (tag: Tag.Tag) => [0, 1, 2, 3, 4, 5, 6].find((stamp) => view.isValid(stamp, [tag]))
      assert.deepStrictEqual([validFrom(key), validFrom(topic)], [6, 5])
    }
  })
})
