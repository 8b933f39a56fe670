import { assert, describe, it } from "@effect/vitest"
import { rate } from "@letletme/api/Limits"

describe("the rate of an address", () => {
  it("lets two seconds' worth through at once, then as many in a second as stated, and forgets what is over", () => {
    const waitOf = rate(10)
    for (let asked = 0; asked < 20; asked++) assert.strictEqual(waitOf("a", 1_000), 0)
    assert.strictEqual(waitOf("a", 1_000), 100)
    // Who was turned away is not punished for having asked.
    assert.strictEqual(waitOf("a", 1_000), 100)
    assert.strictEqual(waitOf("a", 1_050), 50)
    assert.strictEqual(waitOf("a", 1_100), 0)
    assert.strictEqual(waitOf("a", 1_100), 100)
    for (let asked = 0; asked < 20; asked++) assert.strictEqual(waitOf("a", 9_000), 0)
  })

  it("is each address's own", () => {
    const waitOf = rate(0.5)
    assert.strictEqual(waitOf("a", 0), 0)
    assert.strictEqual(waitOf("a", 0), 2_000)
    assert.strictEqual(waitOf("b", 0), 0)
  })
})
