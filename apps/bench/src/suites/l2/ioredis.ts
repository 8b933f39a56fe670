/**
 * The client alone: GET and JSON.parse, unchecked. The third argument says whether it pipelines by itself.
 */
import { Effect } from "effect"
import { Redis } from "ioredis"
import { main, stopwatch, type Task } from "../../contest/Contestant.ts"
import { matchOf } from "../Data.ts"
import { callers, drawNames, draws, ids, taskOf } from "./Callers.ts"

main((port) =>
  Effect.promise(async () => {
    const redis = new Redis({ port, enableAutoPipelining: process.argv[3] === "auto" })
    const keys = ids.map((id) => `plain:match:${id}`)
    await redis.mset(keys.flatMap((key, id) => [key, JSON.stringify(matchOf(id))]))
    let found = 0
    const reads =
      (calling: number, next: () => number): Task =>
      (millis) =>
        Effect.promise(async () => {
          const until = performance.now() + millis
          const stop = stopwatch()
          let operations = 0
          const caller = async () => {
            while (performance.now() < until) {
              const text = await redis.get(keys[next()] ?? "")
              const value: unknown = JSON.parse(text ?? "null")
              if (value !== null) found++
              operations++
            }
          }
          await Promise.all(Array.from({ length: calling }, caller))
          return stop(operations, { found })
        })
    return Object.fromEntries(
      callers.flatMap((calling) => drawNames.map((draw) => [taskOf(calling, draw), reads(calling, draws[draw])]))
    )
  })
)
