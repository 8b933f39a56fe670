import { assert, describe, it } from "@effect/vitest"
import type { Findings } from "@letletme/bench/contest/Findings"
import { rowOf } from "@letletme/bench/contest/Findings"
import { leastShare, losses, shareOfCore } from "@letletme/bench/Guard"

const found = (ratios: Readonly<Record<string, number>>): Findings => ({
  suite: "all",
  rounds: 1,
  rows: [],
  ratios: Object.entries(ratios).map(([name, value]) => ({ ...rowOf(name, "×", [value]), bar: undefined }))
})

const good = {
  "l1.effectCache.cpu": 2,
  "l1.bentocache.cpu": 20,
  "l1.getOrLoad.bentocache.cpu": 20,
  "l2.c1.ioredisGet.cpu": 0.4,
  "l2.c64.ioredisBest.cpu": 0.5,
  "l2.c512.ioredisBest.cpu": 0.5,
  "mget.k1000.ioredisMget.cpu": 0.3,
  "l1.somethingElse.cpu": 0.001
}

describe("what counts as a loss", () => {
  it("has room for noise", () => {
    assert.deepStrictEqual(losses([found(good)]), [])
  })

  it("names each ratio that fell below half of what it usually is", () => {
    const lost = losses([found({ ...good, "l1.effectCache.cpu": 1.3, "mget.k1000.ioredisMget.cpu": 0.2 })])
    assert.deepStrictEqual(lost, [
      "l1.effectCache.cpu is 1.30, usually 2.7",
      "mget.k1000.ioredisMget.cpu is 0.20, usually 0.42"
    ])
  })

  it("forgets a loss that a second measurement does not show", () => {
    const once = found({ ...good, "l1.effectCache.cpu": 0.1 })
    assert.strictEqual(losses([once]).length, 1)
    assert.deepStrictEqual(losses([once, found(good)]), [])
  })

  it("goes by the best round", () => {
    const rounds = rowOf("mget.k1000.ioredisMget.cpu", "×", [0.05, 0.04, 0.4])
    const { "mget.k1000.ioredisMget.cpu": _, ...others } = good
    const scattered: Findings = { suite: "mget", rounds: 3, rows: [], ratios: [{ ...rounds, bar: undefined }] }
    assert.deepStrictEqual(losses([found(others), scattered]), [])
  })

  it("tells how much of a core there was to measure with", () => {
    const rows = (nanos: number) => [
      rowOf("lru-cache · get", "ops/s", [2e7]),
      rowOf("lru-cache · get", "client CPU ns/op", [nanos]),
      rowOf("bentocache · get", "client CPU ns/op", [2_000])
    ]
    const share = (nanos: number) => shareOfCore([{ suite: "l1", rounds: 1, rows: rows(nanos), ratios: [] }])
    assert.closeTo(share(50), 1, 1e-9)
    assert.closeTo(share(10), 0.2, 1e-9)
    assert.isAbove(share(50), leastShare)
  })

  it("takes what was not measured for a loss, whichever suite it is of", () => {
    const { "l2.c1.ioredisGet.cpu": _, ...others } = good
    assert.deepStrictEqual(losses([found({}), found(others)]), ["l2.c1.ioredisGet.cpu was not measured"])
  })
})
