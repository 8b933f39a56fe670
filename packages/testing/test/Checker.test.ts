import { assert, describe, it } from "@effect/vitest"
import { Checker } from "@letletme/testing"

const bounds = { maxStaleness: 1_000, margin: 0 }

/** Version 2 of a row is acknowledged to `writer` at time 5,000, for position 50. */
const written = () => {
  const checker = Checker.make(bounds)
  checker.acknowledge({ process: "writer", at: 1_000, position: 10, rows: [["row", 1]] })
  checker.acknowledge({ process: "writer", at: 5_000, position: 50, rows: [["row", 2]] })
  return checker
}

/** A read of version 1 that nothing forbids. */
const old: Checker.Answered = {
  process: "reader",
  startedAt: 5_500,
  endedAt: 5_501,
  position: 49,
  isStrong: false,
  isSnapshot: false,
  after: 0,
  what: "row",
  rows: [["row", 1]]
}

describe("Checker", () => {
  it("allows what was there before, for as long as the process need not know better", () => {
    assert.isUndefined(written().check(old))
    assert.isUndefined(written().check({ ...old, startedAt: 5_999.9 }))
  })

  const broken: ReadonlyArray<
    readonly [promise: string, read: Partial<Checker.Answered>, lawful: Partial<Checker.Answered>]
  > = [
    ["1 no stale fill", { position: 50 }, { position: 49 }],
    ["2 read your writes", { process: "writer" }, { process: "writer", startedAt: 4_999 }],
    ["3 bounded staleness", { startedAt: 6_000 }, { startedAt: 5_999 }],
    ["4 strong reads", { isStrong: true }, { isStrong: true, startedAt: 4_999 }],
    ["5 snapshot reads", { isSnapshot: true, position: 50 }, { isSnapshot: true, position: 49 }],
    ["10 session reads", { after: 50 }, { after: 49 }]
  ]
  for (const [promise, read, lawful] of broken) {
    it(`refuses what breaks "${promise}", and nothing less`, () => {
      assert.strictEqual(written().check({ ...old, ...read })?.promise, promise)
      assert.isUndefined(written().check({ ...old, ...lawful }))
      assert.isUndefined(written().check({ ...old, ...read, rows: [["row", 2]] }))
      assert.isUndefined(written().check({ ...old, ...read, rows: [["another", 0]] }))
    })
  }

  it("judges by the newest version that was acknowledged, in whatever order positions come", () => {
    const checker = Checker.make(bounds)
    checker.acknowledge({ process: "a", at: 100, position: 30, rows: [["row", 3]] })
    checker.acknowledge({ process: "b", at: 200, position: 20, rows: [["row", 2]] })
    assert.isUndefined(checker.check({ ...old, startedAt: 200, position: 29, rows: [["row", 2]] }))
    assert.strictEqual(
      checker.check({ ...old, startedAt: 200, position: 30, rows: [["row", 2]] })?.promise,
      "1 no stale fill"
    )
  })

  it("names the row among many", () => {
    const violation = written().check({
      ...old,
      position: 50,
      rows: [
        ["another", 9],
        ["row", 1]
      ]
    })
    assert.include(violation?.detail, "version 1 of row, where version 2 had been acknowledged")
  })
})
