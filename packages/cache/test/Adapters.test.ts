/**
 * Effect's own caches over this one: each keeps what it is given, and none answers what was invalidated.
 */
import { assert, describe, it } from "@effect/vitest"
import { CacheConfig, type CacheError, CacheManager, DependencyGraph, Lookup, Tag } from "@letletme/cache"
import * as CacheKeyValueStore from "@letletme/cache/CacheKeyValueStore"
import * as CachePersistence from "@letletme/cache/CachePersistence"
import * as DomainResolver from "@letletme/cache/DomainResolver"
import {
  Context,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Option,
  Request,
  RequestResolver,
  Schema
} from "effect"
import { KeyValueStore, Persistable, Persistence } from "effect/persistence"
import { TestClock } from "effect/testing"
import { eventually, tiers } from "./tiers.ts"

const graph = DependencyGraph.make({ team: [], persisted: ["team"] })

class TeamName extends Persistable.Class<{ payload: { readonly id: string } }>()("TeamName", {
  primaryKey: ({ id }) => id,
  success: Schema.String,
  error: Schema.Literal("unknown")
}) {}

class TeamTitle extends Persistable.Class<{ payload: { readonly id: string } }>()("TeamTitle", {
  primaryKey: ({ id }) => id,
  success: Schema.String
}) {}

const persistence = CachePersistence.layer({
  dependencies: {
    graph,
    domain: "persisted",
    dependsOn: (storeId, key) => (storeId === "names" ? [Tag.of("team", key)] : [])
  }
})

/** The truth: a name for each team, and how often it was asked for. */
const source = () => {
  const state = { name: "Spurs", asked: 0, pause: Effect.void }
  const lookup = ({ id }: TeamName) =>
    Effect.gen(function* () {
      state.asked++
      const { name } = state
      yield* Effect.suspend(() => state.pause)
      return id === "0" ? yield* Effect.fail("unknown" as const) : name
    })
  return { state, lookup }
}

const options = { storeId: "names", timeToLive: () => Duration.minutes(1) }
const key = new TeamName({ id: "14" })

/** The services of a process of its own, over the store and the log in context. */
const process = Layer.fresh(
  Layer.mergeAll(persistence, CacheKeyValueStore.layer()).pipe(
    Layer.provideMerge(CacheManager.layerOver),
    Layer.provide(CacheConfig.layer({}))
  )
)

const odd = ["plain", "", "a:b", "*", "ü=%", "{x}", "\uD800", "=0041"]

for (const [name, tier] of Object.entries(tiers)) {
  describe(`Effect's caches, over ${name}`, () => {
    it.live("PersistedCache: keeps successes and failures, and shares one lookup", () =>
      Effect.gen(function* () {
        const { lookup, state } = source()
        const names = yield* CachePersistence.persistedCache(lookup, options)
        const answers = yield* Effect.all(
          Array.from({ length: 50 }, () => names.get(key)),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(new Set(answers), new Set(["Spurs"]))
        assert.strictEqual(yield* names.get(key), "Spurs")
        assert.strictEqual(state.asked, 1)
        const none = new TeamName({ id: "0" })
        assert.strictEqual(yield* Effect.flip(names.get(none)), "unknown")
        assert.strictEqual(yield* Effect.flip(names.get(none)), "unknown")
        assert.strictEqual(state.asked, 2)
        yield* names.invalidate(key)
        state.name = "Tottenham"
        assert.strictEqual(yield* names.get(key), "Tottenham")
      }).pipe(Effect.scoped, Effect.provide(process.pipe(Layer.provide(tier()))))
    )

    it.live("PersistedCache: an acknowledged invalidation is never followed by what it reached", () =>
      Effect.gen(function* () {
        const { lookup, state } = source()
        const manager = yield* CacheManager
        yield* manager.open({
          graph,
          domain: "team",
          id: Schema.String,
          value: Schema.String,
          timeToLive: "metadata",
          lookup: () => Effect.succeed(Lookup.absent)
        })
        const names = yield* CachePersistence.persistedCache(lookup, options)
        const reached = [
          { primary: CachePersistence.tagOf("names") },
          { primary: CachePersistence.tagOf("names", "14") },
          { primary: Tag.of("team", "14"), cascade: true }
        ]
        for (const [index, invalidation] of reached.entries()) {
          yield* names.get(key)
          state.name = `${index}`
          yield* manager.invalidate(invalidation)
          assert.strictEqual(yield* names.get(key), `${index}`)
        }
        // One that is under way is neither joined nor kept.
        yield* manager.invalidate({ primary: CachePersistence.tagOf("names") })
        const asks = yield* Deferred.make<void>()
        const gate = yield* Deferred.make<void>()
        state.pause = Effect.andThen(Deferred.succeed(asks, undefined), Deferred.await(gate))
        const old = yield* Effect.forkChild(names.get(key))
        yield* Deferred.await(asks)
        state.pause = Effect.void
        state.name = "new"
        yield* manager.invalidate({ primary: CachePersistence.tagOf("names") })
        assert.strictEqual(yield* names.get(key), "new")
        yield* Deferred.succeed(gate, undefined)
        assert.strictEqual(yield* Fiber.join(old), "2")
        assert.strictEqual(yield* names.get(key), "new")
      }).pipe(Effect.scoped, Effect.provide(process.pipe(Layer.provide(tier()))))
    )

    it.live("RequestResolver.persisted: what is kept is asked of nobody, until it is invalidated", () =>
      Effect.gen(function* () {
        const manager = yield* CacheManager
        const asked: Array<ReadonlyArray<string>> = []
        const titles = RequestResolver.make<TeamTitle>((entries) =>
          Effect.sync(() => {
            asked.push(entries.map(({ request }) => request.id))
            for (const { completeUnsafe, request } of entries) completeUnsafe(Exit.succeed(`team ${request.id}`))
          })
        )
        const resolver = yield* RequestResolver.persisted(titles, options)
        const all = (...ids: ReadonlyArray<string>) =>
          Effect.forEach(ids, (id) => Effect.request(new TeamTitle({ id }), resolver), { concurrency: "unbounded" })
        const store = yield* Effect.flatMap(Persistence.Persistence, (one) => one.make(options))
        /** A resolver answers first, and keeps what it answered then. */
        const kept = (...ids: ReadonlyArray<string>) =>
          eventually(
            Effect.filterOrFail(
              store.getMany(ids.map((id) => new TeamTitle({ id }))),
              (exits) => !exits.includes(undefined)
            )
          )
        assert.deepStrictEqual(yield* all("1", "2"), ["team 1", "team 2"])
        yield* kept("1", "2")
        assert.deepStrictEqual(yield* all("1", "2", "3"), ["team 1", "team 2", "team 3"])
        yield* kept("1", "2", "3")
        yield* manager.invalidate({ primary: CachePersistence.tagOf("names", "2") })
        yield* all("1", "2", "3")
        assert.deepStrictEqual(asked, [["1", "2"], ["3"], ["2"]])
      }).pipe(Effect.scoped, Effect.provide(process.pipe(Layer.provide(tier()))))
    )

    it.live("RequestResolver.persisted: a result that was overtaken is not kept", () =>
      Effect.gen(function* () {
        const manager = yield* CacheManager
        const asks = yield* Deferred.make<void>()
        const gate = yield* Deferred.make<void>()
        const state = { title: "old", pause: Effect.andThen(Deferred.succeed(asks, undefined), Deferred.await(gate)) }
        const titles = RequestResolver.make<TeamTitle>((entries) =>
          Effect.gen(function* () {
            const { pause, title } = state
            yield* pause
            for (const { completeUnsafe } of entries) completeUnsafe(Exit.succeed(title))
          })
        )
        const resolver = yield* RequestResolver.persisted(titles, options)
        const get = Effect.request(new TeamTitle({ id: "1" }), resolver)
        const slow = yield* Effect.forkChild(get)
        yield* Deferred.await(asks)
        yield* manager.invalidate({ primary: CachePersistence.tagOf("names", "1") })
        state.title = "new"
        state.pause = Effect.void
        yield* Deferred.succeed(gate, undefined)
        assert.strictEqual(yield* Fiber.join(slow), "old")
        for (let again = 0; again < 5; again++) assert.strictEqual(yield* get, "new")
      }).pipe(Effect.scoped, Effect.provide(process.pipe(Layer.provide(tier()))))
    )

    it.live("Persistence: what is set and removed in one process is so in the other", () =>
      Effect.gen(function* () {
        const build = Effect.map(Layer.build(process), Context.get(Persistence.Persistence))
        const [one, two] = [yield* build, yield* build]
        const [first, second] = [yield* one.make(options), yield* two.make(options)]
        for (const value of ["a", "b"]) {
          yield* first.set(key, Exit.succeed(value))
          assert.deepStrictEqual(yield* first.get(key), Exit.succeed(value))
        }
        const there = yield* eventually(Effect.filterOrFail(second.get(key), (exit) => exit !== undefined))
        assert.deepStrictEqual(there, Exit.succeed("b"))
        yield* first.remove(key)
        yield* eventually(Effect.filterOrFail(second.get(key), (exit) => exit === undefined))
        yield* second.set(key, Exit.succeed("c"))
        yield* first.clear
        assert.isUndefined(yield* first.get(key))
      }).pipe(Effect.scoped, Effect.provide(tier()))
    )

    it.live("KeyValueStore: any key, text and bytes; removed and cleared is gone", () =>
      Effect.gen(function* () {
        const store = yield* KeyValueStore.KeyValueStore
        for (const one of odd) yield* store.set(one, `value of ${one.length}`)
        for (const one of odd) assert.strictEqual(yield* store.get(one), `value of ${one.length}`)
        assert.deepStrictEqual((yield* store.keys).toSorted(), odd.toSorted())
        assert.strictEqual(yield* store.size, odd.length)
        const bytes = Uint8Array.of(0, 255, 10)
        yield* store.set("bytes", bytes)
        assert.deepStrictEqual(yield* store.getUint8Array("bytes"), bytes)
        assert.strictEqual(yield* store.get("bytes"), "AP8K")
        assert.deepStrictEqual(yield* store.getUint8Array("plain"), new TextEncoder().encode("value of 5"))
        assert.strictEqual(yield* store.modify("plain", (value) => `${value}!`), "value of 5!")
        yield* store.remove("plain")
        assert.isUndefined(yield* store.get("plain"))
        assert.isFalse(yield* store.has("plain"))
        yield* store.set("plain", "again")
        assert.strictEqual(yield* store.get("plain"), "again")
        const part = KeyValueStore.prefix(store, "part/")
        yield* part.set("a", "1")
        yield* part.clear
        assert.isUndefined(yield* part.get("a"))
        assert.strictEqual(yield* store.get("plain"), "again")
        yield* store.clear
        assert.isTrue(yield* store.isEmpty)
      }).pipe(Effect.provide(process.pipe(Layer.provide(tier()))))
    )

    it.live("KeyValueStore: what one process writes, another that asks the log reads at once", () =>
      Effect.gen(function* () {
        const strong = Layer.fresh(
          CacheKeyValueStore.layer({ consistency: "strong" }).pipe(
            Layer.provide(CacheManager.layerOver),
            Layer.provide(CacheConfig.layer({}))
          )
        )
        const build = Effect.map(Layer.build(strong), Context.get(KeyValueStore.KeyValueStore))
        const [one, two] = [yield* build, yield* build]
        for (let round = 0; round < 20; round++) {
          yield* one.set("a", `${round}`)
          assert.strictEqual(yield* two.get("a"), `${round}`)
          yield* two.remove("a")
          assert.isUndefined(yield* one.get("a"))
        }
      }).pipe(Effect.scoped, Effect.provide(tier()))
    )
  })
}

class GetNumber extends Request.Class<{ readonly id: string }, number, string | CacheError> {}

describe("DomainResolver", () => {
  it.effect("answers the requests of a tick with one lookup, and not what was invalidated", () =>
    Effect.gen(function* () {
      const manager = yield* CacheManager
      const values = new Map([
        ["a", 1],
        ["b", 2]
      ])
      const batches: Array<ReadonlyArray<string>> = []
      const domain = yield* manager.open({
        graph: DependencyGraph.make({ number: [] }),
        domain: "number",
        id: Schema.String,
        value: Schema.Int,
        timeToLive: "metadata",
        lookupMany: (questions) =>
          Effect.suspend((): Effect.Effect<ReadonlyArray<Lookup.Answer<number>>, string> => {
            batches.push(questions.map(({ id }) => id))
            return values.size === 0
              ? Effect.fail("away")
              : Effect.succeed(questions.map(({ id }) => Lookup.fromOption(Option.fromUndefinedOr(values.get(id)))))
          })
      })
      const resolver = DomainResolver.make(domain)
      const get = (id: string) => Effect.request(new GetNumber({ id }), resolver)
      assert.deepStrictEqual(yield* Effect.all([get("a"), get("b"), get("a")], { concurrency: 3 }), [1, 2, 1])
      assert.deepStrictEqual(batches, [["a", "b"]])
      const error = yield* Effect.flip(get("c"))
      assert.strictEqual(typeof error === "string" ? error : error.reason._tag, "Absent")
      values.set("a", 3)
      yield* domain.invalidate(["a"])
      assert.deepStrictEqual(yield* Effect.all([get("a"), get("b")], { concurrency: 2 }), [3, 2])
      assert.deepStrictEqual(batches.at(-1), ["a"])
      values.clear()
      assert.strictEqual(yield* Effect.flip(get("d")), "away")
    }).pipe(Effect.scoped, Effect.provide(CacheManager.layerMemory))
  )
})

describe("CachePersistence", () => {
  it.effect("keeps each result as long as its time to live says, and none that says nothing is left", () =>
    Effect.gen(function* () {
      const { lookup, state } = source()
      const names = yield* CachePersistence.persistedCache(lookup, {
        storeId: "names",
        timeToLive: (exit) => (Exit.isSuccess(exit) ? "1 minute" : 0)
      })
      yield* names.get(key)
      yield* TestClock.adjust("59 seconds")
      yield* names.get(key)
      assert.strictEqual(state.asked, 1)
      yield* TestClock.adjust("1 second")
      yield* names.get(key)
      assert.strictEqual(state.asked, 2)
      const none = new TeamName({ id: "0" })
      yield* Effect.flip(names.get(none))
      yield* Effect.flip(names.get(none))
      assert.strictEqual(state.asked, 4)
    }).pipe(Effect.scoped, Effect.provide(persistence.pipe(Layer.provideMerge(CacheManager.layerMemory))))
  )

  it.effect("keeps no result that was asked for before an invalidation, however many the fiber asked for since", () =>
    Effect.gen(function* () {
      const manager = yield* CacheManager
      const store = yield* Effect.flatMap(Persistence.Persistence, (one) => one.make(options))
      const keys = Array.from({ length: 1_500 }, (_, index) => new TeamName({ id: `${index + 1}` }))
      yield* Effect.forEach(keys, store.get)
      yield* manager.invalidate({ primary: CachePersistence.tagOf("names") })
      for (const one of keys) yield* store.set(one, Exit.succeed("old"))
      for (const one of keys) assert.isUndefined(yield* store.get(one))
    }).pipe(Effect.scoped, Effect.provide(persistence.pipe(Layer.provideMerge(CacheManager.layerMemory))))
  )
})
