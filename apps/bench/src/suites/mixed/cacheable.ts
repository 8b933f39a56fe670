/** Two tiers and CacheableSync; memory does not copy values. */
import KeyvRedis from "@keyv/redis"
import { RedisMessageProvider } from "@qified/redis"
import { Cacheable, createKeyv } from "cacheable"
import { Effect } from "effect"
import { main } from "../../contest/Contestant.ts"
import { matchOf } from "../Data.ts"
import { callersOf, ids } from "./Load.ts"

main((port) =>
  Effect.promise(async () => {
    const uri = `redis://127.0.0.1:${port}`
    const provider = new RedisMessageProvider({ uri })
    await provider.connect()
    const cache = new Cacheable({
      primary: createKeyv({ useClone: false, lruSize: 10_000 }),
      secondary: new KeyvRedis(uri),
      ttl: "1h",
      sync: { qified: provider }
    })
    const keys = ids.map((id) => `match:${id}`)
    await cache.setMany(keys.map((key, id) => ({ key, value: matchOf(id) })))
    return {
      mixed: callersOf(
        (id) => cache.getOrSet(keys[id] ?? "", () => Promise.resolve(matchOf(id))),
        (id) => cache.delete(keys[id] ?? "")
      )
    }
  })
)
