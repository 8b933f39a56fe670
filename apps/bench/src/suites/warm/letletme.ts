/**
 * The warmer, from an empty store: each batch is looked at, looked up in one call, and stored with its stamp and tags.
 */
import { DependencyGraph, Warmer, WarmStage } from "@letletme/cache"
import { Effect, Layer, Stream } from "effect"
import { main, stopwatch, type Task } from "../../contest/Contestant.ts"
import { open } from "../Ours.ts"

main(
  Effect.fnUntraced(function* (port) {
    const { matches, redis } = yield* open(port)
    const warm: Task = (size) =>
      Effect.gen(function* () {
        yield* Stream.runForEach(redis.scan("letletme:match:*"), (keys) => redis.remove(keys))
        const ids = Effect.succeed(Array.from({ length: size }, (_, id) => id))
        const layer = Warmer.layer(
          DependencyGraph.make({ match: [] }),
          Effect.succeed([
            WarmStage.stage({ name: "matches", domain: "match" as const, kind: "primary", cache: matches, ids })
          ])
        )
        const stop = stopwatch()
        const report = yield* Warmer.use(({ warm: run }) => run).pipe(Effect.provide(Layer.fresh(layer)))
        return stop(report.loaded)
      })
    return { "10,000 entries": () => warm(10_000), "100,000 entries": () => warm(100_000) }
  })
)
