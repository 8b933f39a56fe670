/** Arguments after the port: how many callers. The task's amount is the round, which names the cold key. */
import { BentoCache, bentostore } from "bentocache"
import { memoryDriver } from "bentocache/drivers/memory"
import { redisBusDriver, redisDriver } from "bentocache/drivers/redis"
import { Effect } from "effect"
import { setTimeout } from "node:timers/promises"
import { main, stopwatch } from "../../contest/Contestant.ts"
import { matchOf } from "../Data.ts"

main((port) =>
  Effect.promise(async () => {
    const callers = Number(process.argv[3])
    const connection = { host: "127.0.0.1", port }
    const bento = new BentoCache({
      default: "multitier",
      ttl: "1h",
      stores: {
        multitier: bentostore()
          .useL1Layer(memoryDriver({ maxItems: 10_000 }))
          .useL2Layer(redisDriver({ connection }))
          .useBus(redisBusDriver({ connection }))
      }
    })
    const cache = bento.use()
    let loads = 0
    const factory = async () => {
      loads++
      await setTimeout(50)
      return matchOf(1)
    }
    await cache.get({ key: "connect" })
    return {
      stampede: (round) =>
        Effect.promise(async () => {
          loads = 0
          const stop = stopwatch()
          const key = `cold-${callers}-${round}`
          await Promise.all(Array.from({ length: callers }, () => cache.getOrSet({ key, factory })))
          return stop(callers, { loads })
        })
    }
  })
)
