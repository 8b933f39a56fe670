import { assert, describe, it } from "@effect/vitest"
import { Actions, type Work } from "@letletme/warmer/admin/Actions"
import { Deferred, Effect, Fiber, Latch, Stream } from "effect"
import { TestClock } from "effect/testing"

const progress: Work["progress"] = Stream.make(
  { stage: "idle", done: 0, total: 0 },
  { stage: "teams", done: 3, total: 20 },
  { stage: "idle", done: 0, total: 0 }
)
const report = { path: "verified", total: 20, loaded: 0, failures: 0, millis: 1, stages: [] } as const

describe("Actions", () => {
  it.effect("one of a kind is under way at a time, and another kind beside it", () =>
    Effect.gen(function* () {
      const { all, begin, follow } = yield* Actions
      const end = yield* Deferred.make<void>()
      const run = Effect.as(Deferred.await(end), { _tag: "Warmed", report } as const)
      const first = yield* begin({ kind: "warm", run, progress })
      const busy = yield* Effect.flip(begin({ kind: "warm", run, progress }))
      assert.strictEqual(busy.action, first.id)
      const other = yield* begin({ kind: "verify", run, progress })
      assert.notStrictEqual(other.id, first.id)
      const followed = yield* Effect.forkChild(Stream.runCollect(yield* follow(first.id)))
      yield* Stream.runHead(Stream.filter(yield* follow(first.id), (action) => action.progress.done === 3))
      yield* Deferred.succeed(end, undefined)
      const steps = yield* Fiber.join(followed)
      const last = steps.at(-1)
      assert.deepStrictEqual(last?.outcome, { _tag: "Warmed", report })
      // The last step that was one stays (the rest was idle), and is done.
      assert.deepStrictEqual(last?.progress, { stage: "teams", done: 20, total: 20 })
      assert.deepStrictEqual(
        (yield* all).map(({ id }) => id),
        [other.id, first.id]
      )
      // Ended, it may begin again; whoever follows late sees its end.
      assert.strictEqual((yield* begin({ kind: "warm", run, progress })).state, "running")
      assert.lengthOf(yield* Stream.runCollect(yield* follow(first.id)), 1)
    }).pipe(Effect.provide(Actions.layer))
  )

  it.effect("one that fails says why, one that dies too, and one that hangs is ended after an hour", () =>
    Effect.gen(function* () {
      const { begin, follow } = yield* Actions
      const failureOf = Effect.fnUntraced(function* (run: Work["run"]) {
        const { id } = yield* begin({ kind: "verify", run, progress: Stream.never })
        const steps = yield* Effect.forkChild(Stream.runCollect(yield* follow(id)))
        yield* TestClock.adjust("1 hour")
        const last = (yield* Fiber.join(steps)).at(-1)
        return [last?.state, last?.failure]
      })
      assert.deepStrictEqual(yield* failureOf(Effect.fail({ message: "No source." })), ["failed", "No source."])
      assert.deepStrictEqual(yield* failureOf(Effect.die(new Error("A defect."))), ["failed", "A defect."])
      assert.deepStrictEqual(yield* failureOf(Effect.never), ["failed", "It took longer than 1 hour."])
    }).pipe(Effect.provide(Actions.layer))
  )

  it.effect("32 are remembered, those under way among them", () =>
    Effect.gen(function* () {
      const { all, begin, follow } = yield* Actions
      const end = yield* Latch.make()
      const long = yield* begin({
        kind: "repair",
        run: Effect.as(end.await, { _tag: "Warmed", report } as const),
        progress: Stream.never
      })
      for (let count = 0; count < 40; count++) {
        const run = Effect.succeed({ _tag: "Warmed", report } as const)
        const { id } = yield* begin({ kind: "warm", run, progress: Stream.never })
        yield* Stream.runDrain(yield* follow(id))
      }
      const known = yield* all
      assert.lengthOf(known, 32)
      assert.strictEqual(known.at(-1)?.id, long.id)
    }).pipe(Effect.provide(Actions.layer))
  )

  it.effect("one that is under way may be ended", () =>
    Effect.gen(function* () {
      const { begin, stop } = yield* Actions
      const ended = yield* Deferred.make<void>()
      const run = Effect.onInterrupt(Effect.never, () => Deferred.succeed(ended, undefined))
      yield* begin({ kind: "maintenance", run, progress: Stream.never })
      assert.strictEqual((yield* Effect.flip(stop("warm")))._tag, "NotFound")
      const { outcome, state } = yield* stop("maintenance")
      assert.deepStrictEqual([state, outcome], ["stopped", null])
      yield* Deferred.await(ended)
      assert.strictEqual((yield* Effect.flip(stop("maintenance")))._tag, "NotFound")
    }).pipe(Effect.provide(Actions.layer))
  )
})
