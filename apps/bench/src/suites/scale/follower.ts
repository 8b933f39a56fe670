/**
 * Follows the log: how long its view took to be there, and how old appends are when it has applied them.
 */
import { InvalidationLog, LiveView, RedisLog } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { Context, Effect, Fiber, Layer, Option, PubSub } from "effect"
import { main, stopwatch } from "../../contest/Contestant.ts"

main(
  Effect.fnUntraced(function* (port) {
    const log = yield* Layer.build(RedisLog.layer.pipe(Layer.provide(Redis.layer({ port }))))
    const startedAt = performance.now()
    const context = yield* Layer.build(
      LiveView.layer.pipe(Layer.provide(Layer.succeed(InvalidationLog, Context.get(log, InvalidationLog))))
    )
    const live = Context.get(context, LiveView)
    const bootstrap = performance.now() - startedAt
    return {
      bootstrap: () => Effect.sync(() => stopwatch()(1, { millis: bootstrap, marks: live.view.size })),
      /** Listens until it has applied that many, or nothing more for ten seconds. */
      listen: (count) =>
        Effect.scoped(
          Effect.gen(function* () {
            const ages: Array<number> = []
            const changes = yield* live.changes
            const stop = stopwatch()
            const listening = yield* Effect.forkChild(
              Effect.gen(function* () {
                while (ages.length < count) {
                  const next = yield* Effect.timeoutOption(PubSub.take(changes), "10 seconds")
                  if (Option.isNone(next)) return
                  const change = next.value
                  if (change._tag !== "Applied" || !change.entry.cause.startsWith("at ")) continue
                  ages.push(performance.timeOrigin + performance.now() - Number(change.entry.cause.slice(3)))
                }
              })
            )
            yield* Fiber.join(listening)
            const sorted = ages.toSorted((a, b) => a - b)
            const quantile = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
            return stop(ages.length, {
              p50: quantile(0.5) ?? Number.NaN,
              p99: quantile(0.99) ?? Number.NaN,
              max: quantile(1) ?? Number.NaN
            })
          })
        )
    }
  })
)
