import { assert, describe, it } from "@effect/vitest"
import { CacheManager, Tag } from "@letletme/cache"
import { layer, page, Source } from "@letletme/examples/requests"
import { Effect, Layer } from "effect"

describe("a page", () => {
  it.effect("asks for each thing once, and is of one moment, though the author changes while it is read", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      let name = "Ada"
      let change: Effect.Effect<void> = Effect.void
      const source = Layer.succeed(
        Source,
        Source.of({
          author: (id) =>
            Effect.sync(() => {
              asked.push("author")
              return { id, name }
            }),
          posts: () =>
            Effect.suspend(() => {
              asked.push("posts")
              // Between the author and her posts.
              return Effect.as(change, [`a post by ${name}`])
            })
        })
      )
      const app = layer.pipe(Layer.provideMerge(CacheManager.layerMemory), Layer.provide(source))
      yield* Effect.gen(function* () {
        const manager = yield* CacheManager
        const first = yield* page(1)
        assert.deepStrictEqual(first, { heading: "Ada", posts: ["a post by Ada"], byline: "by Ada" })
        assert.deepStrictEqual(asked.toSorted(), ["author", "posts"])
        assert.deepStrictEqual(yield* page(1), first)
        assert.strictEqual(asked.length, 2)

        change = Effect.suspend(() => {
          if (name === "Grace") return Effect.void
          name = "Grace"
          return Effect.ignore(manager.invalidate({ primary: Tag.of("author", "1"), cascade: true }))
        })
        yield* manager.invalidate({ primary: Tag.of("posts", "1") })
        assert.deepStrictEqual(yield* page(1), {
          heading: "Grace",
          posts: ["a post by Grace"],
          byline: "by Grace"
        })
      }).pipe(Effect.provide(app))
    })
  )
})
