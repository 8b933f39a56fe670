/**
 * The server of a contest: on a core of its own, where there are two.
 */
import { Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Effect, Layer, Schema } from "effect"
import { spawnSync } from "node:child_process"
import { canPin, ContestFailed } from "./Contest.ts"

const decodeText = Schema.decodeUnknownEffect(Schema.String)
const failed = (cause: { readonly message: string }) => new ContestFailed({ message: cause.message })

/** A server of its own, and a client of it. */
export const layer = Layer.unwrap(RedisServer.use(({ port }) => Effect.succeed(Redis.layer({ port })))).pipe(
  Layer.provideMerge(RedisServer.layer)
)

/** What INFO says under a name. */
export const info = (name: string): Effect.Effect<string, ContestFailed, Redis> =>
  Redis.use((redis) => Effect.flatMap(redis.send("INFO", "everything"), decodeText)).pipe(
    Effect.mapError(failed),
    Effect.map((text) => new RegExp(`^${name}:(.*)$`, "m").exec(text)?.[1]?.trim() ?? "")
  )

/** Gives the server the first core. */
export const pin: Effect.Effect<void, ContestFailed, Redis> = Effect.gen(function* () {
  if (!canPin) return
  const id = yield* info("process_id")
  yield* Effect.sync(() => spawnSync("taskset", ["-a", "-c", "-p", "0", id]))
})
