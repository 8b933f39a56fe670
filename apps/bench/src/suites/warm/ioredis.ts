/**
 * The client alone: JSON.stringify and SET with a time to live, pipelined. The third argument is the batch, the fourth
 * how many are under way at once.
 */
import { Effect } from "effect"
import { Redis } from "ioredis"
import { main, stopwatch, type Task } from "../../contest/Contestant.ts"
import { matchOf } from "../Data.ts"

main((port) =>
  Effect.sync(() => {
    const redis = new Redis({ port })
    const batch = Number(process.argv[3])
    const concurrency = Number(process.argv[4])
    const prefix = `plain${batch}:`
    const clear = async () => {
      let cursor = "0"
      do {
        const [next, keys] = await redis.scan(cursor, "MATCH", `${prefix}*`, "COUNT", 1_000)
        if (keys.length > 0) await redis.unlink(keys)
        cursor = next
      } while (cursor !== "0")
    }
    const warm: Task = (size) =>
      Effect.promise(async () => {
        await clear()
        const stop = stopwatch()
        let from = 0
        const worker = async () => {
          while (from < size) {
            const pipeline = redis.pipeline()
            const until = Math.min(from + batch, size)
            for (; from < until; from++) {
              pipeline.set(`${prefix}match:${from}`, JSON.stringify(matchOf(from)), "PX", 3_600_000)
            }
            await pipeline.exec()
          }
        }
        await Promise.all(Array.from({ length: concurrency }, worker))
        return stop(size)
      })
    return { "10,000 entries": () => warm(10_000), "100,000 entries": () => warm(100_000) }
  })
)
