import { assert, describe, layer } from "@effect/vitest"
import { Redis } from "@letletme/redis"
import { Effect, Exit } from "effect"
import { type Operation, sequence } from "./differential/Operation.ts"
import { play } from "./differential/play.ts"
import { real, simulate } from "./differential/servers.ts"

const seeds = Array.from({ length: 60 }, (_, index) => index + 1)
const length = 50

/** Where the two servers first answer differently, in words. */
const difference = Effect.fnUntraced(function* (operations: ReadonlyArray<Operation>) {
  const expected = yield* play(operations)
  const ended = simulate(play(operations))
  const actual = Exit.isSuccess(ended) ? ended.value : [String(ended.cause)]
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

// What scripts and clients may ask but seldom do: the ends of ranges, what is not there, and what is something else.
const commands: ReadonlyArray<readonly [string, ...Array<string>]> = [
  ["SET", "text", "één\u0000"],
  ["HSET", "hash", "a", "1", "b", "2", "a", "3"],
  ["XADD", "stream", "7-0", "a", "1"],
  ["XADD", "stream", "8-0", "a", "2", "b", "3"],
  ["XADD", "stream", "10-0", "a", "4"],
  ["XADD", "stream", "10-0", "a", "5"],
  ["XADD", "stream", "9-0", "a", "5"],
  ["XADD", "text", "9-0", "a", "5"],
  ["XRANGE", "stream", "-", "+", "COUNT", "2"],
  ["XRANGE", "stream", "8-0", "8-0"],
  ["XRANGE", "stream", "(8-0", "+"],
  ["XRANGE", "nothing", "-", "+"],
  ["XREVRANGE", "stream", "+", "-", "COUNT", "1"],
  ["XREVRANGE", "stream", "8-0", "-"],
  ["XREAD", "COUNT", "1", "STREAMS", "stream", "7-0"],
  ["XREAD", "STREAMS", "stream", "10-0"],
  ["XREAD", "STREAMS", "nothing", "0-0"],
  ["MGET", "text", "hash", "nothing", "stream"],
  ["GET", "nothing"],
  ["GET", "hash"],
  ["GETRANGE", "text", "1", "3"],
  ["GETRANGE", "nothing", "0", "160"],
  ["GETRANGE", "hash", "0", "160"],
  ["HGET", "hash", "a"],
  ["HGET", "hash", "nothing"],
  ["HGET", "nothing", "a"],
  ["HMGET", "hash", "a", "nothing", "b"],
  ["HMGET", "nothing", "a", "b"],
  ["HMGET", "text", "a"],
  ["HGETALL", "hash"],
  ["HGETALL", "nothing"],
  ["HSET", "text", "a", "1"],
  ["HDEL", "hash", "a", "nothing"],
  ["HDEL", "text", "a"],
  ["HDEL", "hash", "b", "b"],
  ["XADD", "hash", "1-0", "a", "1"],
  ["DEL", "text", "nothing", "text"],
  ["UNLINK", "hash", "nothing"],
  ["SET", "stream", "text"],
  ["GET", "stream"],
  ["EVALSHA", "0000000000000000000000000000000000000000", "0"],
  ["NOTACOMMAND", "a"]
]

/** What a server says to the commands. Of an error, the code counts: the words are the server's own. */
const tell = Effect.gen(function* () {
  const redis = yield* Redis
  yield* redis.send("FLUSHALL")
  return yield* Effect.forEach(commands, ([name, ...args]) =>
    redis.send(name, ...args).pipe(
      Effect.catch(({ reason }) => Effect.succeed(`${reason._tag}: ${reason.detail.split(" ", 1)[0]}`)),
      Effect.map((reply) => [name, ...args, reply])
    )
  )
})

describe("SimulatedServer", () => {
  layer(real, { excludeTestServices: true })((it) => {
    it.effect("answers single commands as a real server does", () =>
      Effect.gen(function* () {
        const expected = yield* tell
        assert.deepStrictEqual(yield* simulate(tell), expected)
      })
    )

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
