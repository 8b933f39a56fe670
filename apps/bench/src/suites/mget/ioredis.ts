/** The client alone: one MGET, and JSON.parse of each value, unchecked. */
import { Effect } from "effect"
import { Redis } from "ioredis"
import { main, repeatPromise } from "../../contest/Contestant.ts"
import { matchOf } from "../Data.ts"
import { ids, sizes, window } from "./Sizes.ts"

main((port) =>
  Effect.promise(async () => {
    const redis = new Redis({ port })
    const keys = ids.map((id) => `plain:match:${id}`)
    await redis.mset(keys.flatMap((key, id) => [key, JSON.stringify(matchOf(id))]))
    return Object.fromEntries(
      sizes.map((size) => {
        const next = window(size)
        const read = async () => {
          const from = next()
          const texts = await redis.mget(keys.slice(from, from + size))
          return texts.map((text): unknown => JSON.parse(text ?? "null"))
        }
        return [`${size} keys`, repeatPromise(1, read)]
      })
    )
  })
)
