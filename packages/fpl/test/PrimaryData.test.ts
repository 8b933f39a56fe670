import { assert, describe, it } from "@effect/vitest"
import { PrimaryData, RecordedSource, SimulatedSeason } from "@letletme/fpl"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { assembleAt } from "./simulated.ts"

const season = SimulatedSeason.make()
const revisionAt = (time: number) => assembleAt(season, time)

const layer = PrimaryData.layer.pipe(Layer.provide(RecordedSource.layerReplay(season.options.season)))

describe("PrimaryData", () => {
  it.effect("lookups wait while a revision is announced, and then read the new one", () =>
    Effect.gen(function* () {
      const primary = yield* PrimaryData
      yield* primary.publish(yield* revisionAt(season.start))
      const announced = yield* Deferred.make<void>()
      const next = yield* revisionAt(season.end)
      const publishing = yield* Effect.forkChild(primary.publishWith(next, Deferred.await(announced)))
      yield* Effect.yieldNow
      const reading = yield* Effect.forkChild(primary.current)
      yield* Effect.yieldNow
      assert.isUndefined(reading.pollUnsafe())
      yield* Deferred.succeed(announced, undefined)
      assert.strictEqual((yield* Fiber.join(reading)).time, next.time)
      yield* Fiber.join(publishing)
    }).pipe(Effect.provide(layer))
  )

  it.effect("a revision that could not be announced is not read", () =>
    Effect.gen(function* () {
      const primary = yield* PrimaryData
      const first = yield* revisionAt(season.start)
      yield* primary.publish(first)
      const next = yield* revisionAt(season.end)
      const error = yield* Effect.flip(primary.publishWith(next, Effect.fail("the log does not answer" as const)))
      assert.strictEqual(error, "the log does not answer")
      assert.strictEqual((yield* primary.current).time, first.time)
    }).pipe(Effect.provide(layer))
  )
})
