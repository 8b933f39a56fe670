/**
 * Reads that pass over the near cache: from Redis, decoded and checked by their schema, and checked against the view.
 */
import { Effect } from "effect"
import { main, stopwatch, type Task } from "../../contest/Contestant.ts"
import { open } from "../Ours.ts"
import { callers, drawNames, draws, ids, taskOf } from "./Callers.ts"

main(
  Effect.fnUntraced(function* (port) {
    const { matches } = yield* open(port)
    yield* matches.getMany(ids)
    const reads =
      (calling: number, next: () => number): Task =>
      (millis) =>
        Effect.suspend(() => {
          const until = performance.now() + millis
          const stop = stopwatch()
          let operations = 0
          const caller = Effect.gen(function* () {
            while (performance.now() < until) {
              yield* matches.get(next(), { skip: "near" })
              operations++
            }
          })
          return Effect.map(
            Effect.all(
              Array.from({ length: calling }, () => caller),
              { concurrency: "unbounded", discard: true }
            ),
            () => stop(operations)
          )
        })
    return Object.fromEntries(
      callers.flatMap((calling) => drawNames.map((draw) => [taskOf(calling, draw), reads(calling, draws[draw])]))
    )
  })
)
