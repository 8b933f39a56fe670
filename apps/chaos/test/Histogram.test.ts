import { assert, describe, it } from "@effect/vitest"
import * as Histogram from "@letletme/chaos/Histogram"

describe("Histogram", () => {
  it("tells quantiles within a tenth, and the highest value", () => {
    const histogram = Histogram.make()
    for (let value = 1; value <= 1_000; value++) histogram.add(value)
    for (const [share, exact] of [
      [0.5, 500],
      [0.99, 990]
    ] as const) {
      assert.isAtLeast(histogram.quantile(share), exact)
      assert.isAtMost(histogram.quantile(share), exact * 1.1)
    }
    assert.strictEqual(histogram.quantile(1), 1_000)
    assert.strictEqual(histogram.max(), 1_000)
  })

  it("knows of nothing while there is nothing", () => {
    assert.strictEqual(Histogram.make().quantile(0.99), 0)
  })
})
