import { Effect } from "effect"
import { main, stopwatch } from "../../contest/Contestant.ts"
import { open } from "../Ours.ts"
import { callers, ids, invalidates, next } from "./Load.ts"

main(
  Effect.fnUntraced(function* (port) {
    const { manager, matches } = yield* open(port)
    yield* matches.getMany(ids)
    return {
      mixed: (millis) =>
        Effect.suspend(() => {
          const until = performance.now() + millis
          const stop = stopwatch()
          let operations = 0
          const caller = Effect.gen(function* () {
            while (performance.now() < until) {
              const id = next()
              yield* invalidates() ? manager.invalidate({ primary: matches.key(id) }) : matches.get(id)
              operations++
            }
          })
          return Effect.map(
            Effect.all(
              Array.from({ length: callers }, () => caller),
              { concurrency: "unbounded", discard: true }
            ),
            () => stop(operations)
          )
        })
    }
  })
)
