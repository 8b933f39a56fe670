import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Slope from "@letletme/warmer/Slope"
import * as Soak from "@letletme/warmer/Soak"

const mebibyte = 1024 * 1024

/** Samples of an hour, one a minute: so many MiB at first, so many more a minute, and a saw's teeth on top. */
const series = (base: number, perMinute: number, teeth: number) =>
  Array.from({ length: 60 }, (_, minutes) => ({
    minutes,
    bytes: (base + perMinute * minutes + (minutes % 7) * teeth) * mebibyte
  }))

describe("Slope", () => {
  it("finds the line", () => {
    const { growth, mean, perMinute } = Slope.of(series(100, 1, 0))
    assert.closeTo(perMinute / mebibyte, 1, 1e-9)
    assert.closeTo(mean / mebibyte, 129.5, 1e-9)
    assert.closeTo(growth, 59 / 129.5, 1e-9)
  })

  it("a steady leak is none the flatter for a collector's teeth", () => {
    assert.isFalse(Slope.of(series(100, 0.5, 1)).isFlat)
    assert.isFalse(Slope.of(series(50, 0.1, 0)).isFlat)
  })

  it("teeth alone, little growth, less memory and too few samples are flat", () => {
    assert.isTrue(Slope.of(series(100, 0, 5)).isFlat)
    assert.isTrue(Slope.of(series(100, 0.01, 1)).isFlat)
    assert.isTrue(Slope.of(series(100, -1, 1)).isFlat)
    assert.isTrue(Slope.of(series(100, 50, 0).slice(0, 2)).isFlat)
  })
})

describe("soak", () => {
  it.live("reads and warms under faults, and measures heap and Redis", () =>
    Effect.gen(function* () {
      const report = yield* Soak.run({ minutes: 0.07, readers: 4 })
      assert.isAbove(report.reads, 20)
      assert.isAbove(report.faults, 0)
      assert.isAtLeast(report.samples, 1)
      assert.isAbove(report.heap.mean, mebibyte)
      assert.isAbove(report.redis.mean, mebibyte / 2)
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(Soak.layer, NodeServices.layer)))
  )
})
