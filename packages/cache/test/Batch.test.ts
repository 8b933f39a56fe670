import { assert, describe, it } from "@effect/vitest"
import * as Batch from "@letletme/cache/internal/Batch"
import { Deferred, Effect, Exit, Queue } from "effect"

type Answer = Exit.Exit<string, string>

/** A batch whose calls are taken from a queue and answered by hand. */
const world = Effect.gen(function* () {
  const calls = yield* Queue.unbounded<{
    readonly items: ReadonlyArray<string>
    readonly done: Deferred.Deferred<ReadonlyArray<string>, string>
  }>()
  const ask = yield* Batch.make(
    (items: ReadonlyArray<string>) =>
      Effect.gen(function* () {
        const done = yield* Deferred.make<ReadonlyArray<string>, string>()
        yield* Queue.offer(calls, { items, done })
        return yield* Deferred.await(done)
      }),
    3
  )
  const answers: Array<Answer> = []
  return { answers, ask, calls, note: (answer: Answer) => void answers.push(answer) }
})

describe("Batch", () => {
  it.effect("asks for what one tick asks for in calls of at most the limit, and answers in order", () =>
    Effect.gen(function* () {
      const { answers, ask, calls, note } = yield* world
      for (const item of ["a", "b", "c", "d"]) ask(item, note)
      const first = yield* Queue.take(calls)
      const second = yield* Queue.take(calls)
      assert.deepStrictEqual([first.items, second.items], [["a", "b", "c"], ["d"]])
      yield* Deferred.succeed(second.done, ["D"])
      yield* Deferred.succeed(first.done, ["A", "B", "C"])
      yield* Effect.yieldNow
      assert.deepStrictEqual(answers, ["D", "A", "B", "C"].map(Exit.succeed))
    }).pipe(Effect.scoped)
  )

  it.effect("tells everybody of a failure, and those that a short answer forgot", () =>
    Effect.gen(function* () {
      const { answers, ask, calls, note } = yield* world
      ask("a", note)
      ask("b", note)
      yield* Deferred.fail((yield* Queue.take(calls)).done, "away")
      yield* Effect.yieldNow
      assert.deepStrictEqual(answers, [Exit.fail("away"), Exit.fail("away")])
      ask("c", note)
      ask("d", note)
      yield* Deferred.succeed((yield* Queue.take(calls)).done, ["C"])
      yield* Effect.yieldNow
      assert.deepStrictEqual(answers.slice(2), [Exit.succeed("C"), Exit.die("The batch was answered short")])
    }).pipe(Effect.scoped)
  )

  it.effect("sends together what those ask for who are answered together", () =>
    Effect.gen(function* () {
      const { ask, calls, note } = yield* world
      for (const item of ["a", "b"]) ask(item, () => ask(`${item} again`, note))
      yield* Deferred.succeed((yield* Queue.take(calls)).done, ["A", "B"])
      assert.deepStrictEqual((yield* Queue.take(calls)).items, ["a again", "b again"])
    }).pipe(Effect.scoped)
  )

  it.effect("lets other fibers run where the answer is there at once", () =>
    Effect.gen(function* () {
      let asked = 0
      const ask = yield* Batch.make((items: ReadonlyArray<string>) => Effect.sync(() => items), 3)
      const again = () => {
        asked++
        ask("more", again)
      }
      ask("first", again)
      for (let turn = 0; turn < 10; turn++) yield* Effect.yieldNow
      assert.isAbove(asked, 1)
      assert.isBelow(asked, 20)
    }).pipe(Effect.scoped)
  )
})
