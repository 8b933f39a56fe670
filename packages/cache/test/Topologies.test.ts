import { assert, describe, it } from "@effect/vitest"
import { CacheConfig, RedisLog, RedisStore } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { RedisCluster, RedisSentinel } from "@letletme/testing"
import { Effect, Layer } from "effect"
import { ordeal } from "./ordeal.ts"
import { suite as storeSuite } from "./suites/CacheStore.suite.ts"
import { suite as logSuite } from "./suites/InvalidationLog.suite.ts"
import { cluster, sentinel } from "./topologies.ts"

const overCluster = cluster()
const overSentinel = sentinel()

const suites = <E>(name: string, redis: Layer.Layer<Redis, E>) => {
  storeSuite(`CacheStore over ${name}`, RedisStore.layer.pipe(Layer.provide(redis)))
  logSuite(`over ${name}`, (settings) =>
    Layer.mergeAll(RedisLog.layer, RedisStore.layer).pipe(
      Layer.provide(CacheConfig.layer({ namespace: "test", maxStaleness: 300, ...settings })),
      Layer.provide(redis)
    )
  )
}

suites("a cluster", overCluster.redis)
suites("sentinels", overSentinel.redis)

describe("strong reads under load", () => {
  it.live("are never stale while a cluster fails over, and moves slots", () =>
    Effect.gen(function* () {
      const servers = yield* RedisCluster
      const logSlot = yield* Redis.use(({ spread }) => Effect.succeed(spread?.slotOf("{letletme}") ?? -1)).pipe(
        Effect.provide(overCluster.redis)
      )
      const elsewhere = (logSlot + 8_000) % 16_384
      const came = yield* ordeal(
        overCluster.redis,
        Effect.gen(function* () {
          const lost = yield* servers.failOver(logSlot)
          yield* servers.restart(lost)
          yield* servers.reshard(
            Array.from({ length: 40 }, (_, index) => (logSlot + 16_384 - 20 + index) % 16_384),
            elsewhere
          )
        })
      )
      assert.isAbove(came.strongReads, 100)
      assert.isAbove(came.writes, 10)
    }).pipe(Effect.provide(overCluster.servers))
  )

  it.live("are never stale while sentinels fail over", () =>
    Effect.gen(function* () {
      const servers = yield* RedisSentinel
      const came = yield* ordeal(
        overSentinel.redis,
        Effect.flatMap(servers.failOver, (lost) => servers.restart(lost))
      )
      assert.isAbove(came.strongReads, 100)
      assert.isAbove(came.writes, 10)
    }).pipe(Effect.provide(overSentinel.servers))
  )
})
