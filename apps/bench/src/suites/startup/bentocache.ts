/** Ready once a first value was read. */
import { BentoCache, bentostore } from "bentocache"
import { memoryDriver } from "bentocache/drivers/memory"
import { redisBusDriver, redisDriver } from "bentocache/drivers/redis"
import { Effect } from "effect"
import { main } from "../../contest/Contestant.ts"
import { matchOf } from "../Data.ts"

main((port) =>
  Effect.as(
    Effect.promise(() => {
      const connection = { host: "127.0.0.1", port }
      return new BentoCache({
        default: "multitier",
        stores: {
          multitier: bentostore()
            .useL1Layer(memoryDriver({ maxItems: 10_000 }))
            .useL2Layer(redisDriver({ connection }))
            .useBus(redisBusDriver({ connection }))
        }
      }).getOrSet({ key: "match:1", factory: () => matchOf(1) })
    }),
    {}
  )
)
