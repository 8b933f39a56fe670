import { assert, describe, it } from "@effect/vitest"
import * as Deadline from "@letletme/cache/internal/Deadline"
import { Deferred, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"

const make = Deadline.make(100, (name) => `${name} is late`)

describe("Deadline", () => {
  it.effect("answers what comes in time, whether it succeeds or fails", () =>
    Effect.gen(function* () {
      const inTime = yield* make
      assert.strictEqual(yield* inTime("one", Effect.succeed(1)), 1)
      assert.deepStrictEqual(yield* Effect.exit(inTime("two", Effect.fail("no"))), Exit.fail("no"))
      const slow = yield* Effect.forkChild(inTime("three", Effect.as(Effect.sleep(99), 3)))
      yield* TestClock.adjust(99)
      assert.strictEqual(yield* Fiber.join(slow), 3)
    }).pipe(Effect.scoped)
  )

  it.effect("fails each call at its own time, and interrupts it", () =>
    Effect.gen(function* () {
      const inTime = yield* make
      const interrupted: Array<string> = []
      const hang = (name: string) =>
        Effect.forkChild(
          inTime(
            name,
            Effect.onInterrupt(Effect.never, () => Effect.sync(() => void interrupted.push(name)))
          ),
          { startImmediately: true }
        )
      const first = yield* hang("first")
      yield* TestClock.adjust(60)
      const second = yield* hang("second")
      yield* TestClock.adjust(39)
      assert.isUndefined(first.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* Fiber.await(first), Exit.fail("first is late"))
      assert.deepStrictEqual(interrupted, ["first"])
      yield* TestClock.adjust(59)
      assert.isUndefined(second.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* Fiber.await(second), Exit.fail("second is late"))
      // The watch has ended meanwhile, and begins anew.
      const third = yield* hang("third")
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(yield* Fiber.await(third), Exit.fail("third is late"))
    }).pipe(Effect.scoped)
  )

  it.effect("ends the call with who asked for it", () =>
    Effect.gen(function* () {
      const inTime = yield* make
      const ended = yield* Deferred.make<void>()
      const call = Effect.onInterrupt(Effect.never, () => Deferred.succeed(ended, undefined))
      const asking = yield* Effect.forkChild(inTime("call", call), { startImmediately: true })
      yield* Fiber.interrupt(asking)
      yield* Deferred.await(ended)
    }).pipe(Effect.scoped)
  )
})
