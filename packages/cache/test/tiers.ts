/**
 * The layers that every suite runs over: memory, and a real Redis, of the topology that the environment names.
 */
import { type CacheConfig, CacheManager } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Effect, Layer, Schedule } from "effect"
import { CacheConfig as Config } from "@letletme/cache"
import { cluster, sentinel } from "./topologies.ts"
import { login, users } from "./users.ts"

export { secret } from "./users.ts"

export type Settings = Partial<CacheConfig.Settings>

/** A server that knows a user for each namespace. */
const server = RedisServer.layerWith({ args: users().flatMap((user) => ["--user", ...user]) })

/** A connection as the user of a namespace. */
export const as = (namespace: string) =>
  Layer.unwrap(RedisServer.use(({ port }) => Effect.succeed(Layer.fresh(Redis.layer({ port, ...login(namespace) })))))

/** A connection as the user who may do everything, for what tests do to a server. */
export const redis = Layer.unwrap(RedisServer.use(({ port }) => Effect.succeed(Redis.layer({ port })))).pipe(
  Layer.provideMerge(server)
)

const overMemory = (settings: Settings = {}) => CacheManager.layerMemory.pipe(Layer.provide(Config.layer(settings)))

const overRedis = (settings: Settings = {}) =>
  CacheManager.layerRedis.pipe(
    Layer.provide(Config.layer(settings)),
    Layer.provide(as(settings.namespace ?? "letletme")),
    Layer.provideMerge(redis)
  )

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
