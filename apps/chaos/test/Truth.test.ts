import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Truth from "@letletme/chaos/Truth"

const read = (truth: Truth.Truth, by: string, question: number, rows: ReadonlyArray<number>) =>
  Effect.callback<ReadonlyArray<number> | null>((resume) => {
    truth.read(by, question, rows, (versions) => resume(Effect.succeed(versions)))
  })

describe("Truth", () => {
  it.live("answers versions that only grow, the same for all that changed together", () =>
    Effect.gen(function* () {
      const truth = Truth.make(() => 0.5)
      const first = truth.change("a", [3, 5])
      const second = truth.change("b", [5])
      assert.isAbove(second, first)
      assert.deepStrictEqual(yield* read(truth, "c", 1, [3, 5, 7]), [first, second, 1])
      assert.strictEqual(truth.lookups(), 1)
    })
  )

  it("knows what a dead process changed and did not announce, unless another changed it since", () => {
    const truth = Truth.make(() => 0.5)
    const version = truth.change("a", [1, 2])
    truth.change("a", [3, 4])
    truth.announced([1, version, 2, version])
    truth.change("b", [4])
    assert.isFalse(truth.isAnnounced())
    assert.deepStrictEqual(truth.end("a"), [3])
    truth.announced([3, truth.versionOf(3), 4, truth.versionOf(4)])
    assert.isTrue(truth.isAnnounced())
  })

  it.live("fails and forgets when told to, and counts what one process asks at once", () =>
    Effect.gen(function* () {
      const truth = Truth.make(() => 0.5)
      truth.setMood({ failing: 0.6, slow: 0 })
      assert.isNull(yield* read(truth, "a", 1, [1]))
      truth.setMood(Truth.calm)
      const answered: Array<number> = []
      truth.read("a", 2, [1], () => answered.push(2))
      truth.read("b", 1, [1], () => answered.push(1))
      truth.forget("a", 2)
      assert.deepStrictEqual(
        yield* Effect.all([read(truth, "a", 3, [1]), read(truth, "a", 4, [1])], { concurrency: 2 }),
        [[1], [1]]
      )
      assert.deepStrictEqual(answered, [1])
      assert.strictEqual(truth.mostAtOnce(), 2)
    })
  )
})
