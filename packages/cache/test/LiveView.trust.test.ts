import { assert, describe, it } from "@effect/vitest"
import { LiveView } from "@letletme/cache"
import { Effect, PubSub } from "effect"
import { TestClock } from "effect/testing"
import {
  append,
  elsewhere,
  failing,
  far,
  match,
  maxStaleness,
  near,
  numbers,
  open,
  overRemote,
  Remote,
  setGates,
  silent,
  trusted
} from "./suites/remoteLog.ts"

describe("LiveView, trusted or not", () => {
  it.effect("stays trusted while the log answers, though nothing happens", () =>
    Effect.gen(function* () {
      for (const _ of numbers(50)) {
        yield* TestClock.adjust("200 millis")
        assert.isTrue(yield* trusted)
      }
    }).pipe(Effect.provide(overRemote()))
  )

  for (const [what, gate] of [
    ["fails", failing],
    ["is silent", silent]
  ] as const) {
    it.effect(`is not trusted past maxStaleness while the log ${what}`, () =>
      Effect.gen(function* () {
        yield* setGates(gate)
        yield* TestClock.adjust(maxStaleness)
        assert.isTrue(yield* trusted)
        yield* TestClock.adjust(1)
        assert.isFalse(yield* trusted)
        yield* TestClock.adjust("1 hour")
        assert.isFalse(yield* trusted)
      }).pipe(Effect.provide(overRemote()))
    )
  }

  it.effect("is trusted again only with all that it missed, and tells of both", () =>
    Effect.gen(function* () {
      const live = yield* LiveView
      const changes = yield* live.changes
      yield* setGates(failing)
      yield* elsewhere(match(1))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* PubSub.take(changes))._tag, "TrustLost")
      assert.isTrue(live.isBroken())
      yield* setGates(open)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(
        (yield* PubSub.takeAll(changes)).map(({ _tag }) => _tag),
        ["Applied", "TrustGained"]
      )
      assert.isTrue(yield* trusted)
      assert.isFalse(live.isBroken())
      assert.isFalse(live.view.isValid(0, [match(1)]))
    }).pipe(Effect.scoped, Effect.provide(overRemote()))
  )

  it.effect("does not trust a clock that was set back", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("1 hour")
      assert.isTrue(yield* trusted)
      yield* setGates(silent)
      yield* TestClock.setTime(1_000)
      assert.isFalse(yield* trusted)
    }).pipe(Effect.provide(overRemote()))
  )

  it.effect("trusts it again at the next answer", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("1 hour")
      yield* TestClock.setTime(1_000)
      yield* elsewhere(match(1))
      yield* TestClock.adjust(1)
      assert.isTrue(yield* trusted)
    }).pipe(Effect.provide(overRemote()))
  )

  it.effect("acknowledges an append whose compaction fails", () =>
    Effect.gen(function* () {
      const { view } = yield* LiveView
      const { gates } = yield* Remote
      gates.compact = failing
      yield* Effect.forEach(numbers(11), (id) => append(match(id)))
      assert.strictEqual(view.position, 11)
      gates.compact = open
      yield* append(match(11))
      yield* TestClock.adjust("1 second")
      assert.isAbove(view.floor, 0)
    }).pipe(Effect.provide(overRemote({ maxTags: 10 })))
  )

  it.effect("starts without the log, untrusted, and catches up when it is there", () =>
    Effect.gen(function* () {
      yield* setGates(failing)
      const position = yield* elsewhere(match(1))
      yield* Effect.gen(function* () {
        const { isBroken, view } = yield* LiveView
        assert.isFalse(yield* trusted)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual([view.position, isBroken()], [0, true])
        yield* setGates(open)
        yield* TestClock.adjust("1 second")
        assert.isTrue(yield* trusted)
        assert.deepStrictEqual([view.position, isBroken()], [position, false])
      }).pipe(Effect.provide(near()))
    }).pipe(Effect.provide(far()))
  )

  for (const call of ["sync", "follow", "snapshot"] as const) {
    it.effect(`keeps tailing after any number of failures of ${call}`, () =>
      Effect.gen(function* () {
        const { view } = yield* LiveView
        const { gates } = yield* Remote
        for (const round of numbers(5)) {
          gates[call] = failing
          yield* Effect.forEach(numbers(20), (id) => elsewhere(match(id)))
          yield* TestClock.adjust("10 seconds")
          gates[call] = open
          yield* TestClock.adjust("1 second")
          assert.strictEqual(view.position, (round + 1) * 20)
          assert.isTrue(yield* trusted)
        }
      }).pipe(Effect.provide(overRemote({ logLength: 5 })))
    )
  }
})
