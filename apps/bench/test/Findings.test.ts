import { assert, describe, it } from "@effect/vitest"
import { placeOf, type Round } from "@letletme/bench/contest/Contest"
import { compare, reaches, rowOf } from "@letletme/bench/contest/Findings"

/** A round in which each did that many operations in a second, a thousandth of it on the CPU for each. */
const round = (rates: Readonly<Record<string, number>>): Round =>
  new Map(
    Object.entries(rates).map(([name, operations]) => [
      placeOf(name, "read"),
      { operations, wallMicros: 1e6, cpuMicros: 1e6, values: {} }
    ])
  )

const entrant = (name: string) => [name, "read"] as const

describe("what rounds come to", () => {
  it("takes each ratio within its round, and the median of the ratios", () => {
    // The machine halves from round to round: the medians of the rates would compare different moments.
    const rounds = [round({ ours: 400, other: 100 }), round({ ours: 150, other: 50 }), round({ ours: 50, other: 25 })]
    const [rate, cpu] = compare(rounds, "l1.other", entrant("ours"), [entrant("other")], { atLeast: 3 })
    assert.deepStrictEqual(rate && { ...rate }, {
      name: "l1.other",
      metric: "× the rate",
      median: 3,
      min: 2,
      max: 4,
      bar: { atLeast: 3 }
    })
    assert.strictEqual(cpu?.name, "l1.other.cpu")
    assert.strictEqual(cpu?.median, 3)
  })

  it("compares with the fastest of several in each round", () => {
    const rounds = [round({ ours: 100, one: 100, two: 50 }), round({ ours: 100, one: 10, two: 50 })]
    const [rate] = compare(rounds, "l2.best", entrant("ours"), [entrant("one"), entrant("two")])
    assert.strictEqual(rate?.min, 1)
    assert.strictEqual(rate?.max, 2)
    assert.strictEqual(rate?.median, 1.5)
  })

  it("says nothing of who did not take part", () => {
    assert.deepStrictEqual(compare([round({ ours: 1 })], "l1.absent", entrant("ours"), [entrant("absent")]), [])
  })

  it("judges a bar from either side", () => {
    const of = (value: number, bar: { readonly atLeast?: number; readonly atMost?: number }) =>
      reaches({ ...rowOf("ratio", "×", [value]), bar })
    assert.isTrue(of(2, { atLeast: 2 }))
    assert.isFalse(of(1.9, { atLeast: 2 }))
    assert.isTrue(of(1.5, { atMost: 1.5 }))
    assert.isFalse(of(1.6, { atMost: 1.5 }))
  })
})
