import { assert, describe, it } from "@effect/vitest"
import { CacheConfig, CacheStore, InvalidationLog, LiveView } from "@letletme/cache"
import { Effect, Fiber, Layer, PubSub } from "effect"
import { TestClock } from "effect/testing"
import {
  append,
  elsewhere,
  failing,
  match,
  numbers,
  open,
  overRemote,
  Remote,
  setGates,
  silent,
  trusted
} from "./suites/remoteLog.ts"
import type { Settings } from "./tiers.ts"

const overMemory = (settings: Settings = {}) =>
  LiveView.layer.pipe(
    Layer.provideMerge(InvalidationLog.layerMemory),
    Layer.provide(CacheStore.layerMemory),
    Layer.provide(CacheConfig.layer(settings))
  )

describe("LiveView over a log in memory", () => {
  it.effect("reads its own invalidations at once", () =>
    Effect.gen(function* () {
      const { view } = yield* LiveView
      const { position } = yield* append(match(1))
      assert.strictEqual(view.position, position)
      assert.isFalse(view.isValid(position - 1, [match(1)]))
      assert.isTrue(view.isValid(position, [match(1)]))
    }).pipe(Effect.provide(overMemory()))
  )

  it.effect("hears of what another cache over the same log appends, and tells of it", () =>
    Effect.gen(function* () {
      const live = yield* LiveView
      const log = yield* InvalidationLog
      const changes = yield* live.changes
      const { position } = yield* log.append({ tags: [match(1)], cause: "other", writes: [], from: 0 })
      const change = yield* PubSub.take(changes)
      assert.strictEqual(live.view.position, position)
      assert.deepStrictEqual(change._tag === "Applied" ? change.entry.tags : change._tag, [match(1)])
    }).pipe(Effect.scoped, Effect.provide(overMemory()))
  )

  it.effect("compacted, it forgets the older half of its tags, and trusts nothing stamped before", () =>
    Effect.gen(function* () {
      const { compact, view } = yield* LiveView
      const positions: Array<number> = []
      for (const id of numbers(4)) positions.push((yield* append(match(id))).position)
      assert.strictEqual(view.size, 4)
      yield* compact
      assert.strictEqual(view.floor, positions[2])
      assert.strictEqual(view.size, 1)
      assert.isFalse(view.isValid(positions[1] ?? 0, [match(9)]))
      assert.isTrue(view.isValid(positions[2] ?? 0, [match(9)]))
    }).pipe(Effect.provide(overMemory()))
  )

  it.effect("is trusted however long nothing happens", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("30 days")
      assert.isTrue(yield* trusted)
      yield* TestClock.setTime(0)
      assert.isTrue(yield* trusted)
    }).pipe(Effect.provide(overMemory()))
  )

  it.effect("compacts when the tags become too many: the older half goes, the floor rises over it", () =>
    Effect.gen(function* () {
      const { changes, view } = yield* LiveView
      const log = yield* InvalidationLog
      yield* Effect.forEach(numbers(10), (id) => append(match(id)))
      assert.deepStrictEqual([view.size, view.floor], [10, 0])
      const told = yield* changes
      yield* append(match(10))
      yield* Effect.repeat(PubSub.take(told), { until: ({ _tag }) => _tag === "FloorRaised" })
      assert.deepStrictEqual([view.size, view.floor], [5, 6])
      assert.deepStrictEqual(
        [view.isValid(5, [match(99)]), view.isValid(6, [match(99)]), view.isValid(9, [match(9)])],
        [false, true, false]
      )
      assert.strictEqual([...(yield* log.snapshot).marks].length, view.size)
    }).pipe(Effect.scoped, Effect.provide(overMemory({ maxTags: 10 })))
  )

  it.effect("fills a gap by a snapshot, when others append faster than it follows", () =>
    Effect.gen(function* () {
      const { view } = yield* LiveView
      const log = yield* InvalidationLog
      yield* TestClock.adjust(1)
      yield* Effect.forEach(numbers(40), (id) => log.append({ tags: [match(id)], cause: "other", writes: [], from: 0 }))
      yield* TestClock.adjust(1)
      assert.strictEqual(view.position, 40)
      assert.isFalse(view.isValid(0, [match(0)]))
    }).pipe(Effect.provide(overMemory({ logLength: 5 })))
  )
})

describe("LiveView over a log in another process", () => {
  it.effect("reads its own invalidations at once, and those that came between", () =>
    Effect.gen(function* () {
      const { view } = yield* LiveView
      const { gates } = yield* Remote
      gates.follow = silent
      yield* elsewhere(match(1))
      const { position } = yield* append(match(2))
      assert.deepStrictEqual([position, view.position], [2, 2])
      assert.deepStrictEqual([view.isValid(0, [match(1)]), view.isValid(1, [match(2)])], [false, false])
    }).pipe(Effect.provide(overRemote()))
  )

  it.effect("fills a gap by a snapshot", () =>
    Effect.gen(function* () {
      const { view } = yield* LiveView
      const { calls, gates } = yield* Remote
      yield* setGates(failing)
      yield* Effect.forEach(numbers(40), (id) => elsewhere(match(id)))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(view.position, 0)
      const before = calls.get("snapshot") ?? 0
      yield* setGates(open)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(view.position, 40)
      assert.isFalse(view.isValid(0, [match(0)]))
      assert.strictEqual(calls.get("snapshot"), before + 1)
      gates.follow = silent
      yield* Effect.forEach(numbers(40), (id) => elsewhere(match(id)))
      const { position } = yield* append(match(7))
      assert.deepStrictEqual([position, view.position], [81, 81])
      assert.isFalse(view.isValid(40, [match(0)]))
    }).pipe(Effect.provide(overRemote({ logLength: 5 })))
  )

  it.effect("raises its floor when another process compacts, and tells of it", () =>
    Effect.gen(function* () {
      const live = yield* LiveView
      const { log } = yield* Remote
      const position = yield* elsewhere(match(1))
      yield* live.reach(position, 1_000)
      const changes = yield* live.changes
      yield* log.compact(position)
      yield* live.reach(position + 1, 1_000)
      const told = yield* PubSub.takeAll(changes)
      assert.deepStrictEqual(
        told.filter(({ _tag }) => _tag === "FloorRaised"),
        [{ _tag: "FloorRaised", floor: position }]
      )
      assert.isFalse(live.view.isValid(position - 1, [match(9)]))
    }).pipe(Effect.scoped, Effect.provide(overRemote()))
  )

  it.effect("reaches a position that it has without asking", () =>
    Effect.gen(function* () {
      const live = yield* LiveView
      const { position } = yield* append(match(1))
      yield* setGates(silent)
      yield* live.reach(position, 1)
      assert.isAtLeast(live.view.position, position)
    }).pipe(Effect.provide(overRemote()))
  )

  it.effect("waits for a position that is not given out yet", () =>
    Effect.gen(function* () {
      const live = yield* LiveView
      const waiting = yield* Effect.forkChild(live.reach(2, 5_000))
      yield* elsewhere(match(1))
      yield* TestClock.adjust("1 second")
      assert.isUndefined(waiting.pollUnsafe())
      yield* elsewhere(match(2))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(waiting)
      assert.strictEqual(live.view.position, 2)
    }).pipe(Effect.provide(overRemote()))
  )

  for (const [what, gate] of [
    ["does not come", open],
    ["cannot be asked for", silent]
  ] as const) {
    it.effect(`gives up on a position that ${what}, by name`, () =>
      Effect.gen(function* () {
        const live = yield* LiveView
        yield* setGates(gate)
        const waiting = yield* Effect.forkChild(Effect.flip(live.reach(7, 250)))
        yield* TestClock.adjust("250 millis")
        const error = yield* Fiber.join(waiting)
        assert.strictEqual(error.reason._tag, "Timeout")
        assert.include(error.message, "Reaching position 7 took longer than 250 ms")
      }).pipe(Effect.provide(overRemote()))
    )
  }

  it.effect("an append that fails is not acknowledged, and changes nothing here", () =>
    Effect.gen(function* () {
      const { view } = yield* LiveView
      yield* setGates(failing)
      const error = yield* Effect.flip(append(match(1)))
      assert.strictEqual(error.reason._tag, "Timeout")
      assert.deepStrictEqual([view.position, view.size], [0, 0])
    }).pipe(Effect.provide(overRemote()))
  )

  it.effect("compacts when the tags become too many, for every process", () =>
    Effect.gen(function* () {
      const { view } = yield* LiveView
      const { calls, log } = yield* Remote
      yield* Effect.forEach(numbers(10), (id) => append(match(id)))
      assert.isUndefined(calls.get("compact"))
      yield* append(match(10))
      assert.strictEqual(calls.get("compact"), 1)
      assert.strictEqual((yield* log.snapshot).floor, 6)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([view.floor, view.size], [6, 5])
    }).pipe(Effect.provide(overRemote({ maxTags: 10 })))
  )
})
