/**
 * The layers that every suite runs over: memory, and a real Redis.
 */
import { type CacheConfig, CacheManager } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Effect, Layer, Schedule } from "effect"
import { CacheConfig as Config } from "@letletme/cache"

export type Settings = Partial<CacheConfig.Settings>

export const redis = Layer.unwrap(RedisServer.use(({ port }) => Effect.succeed(Redis.layer({ port })))).pipe(
  Layer.provideMerge(RedisServer.layer)
)

const overMemory = (settings: Settings = {}) => CacheManager.layerMemory.pipe(Layer.provide(Config.layer(settings)))

const overRedis = (settings: Settings = {}) =>
  CacheManager.layerRedis.pipe(Layer.provide(Config.layer(settings)), Layer.provideMerge(redis))

/** The caches that suites run over, by name. */
export const tiers = { memory: overMemory, redis: overRedis }

/** Tries until it holds, for at most five seconds. */
export const eventually = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, { schedule: Schedule.spaced("10 millis"), times: 500 })
