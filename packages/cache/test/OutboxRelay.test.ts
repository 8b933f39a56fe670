import { assert, describe, it } from "@effect/vitest"
import {
  CacheManager,
  InvalidationLog,
  LiveView,
  onceName,
  Outbox,
  OutboxError,
  OutboxRelay,
  Tag
} from "@letletme/cache"
import { Context, Effect, Fiber, Layer, Ref } from "effect"
import { tiers } from "./tiers.ts"

const tag = (id: number) => Tag.of("match", `${id}`)
const rowOf = (id: number) => ({ tags: [tag(id)], cause: `update ${id}` })

/** The tags of what was appended, oldest first. */
const appended = Effect.gen(function* () {
  const log = yield* InvalidationLog
  const { entries } = yield* log.sync(0)
  return entries.flatMap(({ tags }) => (tags.length === 0 ? [] : [tags]))
})

/** A relay over an outbox, for the life of the test. */
const start = (outbox: Outbox["Service"]) =>
  Effect.map(
    Layer.build(OutboxRelay.layer({ poll: "1 hour" }).pipe(Layer.provide(Layer.succeed(Outbox, outbox)))),
    (context) => Context.get(context, OutboxRelay)
  )

for (const [name, over] of Object.entries(tiers)) {
  describe(`OutboxRelay over ${name}`, () => {
    const layer = Outbox.layerMemory.pipe(Layer.provideMerge(over({ namespace: "relay", maxStaleness: 300 })))

    it.live("appends what is pending, in the order of the commits, and notes it", () =>
      Effect.gen(function* () {
        const outbox = yield* Outbox
        for (const id of [3, 1, 2]) yield* outbox.put(rowOf(id))
        const relay = yield* start({ ...outbox, awaken: Effect.never })
        const position = yield* relay.flush
        assert.deepStrictEqual(yield* appended, [[tag(3)], [tag(1)], [tag(2)]])
        assert.deepStrictEqual(yield* outbox.pending(10), [])
        const log = yield* InvalidationLog
        assert.strictEqual((yield* log.at(position ?? 0))?.cause, "update 2 (relayed)")
        const { view } = yield* LiveView
        assert.isTrue(position === undefined || view.position >= position)
        assert.isUndefined(yield* relay.flush)
        assert.isFalse(view.isValid(view.position - 1, [tag(2)]))
      }).pipe(Effect.provide(layer))
    )

    it.live("appends once what it could not note, and what others append too", () =>
      Effect.gen(function* () {
        const outbox = yield* Outbox
        const manager = yield* CacheManager
        const isBroken = yield* Ref.make(true)
        const forgetful: Outbox["Service"] = {
          ...outbox,
          awaken: Effect.never,
          delivered: (ids, position) =>
            Effect.flatMap(Ref.get(isBroken), (broken) =>
              broken
                ? Effect.fail(new OutboxError({ operation: "Noting", cause: "the database went away" }))
                : outbox.delivered(ids, position)
            )
        }
        const relays = [yield* start(forgetful), yield* start(forgetful)]
        const id = yield* outbox.put(rowOf(1))
        // Whoever committed it appends it, and dies before it can say so.
        const own = yield* manager.commit([], { ...rowOf(1), related: rowOf(1).tags, once: onceName(id) })
        yield* Effect.flip(Effect.forEach(relays, (relay) => relay.flush, { concurrency: "unbounded" }))
        yield* Ref.set(isBroken, false)
        const positions = yield* Effect.forEach(relays, (relay) => relay.flush, { concurrency: "unbounded" })
        assert.deepStrictEqual(
          positions.filter((position) => position !== undefined && position !== own.position),
          []
        )
        assert.deepStrictEqual(yield* appended, [[tag(1)]])
        assert.deepStrictEqual(yield* outbox.pending(10), [])
      }).pipe(Effect.provide(layer))
    )

    it.live("is woken by a commit", () =>
      Effect.gen(function* () {
        const outbox = yield* Outbox
        const { view } = yield* LiveView
        yield* start(outbox)
        for (const id of [1, 2, 3]) {
          const before = view.position
          const waiting = yield* Effect.forkChild(
            Effect.repeat(Effect.yieldNow, { until: () => view.position > before })
          )
          yield* outbox.put(rowOf(id))
          yield* Fiber.join(waiting)
          assert.isFalse(view.isValid(before, [tag(id)]))
        }
      }).pipe(Effect.provide(layer))
    )
  })
}
