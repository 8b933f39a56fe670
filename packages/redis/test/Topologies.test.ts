import { Redis } from "@letletme/redis"
import { RedisCluster, RedisSentinel } from "@letletme/testing"
import { Effect, Layer } from "effect"
import { suite } from "./suites/Redis.suite.ts"

const cluster = Layer.unwrap(
  RedisCluster.use(({ addresses }) => Effect.succeed(Redis.layer({ topology: { _tag: "Cluster", nodes: addresses } })))
).pipe(Layer.provideMerge(RedisCluster.layer))
const sentinel = Layer.unwrap(
  RedisSentinel.use(({ name, sentinels }) =>
    Effect.succeed(Redis.layer({ topology: { _tag: "Sentinel", name, sentinels } }))
  )
).pipe(Layer.provideMerge(RedisSentinel.layer))
suite("Redis, of a cluster", cluster)
suite("Redis, under sentinels", sentinel)
