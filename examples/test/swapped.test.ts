/**
 * The test of an app, in which a layer is swapped: the same program over memory and over a real Redis, and with a source
 * that the test holds in its hand.
 */
import { assert, describe, it } from "@effect/vitest"
import { CacheManager, CacheMetrics, Tag } from "@letletme/cache"
import { layer, page, Source } from "@letletme/examples/requests"
import { Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Effect, Layer } from "effect"

const redis = Layer.unwrap(RedisServer.useSync(({ port }) => Redis.layer({ port }))).pipe(
  Layer.provide(RedisServer.layer)
)

const caches = { memory: CacheManager.layerMemory, Redis: CacheManager.layerRedis.pipe(Layer.provide(redis)) }

const source = Layer.succeed(
  Source,
  Source.of({ author: (id) => Effect.succeed({ id, name: "Ada" }), posts: () => Effect.succeed(["first"]) })
)

describe("the page, whatever it is cached in", () => {
  for (const [name, cache] of Object.entries(caches)) {
    it.live(`over ${name}`, () =>
      Effect.gen(function* () {
        const manager = yield* CacheManager
        const loads = CacheMetrics.use(({ counts }) =>
          Effect.map(counts, ({ domains }) => Object.values(domains).reduce((sum, one) => sum + one.loads, 0))
        )
        yield* page(1)
        yield* page(1)
        assert.strictEqual(yield* loads, 2)
        yield* manager.invalidate({ primary: Tag.of("author", "1"), cascade: true })
        assert.deepStrictEqual((yield* page(1)).posts, ["first"])
        assert.strictEqual(yield* loads, 4)
      }).pipe(Effect.provide(layer.pipe(Layer.provideMerge(cache), Layer.provide(source))))
    )
  }
})
