/** Redis as the only tier. */
import { BentoCache, bentostore } from "bentocache"
import { redisDriver } from "bentocache/drivers/redis"
import { Effect } from "effect"
import { main, stopwatch, type Task } from "../../contest/Contestant.ts"
import { matchOf } from "../Data.ts"
import { callers, drawNames, draws, ids, taskOf } from "./Callers.ts"

main((port) =>
  Effect.promise(async () => {
    const bento = new BentoCache({
      default: "redis",
      ttl: "1h",
      stores: { redis: bentostore().useL2Layer(redisDriver({ connection: { host: "127.0.0.1", port } })) }
    })
    const cache = bento.use()
    const keys = ids.map((id) => `match:${id}`)
    await Promise.all(keys.map((key, id) => cache.set({ key, value: matchOf(id) })))
    const factory = () => matchOf(0)
    const reads =
      (calling: number, next: () => number): Task =>
      (millis) =>
        Effect.promise(async () => {
          const until = performance.now() + millis
          const stop = stopwatch()
          let operations = 0
          const caller = async () => {
            while (performance.now() < until) {
              await cache.getOrSet({ key: keys[next()] ?? "", factory })
              operations++
            }
          }
          await Promise.all(Array.from({ length: calling }, caller))
          return stop(operations)
        })
    return Object.fromEntries(
      callers.flatMap((calling) => drawNames.map((draw) => [taskOf(calling, draw), reads(calling, draws[draw])]))
    )
  })
)
