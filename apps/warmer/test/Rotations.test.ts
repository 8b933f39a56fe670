import { assert, describe, it } from "@effect/vitest"
import {
  CacheError,
  CacheManager,
  CacheStore,
  Cipher,
  DependencyGraph,
  DomainCache,
  InvalidationLog,
  KeyRing,
  Lookup
} from "@letletme/cache"
import { StoreFailed } from "@letletme/cache/CacheError"
import { Rotations } from "@letletme/warmer/Rotations"
import { Context, Effect, Layer, Option, Redacted, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { randomBytes } from "node:crypto"

const newKey = (id: string): KeyRing.Key => ({ id, secret: Redacted.make(randomBytes(32)) })

/** What the ring holds, and whether the store may be listed. */
class Held extends Context.Service<Held, { keys: KeyRing.Keys; isAway: boolean }>()("test/RotationsHeld") {
  static readonly layer = Layer.sync(this, () => Held.of({ keys: [newKey("first")], isAway: false }))
}

const ring = Layer.effect(
  KeyRing.KeyRing,
  Held.useSync((held) => ({ keys: Effect.sync(() => held.keys) }))
)

const away = new CacheError({
  reason: new StoreFailed({ operation: "Listing entries", temporary: true, cause: "it is away" })
})
const store = Layer.effect(
  CacheStore,
  Effect.gen(function* () {
    const held = yield* Held
    const memory = yield* CacheStore
    return CacheStore.of({
      ...memory,
      scan: (prefix) => Stream.suspend(() => (held.isAway ? Stream.fail(away) : memory.scan(prefix)))
    })
  })
).pipe(Layer.provide(CacheStore.layerMemory))

class Notes extends DomainCache.Service<Notes>()("test/RotationsNotes", {
  graph: DependencyGraph.make({ note: [] }),
  domain: "note",
  id: Schema.String,
  value: Schema.String,
  timeToLive: "metadata",
  lookup: (id: string) => Effect.succeed(Lookup.found(`note ${id}`))
}) {}

const rate = 100
const app = Layer.merge(Notes.layer, Rotations.layer(rate)).pipe(
  Layer.provideMerge(CacheManager.layerOver),
  Layer.provide(InvalidationLog.layerMemory),
  Layer.provideMerge(store),
  Layer.provideMerge(Cipher.Cipher.layer({ refresh: "10 seconds" }).pipe(Layer.provide(ring))),
  Layer.provideMerge(Held.layer)
)

const ids = Array.from({ length: 300 }, (_, index) => `${index}`)

/** Where it stands, in a few words. */
const stands = Effect.map(
  Rotations.use(({ status }) => status),
  Option.map(
    ({ key, progress, state }) => `${key} ${state}: ${progress.current} of ${progress.seen}, ${progress.renewed} new`
  )
).pipe(Effect.map(Option.getOrElse(() => "nothing")))

describe("Rotations", () => {
  it.effect("finds a new key by itself, goes no faster than it may, and ends when all is under it", () =>
    Effect.gen(function* () {
      const held = yield* Held
      const notes = yield* Notes
      const rotations = yield* Rotations
      yield* notes.getMany(ids)
      assert.strictEqual(yield* stands, "nothing")
      yield* Effect.forkScoped(rotations.keep)
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(yield* stands, "first done: 300 of 300, 0 new")

      const [old] = held.keys
      held.keys = [newKey("second"), old]
      // Ten until the ring is read again, five until that is seen, and three for all of them.
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(yield* stands, "second waiting: 0 of 300, 300 new")
      yield* TestClock.adjust("1 minute")
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(yield* stands, "second done: 300 of 300, 0 new")
      held.keys = [held.keys[0]]
      yield* TestClock.adjust("10 seconds")
      assert.isTrue((yield* notes.getMany(ids, { skip: "near" })).every(Option.isSome))
    }).pipe(Effect.scoped, Effect.provide(app))
  )

  it.effect("looks at no more entries a second than it may", () =>
    Effect.gen(function* () {
      const rotations = yield* Rotations
      yield* Notes.use((notes) => notes.getMany(ids))
      yield* Effect.forkScoped(rotations.keep)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* stands, "first running: 128 of 128, 0 new")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* stands, "first running: 256 of 256, 0 new")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* stands, "first done: 300 of 300, 0 new")
    }).pipe(Effect.scoped, Effect.provide(app))
  )

  it.effect("goes on after a store that failed, and at once when it is asked to", () =>
    Effect.gen(function* () {
      const held = yield* Held
      const rotations = yield* Rotations
      yield* Notes.use((notes) => notes.getMany(ids))
      held.isAway = true
      yield* Effect.forkScoped(rotations.keep)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* stands, "first waiting: 0 of 0, 0 new")
      held.isAway = false
      yield* TestClock.adjust("1 minute")
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(yield* stands, "first done: 300 of 300, 0 new")
      held.isAway = true
      yield* rotations.again
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* stands, "first waiting: 0 of 0, 0 new")
    }).pipe(Effect.scoped, Effect.provide(app))
  )

  it.effect("does nothing where nothing is encrypted", () =>
    Effect.gen(function* () {
      yield* Effect.forkScoped(Rotations.use(({ keep }) => keep))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* stands, "nothing")
    }).pipe(Effect.scoped, Effect.provide(Rotations.layer(rate).pipe(Layer.provide(CacheStore.layerMemory))))
  )
})
