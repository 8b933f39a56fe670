import { assert, describe, it } from "@effect/vitest"
import { CurrentContext, gameweeksAt, SeasonSync, SimulatedSeason } from "@letletme/fpl"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { assembleAt } from "./simulated.ts"
import { tiers } from "./tiers.ts"

const simulated = SimulatedSeason.make()
const { season } = simulated.options
const deadlineOf = (event: number) => simulated.gameweeks[event - 1]?.deadline ?? Number.NaN
const hour = 3_600_000

describe("gameweeksAt", () => {
  it.effect("before the first deadline there is no current gameweek, after the last no next one", () =>
    Effect.gen(function* () {
      const { events } = yield* assembleAt(simulated, simulated.start)
      assert.deepStrictEqual(gameweeksAt(events, deadlineOf(1) - 1), {
        current: undefined,
        next: 1,
        lastFinished: undefined,
        nextDeadline: deadlineOf(1)
      })
      const over = yield* assembleAt(simulated, simulated.end)
      assert.deepStrictEqual(gameweeksAt(over.events, simulated.end), {
        current: 38,
        next: undefined,
        lastFinished: 38,
        nextDeadline: undefined
      })
    })
  )

  it.effect("the clock decides, whatever the flags say, and in the order of the deadlines", () =>
    Effect.gen(function* () {
      const { events } = yield* assembleAt(simulated, deadlineOf(10) - 1)
      assert.isTrue(events.find(({ id }) => id === 9)?.isCurrent)
      assert.deepInclude(gameweeksAt(events, deadlineOf(10) - 1), { current: 9, next: 10 })
      assert.deepInclude(gameweeksAt(events, deadlineOf(10)), { current: 10, next: 11 })
      // A gameweek that was put between two others, under a higher id.
      const late = events.map((event) => (event.id === 38 ? { ...event, deadline: deadlineOf(10) + hour } : event))
      assert.deepInclude(gameweeksAt(late, deadlineOf(10)), { current: 10, next: 38 })
    })
  )
})

describe("CurrentContext", () => {
  it.effect("rolls on at the deadline while the source is away; a check renews its age, and nothing else", () =>
    Effect.gen(function* () {
      const before = deadlineOf(10) - 1_000
      yield* TestClock.setTime(before)
      const revision = yield* assembleAt(simulated, before)
      const test = Effect.gen(function* () {
        const { publish } = yield* SeasonSync
        const { get } = yield* CurrentContext
        const none = yield* Effect.flip(get)
        assert.strictEqual(none.reason._tag, "Empty")
        yield* publish(revision)
        const nextDeadline = deadlineOf(10)
        const first = yield* get
        assert.deepStrictEqual(first, {
          season,
          revision: before,
          checkedAt: before,
          current: 9,
          next: 10,
          lastFinished: 9,
          nextDeadline
        })
        yield* publish({ ...revision, time: before + 500 })
        assert.deepStrictEqual(yield* get, { ...first, checkedAt: before + 500 })
        yield* TestClock.adjust(1_000)
        assert.deepInclude(yield* get, { current: 10, next: 11, nextDeadline: deadlineOf(11) })
      })
      const app = Layer.merge(SeasonSync.layer, CurrentContext.layer).pipe(Layer.provideMerge(tiers(season).memory))
      yield* Effect.provide(test, app)
    })
  )
})
