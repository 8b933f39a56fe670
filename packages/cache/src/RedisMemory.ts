/**
 * What Redis says of its memory, as metrics: asked once in a while, since it is not this process that knows it.
 */
import { Redis } from "@letletme/redis"
import { Duration, Effect, Layer, Schedule } from "effect"
import * as Instruments from "./Instruments.ts"
import * as Meter from "./Meter.ts"

const field = (info: string, name: string): number | undefined => {
  const [, value] = new RegExp(`^${name}:(\\d+)`, "m").exec(info) ?? []
  return value === undefined ? undefined : Number(value)
}

/**
 * Asks the Redis in context every so often, by default every ten seconds. Where it does not answer, what it said last is
 * told; before its first answer, nothing is. Of a cluster one node is asked.
 *
 * @example
 * ```ts
 * import { RedisMemory } from "@letletme/cache"
 * import { Redis } from "@letletme/redis"
 * import { Layer } from "effect"
 *
 * const layer = RedisMemory.layer({ every: "1 minute" }).pipe(Layer.provide(Redis.layerConfig))
 * ```
 */
export const layer = (
  options: { readonly every?: Duration.Input | undefined } = {}
): Layer.Layer<never, never, Redis> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const redis = yield* Redis
      const meter = yield* Meter.make
      const every = Duration.fromInputUnsafe(options.every ?? "10 seconds")
      let usage: number | undefined
      let limit: number | undefined

      const look = Effect.gen(function* () {
        const info = String(yield* redis.send("INFO", "memory"))
        if (usage === undefined) {
          meter.observe(Instruments.redisMemory, {}, () => usage ?? 0)
          meter.observe(Instruments.redisLimit, {}, () => limit ?? 0)
        }
        usage = field(info, "used_memory") ?? usage ?? 0
        limit = field(info, "maxmemory") ?? limit
      })
      // Redis' own time-out bounds each question.
      const once = Effect.ignore(look)
      yield* once
      yield* Effect.forkScoped(Effect.schedule(once, Schedule.spaced(every)))
    })
  )
