import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { Source, start, topic, worlds } from "./deployment.ts"

/** A transaction of the source: what fails leaves it as it was. */
const transact = <A, E, R>(body: Effect.Effect<A, E, R>) =>
  Source.use(({ pages }) => {
    const before = new Map(pages)
    return Effect.tapError(body, () =>
      Effect.sync(() => {
        pages.clear()
        for (const [id, page] of before) pages.set(id, page)
      })
    )
  })

for (const [name, world] of Object.entries(worlds)) {
  describe(`known bugs of transactions, over ${name}`, () => {
    for (const isCommitted of [false, true]) {
      const what = isCommitted
        ? "that commits reach every process once they are committed too"
        : "that rolls back invalidate nothing"
      it.live(`drizzle-orm #4580: changes prepared in a transaction ${what}`, () =>
        Effect.gen(function* () {
          const { asked, pages } = yield* Source
          const [one, two] = [yield* start(), yield* start()]
          yield* one.pages.get("a")
          yield* two.pages.get("a")
          const { position } = one.live.view
          const transaction = transact(
            Effect.gen(function* () {
              pages.set("a", 2)
              const changes = yield* one.pages.changes([{ id: "a", value: Option.some(2) }])
              // An invalidation is a value too: it does nothing until it is run.
              const invalidation = one.manager.invalidate({ primary: topic })
              assert.deepStrictEqual(
                changes.map(({ verdict }) => verdict),
                ["changed"]
              )
              return isCommitted ? { changes, invalidation } : yield* Effect.fail("rolled back" as const)
            })
          )
          const saved = Effect.flatMap(transaction, ({ changes, invalidation }) =>
            Effect.andThen(one.manager.commit(changes), invalidation)
          )
          if (isCommitted) {
            const after = yield* saved
            assert.strictEqual(after, position + 2)
            for (const process of [one, two]) assert.strictEqual(yield* process.pages.get("a", { after }), 2)
            return
          }
          assert.strictEqual(yield* Effect.flip(saved), "rolled back")
          asked.length = 0
          for (const process of [one, two]) {
            assert.strictEqual(yield* process.pages.get("a", { consistency: "strong" }), 1)
            assert.strictEqual(process.live.view.position, position)
          }
          assert.deepStrictEqual(asked, [])
        }).pipe(Effect.scoped, Effect.provide(world))
      )
    }
  })
}
