/** Two tiers and a bus; memory holds values as they are. */
import { BentoCache, bentostore } from "bentocache"
import { memoryDriver } from "bentocache/drivers/memory"
import { redisBusDriver, redisDriver } from "bentocache/drivers/redis"
import { Effect } from "effect"
import { main } from "../../contest/Contestant.ts"
import { matchOf } from "../Data.ts"
import { callersOf, ids } from "./Load.ts"

main((port) =>
  Effect.promise(async () => {
    const connection = { host: "127.0.0.1", port }
    const cache = new BentoCache({
      default: "multitier",
      ttl: "1h",
      stores: {
        multitier: bentostore()
          .useL1Layer(memoryDriver({ maxItems: 10_000, serialize: false }))
          .useL2Layer(redisDriver({ connection }))
          .useBus(redisBusDriver({ connection }))
      }
    }).use()
    const keys = ids.map((id) => `match:${id}`)
    await Promise.all(keys.map((key, id) => cache.set({ key, value: matchOf(id) })))
    return {
      mixed: callersOf(
        (id) => cache.getOrSet({ key: keys[id] ?? "", factory: () => matchOf(id) }),
        (id) => cache.delete({ key: keys[id] ?? "" })
      )
    }
  })
)
