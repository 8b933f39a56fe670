/**
 * The layers that every suite runs over: memory, and a real Redis, of the topology that the environment names.
 */
import { type CacheConfig, CacheManager } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Effect, Layer, Schedule } from "effect"
import { CacheConfig as Config } from "@letletme/cache"
import { cluster, sentinel } from "./topologies.ts"

export type Settings = Partial<CacheConfig.Settings>

export const redis = Layer.unwrap(RedisServer.use(({ port }) => Effect.succeed(Redis.layer({ port })))).pipe(
  Layer.provideMerge(RedisServer.layer)
)

const overMemory = (settings: Settings = {}) => CacheManager.layerMemory.pipe(Layer.provide(Config.layer(settings)))

const overRedis = (settings: Settings = {}) =>
  CacheManager.layerRedis.pipe(Layer.provide(Config.layer(settings)), Layer.provideMerge(redis))

type Tier = Layer.Layer<Layer.Success<ReturnType<typeof overMemory>> | Redis, Layer.Error<ReturnType<typeof overRedis>>>

/** `npm run test:topologies` names one. */
const overNamed = (): ((settings?: Settings) => Tier) => {
  switch (process.env["LETLETME_TOPOLOGY"]) {
    case "cluster":
      return cluster().cache
    case "sentinel":
      return sentinel().cache
    default:
      return overRedis
  }
}

/** The caches that suites run over, by name. */
export const tiers = { memory: overMemory, redis: overNamed() }

/** Tries until it holds, for at most five seconds. */
export const eventually = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, { schedule: Schedule.spaced("10 millis"), times: 500 })
