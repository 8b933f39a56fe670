import { Redis } from "@letletme/redis"
import { RedisCluster, RedisSentinel } from "@letletme/testing"
import { Effect, Layer } from "effect"
import { suite } from "./suites/Redis.suite.ts"

const cluster = Layer.unwrap(RedisCluster.use(({ config }) => Effect.succeed(Redis.layer(config)))).pipe(
  Layer.provideMerge(RedisCluster.layer)
)
const sentinel = Layer.unwrap(RedisSentinel.use(({ config }) => Effect.succeed(Redis.layer(config)))).pipe(
  Layer.provideMerge(RedisSentinel.layer)
)
suite("Redis, of a cluster", cluster)
suite("Redis, under sentinels", sentinel)
