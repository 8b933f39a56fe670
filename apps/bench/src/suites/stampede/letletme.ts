/** Arguments after the port: how many callers. The task's amount is the round, which names the cold key. */
import { CacheConfig, CacheManager, DependencyGraph, DomainCache, Lookup } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { Context, Effect, Layer, Schema } from "effect"
import { main, stopwatch } from "../../contest/Contestant.ts"
import { Match, matchOf } from "../Data.ts"

let loads = 0
// By a clock that all processes of the machine share (ms).
const now = () => performance.timeOrigin + performance.now()
// When the first caller had its answer, which it has as soon as the store has the entry.
let filledAt = 0

class Slow extends DomainCache.Service<Slow>()("bench/Slow", {
  graph: DependencyGraph.make({ slow: [] }),
  domain: "slow",
  id: Schema.String,
  value: Match,
  timeToLive: "metadata",
  lookup: () =>
    Effect.suspend(() => {
      loads++
      return Effect.as(Effect.sleep("50 millis"), Lookup.found(matchOf(1)))
    })
}) {}

main(
  Effect.fnUntraced(function* (port) {
    const callers = Number(process.argv[3])
    const context = yield* Layer.build(
      Slow.layer.pipe(
        Layer.provide(CacheManager.layerRedis),
        Layer.provide(Redis.layer({ port })),
        Layer.provide(CacheConfig.layer({}))
      )
    )
    const slow = Context.get(context, Slow)
    return {
      stampede: (round) =>
        Effect.suspend(() => {
          loads = 0
          filledAt = 0
          const stop = stopwatch()
          const read = Effect.map(slow.get(`cold-${callers}-${round}`), () => {
            if (filledAt === 0) filledAt = now()
          })
          return Effect.map(
            Effect.all(
              Array.from({ length: callers }, () => read),
              { concurrency: "unbounded", discard: true }
            ),
            () => stop(callers, { loads, filledAt, answeredAt: now() })
          )
        })
    }
  })
)
