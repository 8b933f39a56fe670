/** Arguments after the port: how many callers. The task's amount is the round, which names the cold key. */
import KeyvRedis from "@keyv/redis"
import { Cacheable } from "cacheable"
import { Effect } from "effect"
import { setTimeout } from "node:timers/promises"
import { main, stopwatch } from "../../contest/Contestant.ts"
import { matchOf } from "../Data.ts"

main((port) =>
  Effect.promise(async () => {
    const callers = Number(process.argv[3])
    const cache = new Cacheable({ secondary: new KeyvRedis(`redis://127.0.0.1:${port}`), ttl: "1h" })
    let loads = 0
    const load = async () => {
      loads++
      await setTimeout(50)
      return matchOf(1)
    }
    await cache.get("connect")
    return {
      stampede: (round) =>
        Effect.promise(async () => {
          loads = 0
          const stop = stopwatch()
          const key = `cold-${callers}-${round}`
          await Promise.all(Array.from({ length: callers }, () => cache.getOrSet(key, load)))
          return stop(callers, { loads })
        })
    }
  })
)
