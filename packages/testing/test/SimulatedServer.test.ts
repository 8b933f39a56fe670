import { assert, describe, layer } from "@effect/vitest"
import { Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import * as SimulatedNetwork from "@letletme/testing/SimulatedNetwork"
import * as SimulatedServer from "@letletme/testing/SimulatedServer"
import * as VirtualTime from "@letletme/testing/VirtualTime"
import { Effect, Exit, Layer } from "effect"
import { type Operation, sequence } from "./differential/Operation.ts"
import { layer as overRedis, play } from "./differential/play.ts"

const seeds = Array.from({ length: 60 }, (_, index) => index + 1)
const length = 50

// So that a log is trimmed to the entry, as the simulated one is: trimming goes by whole nodes.
const server = RedisServer.layerWith({ args: ["--stream-node-max-entries", "1"] })
const real = overRedis(
  Layer.unwrap(RedisServer.useSync(({ port }) => Redis.layer({ port, commandTimeout: 10_000 }))).pipe(
    Layer.provide(server)
  )
)

/** The answers of a simulated server. */
const playSimulated = (operations: ReadonlyArray<Operation>): ReadonlyArray<string> => {
  const time = VirtualTime.make()
  const server = SimulatedServer.make({ now: () => Math.floor(VirtualTime.epoch + time.now()) })
  const network = SimulatedNetwork.make({ time, server, commandTimeout: 10_000, tell: () => {} })
  const machine = time.machine({ skew: 0, seed: 1 })
  const { layer } = network.link("tester", machine, VirtualTime.chance(2))
  let answers: ReadonlyArray<string> | undefined
  machine.start(Effect.provide(play(operations), overRedis(layer))).addObserver((exit) => {
    answers = Exit.isSuccess(exit) ? exit.value : [String(exit.cause)]
  })
  time.run({ until: () => answers !== undefined, limit: 3_600_000 })
  return answers ?? ["The simulated server did not answer."]
}

/** Where the two servers first answer differently, in words. */
const difference = Effect.fnUntraced(function* (operations: ReadonlyArray<Operation>) {
  const expected = yield* play(operations)
  const actual = playSimulated(operations)
  const index = expected.findIndex((answer, index) => answer !== actual[index])
  if (index === -1) return undefined
  return { upTo: index + 1, words: `real:      ${expected[index]}\nsimulated: ${actual[index] ?? actual[0]}` }
})

/** The shortest sequence found that still shows a difference: operations are left out one by one. */
const shortest = Effect.fnUntraced(function* (operations: ReadonlyArray<Operation>) {
  let best = operations
  for (let index = best.length - 1; index >= 0; index--) {
    const smaller = best.toSpliced(index, 1)
    if ((yield* difference(smaller)) !== undefined) best = smaller
  }
  return best
})

describe("SimulatedServer", () => {
  layer(real, { excludeTestServices: true })((it) => {
    it.effect(
      `answers ${seeds.length * length} operations of the cache as a real server does`,
      () =>
        Effect.forEach(
          seeds,
          Effect.fnUntraced(function* (seed) {
            const operations = sequence(seed, length)
            const found = yield* difference(operations)
            if (found === undefined) return
            const story = yield* shortest(operations.slice(0, found.upTo))
            const last = yield* difference(story)
            const lines = story.map((operation) => JSON.stringify(operation)).join("\n")
            assert.fail(`Seed ${seed}:\n${lines}\n${(last ?? found).words}`)
          }),
          { discard: true }
        ),
      120_000
    )
  })
})
