/**
 * What every second tier has to do.
 */
import { assert, layer } from "@effect/vitest"
import { CacheStore } from "@letletme/cache"
import { Effect, type Layer, Stream } from "effect"
import { eventually } from "../tiers.ts"
import { fillOf, readOf } from "./sealed.ts"

const at = (time: number, sequence = 0) => ({ time, sequence })

const textOf = Effect.fnUntraced(function* (key: string) {
  const store = yield* CacheStore
  const [bytes] = yield* store.getMany([key])
  return readOf(key, bytes)?.text
})

const isGone = (key: string) =>
  eventually(Effect.flatMap(textOf(key), (text) => (text === undefined ? Effect.void : Effect.fail("still there"))))

const listed = Effect.fnUntraced(function* (prefix: string) {
  const store = yield* CacheStore
  const chunks = yield* Stream.runCollect(store.scan(prefix))
  return [...new Set(chunks.flat())].toSorted()
})

export const suite = <E>(name: string, over: Layer.Layer<CacheStore, E>) =>
  layer(over, { excludeTestServices: true })(name, (it) => {
    it.effect("answers in the order of the keys, and nothing for what it does not have", () =>
      Effect.gen(function* () {
        const store = yield* CacheStore
        assert.deepStrictEqual(yield* store.fill([fillOf("order:1", "one"), fillOf("order:2", "two")]), [true, true])
        const keys = ["order:2", "order:none", "order:1", "order:2"]
        const found = yield* store.getMany(keys)
        assert.deepStrictEqual(
          found.map((bytes, index) => readOf(keys[index] ?? "", bytes)?.text),
          ["two", undefined, "one", "two"]
        )
        assert.deepStrictEqual([yield* store.getMany([]), yield* store.fill([])], [[], []])
      })
    )

    it.effect("discards what still holds the bytes that it is given, and nothing else", () =>
      Effect.gen(function* () {
        const store = yield* CacheStore
        const fills = [fillOf("discard:1", "one"), fillOf("discard:2", "two"), fillOf("discard:3", "three")]
        yield* store.fill(fills)
        yield* store.fill([fillOf("discard:2", "newer", { stamp: 2 })])
        assert.deepStrictEqual(yield* store.discard([...fills.slice(0, 2), fillOf("discard:none", "none")]), [
          true,
          false,
          false
        ])
        assert.deepStrictEqual(
          [yield* textOf("discard:1"), yield* textOf("discard:2"), yield* textOf("discard:3")],
          [undefined, "newer", "three"]
        )
      })
    )

    it.effect("keeps every byte", () =>
      Effect.gen(function* () {
        const store = yield* CacheStore
        const all = Uint8Array.from({ length: 1_024 }, (_, index) => index % 256)
        const fill = fillOf("binary", all)
        yield* store.fill([fill])
        const [bytes] = yield* store.getMany(["binary"])
        assert.deepStrictEqual(Buffer.from(bytes ?? []), Buffer.from(fill.bytes))
      })
    )

    it.effect("takes more fills than one command carries, each with its own answer", () =>
      Effect.gen(function* () {
        const store = yield* CacheStore
        const keys = Array.from({ length: 700 }, (_, index) => `many:${index}`)
        yield* store.fill(keys.filter((_, index) => index % 3 === 0).map((key) => fillOf(key, "held", { stamp: 9 })))
        const stored = yield* store.fill(keys.map((key) => fillOf(key, "new", { stamp: 5 })))
        assert.deepStrictEqual(
          stored,
          keys.map((_, index) => index % 3 !== 0)
        )
        const found = yield* store.getMany(keys)
        assert.deepStrictEqual(
          found.map((bytes, index) => readOf(keys[index] ?? "", bytes)?.text),
          keys.map((_, index) => (index % 3 === 0 ? "held" : "new"))
        )
      })
    )

    const held = { stamp: 10, revision: at(100, 5) }
    const cases = [
      ["an older revision", { stamp: 11, revision: at(99, 9) }, false],
      ["an older number of the same time", { stamp: 11, revision: at(100, 4) }, false],
      ["a newer revision, whatever its stamp", { stamp: 1, revision: at(101) }, true],
      ["a newer number of the same time, whatever its stamp", { stamp: 1, revision: at(100, 6) }, true],
      ["the same revision under a lower stamp", { stamp: 9, revision: at(100, 5) }, false],
      ["the same revision under the same stamp", { stamp: 10, revision: at(100, 5) }, true],
      ["the same revision under a higher stamp", { stamp: 11, revision: at(100, 5) }, true],
      ["no revision under a lower stamp", { stamp: 9 }, false],
      ["no revision under a higher stamp", { stamp: 11 }, true],
      ["an older revision, told to overwrite", { stamp: 1, revision: at(1), overwrite: true }, true]
    ] as const
    for (const [index, [what, options, isStored]] of cases.entries()) {
      it.effect(`${isStored ? "takes" : "refuses"} ${what}`, () =>
        Effect.gen(function* () {
          const store = yield* CacheStore
          const key = `late:${index}`
          yield* store.fill([fillOf(key, "held", held)])
          assert.deepStrictEqual(yield* store.fill([fillOf(key, "new", options)]), [isStored])
          assert.strictEqual(yield* textOf(key), isStored ? "new" : "held")
        })
      )
    }

    it.effect("forgets an entry when its time has come, and takes any entry then", () =>
      Effect.gen(function* () {
        const store = yield* CacheStore
        yield* store.fill([
          fillOf("ttl:short", "short", { stamp: 10, timeToLive: 30 }),
          fillOf("ttl:long", "long", { timeToLive: 60_000 })
        ])
        yield* isGone("ttl:short")
        assert.strictEqual(yield* textOf("ttl:long"), "long")
        assert.deepStrictEqual(yield* listed("ttl:"), ["ttl:long"])
        assert.deepStrictEqual(yield* store.fill([fillOf("ttl:short", "late", { stamp: 1 })]), [true])
      })
    )

    it.effect("takes a time to live of no length for the shortest there is", () =>
      Effect.gen(function* () {
        const store = yield* CacheStore
        assert.deepStrictEqual(yield* store.fill([fillOf("ttl:none", "none", { timeToLive: 0 })]), [true])
        yield* isGone("ttl:none")
      })
    )

    it.effect("removes what it is told to, and nothing else", () =>
      Effect.gen(function* () {
        const store = yield* CacheStore
        yield* store.fill(["remove:1", "remove:2"].map((key) => fillOf(key, key)))
        yield* store.remove(["remove:1", "remove:none"])
        yield* store.remove([])
        assert.deepStrictEqual([yield* textOf("remove:1"), yield* textOf("remove:2")], [undefined, "remove:2"])
      })
    )

    it.effect("lists the keys under a prefix, which is no pattern", () =>
      Effect.gen(function* () {
        const store = yield* CacheStore
        const keys = Array.from({ length: 300 }, (_, index) => `scan:${index}`)
        yield* store.fill([...keys, "scan*:x", "scan?:x", "[s]can:x", "s\\can:x"].map((key) => fillOf(key, key)))
        assert.deepStrictEqual(yield* listed("scan:"), keys.toSorted())
        assert.deepStrictEqual(yield* listed("scan*"), ["scan*:x"])
        assert.deepStrictEqual(yield* listed("scan?"), ["scan?:x"])
        assert.deepStrictEqual(yield* listed("[s]can"), ["[s]can:x"])
        assert.deepStrictEqual(yield* listed("s\\can"), ["s\\can:x"])
        assert.deepStrictEqual(yield* listed("scan:none"), [])
      })
    )

    it.effect("gives a lease to one holder, and names it to the others", () =>
      Effect.gen(function* () {
        const store = yield* CacheStore
        const ask = (key: string, holder: string) =>
          Effect.map(store.lease([{ key, holder }], 60_000), ([answer]) => answer)
        assert.isUndefined(yield* ask("lease:1", "a"))
        assert.strictEqual(yield* ask("lease:1", "b"), "a")
        assert.strictEqual(yield* ask("lease:1", "a"), "a")
        assert.isUndefined(yield* ask("lease:2", "b"))
        yield* store.release([{ key: "lease:1", holder: "b" }])
        assert.strictEqual(yield* ask("lease:1", "b"), "a")
        yield* store.release([{ key: "lease:1", holder: "a" }])
        assert.isUndefined(yield* ask("lease:1", "b"))
      })
    )

    it.effect("lets a lease be taken from the holder that is named, who then cannot give it back", () =>
      Effect.gen(function* () {
        const store = yield* CacheStore
        const key = "lease:outdated"
        const ask = (holder: string, from?: string) => store.lease([{ key, holder, from }], 60_000)
        yield* ask("a")
        assert.deepStrictEqual(yield* ask("b", "a"), [undefined])
        // Of two that would take it from the same holder, one does.
        assert.deepStrictEqual(yield* ask("c", "a"), ["b"])
        yield* store.release([{ key, holder: "a" }])
        assert.deepStrictEqual(yield* ask("c"), ["b"])
      })
    )

    it.effect("lets a lease go when its time has come", () =>
      Effect.gen(function* () {
        const store = yield* CacheStore
        const ask = (holder: string) => store.lease([{ key: "lease:ttl", holder }], 30)
        assert.deepStrictEqual(yield* ask("a"), [undefined])
        yield* eventually(
          Effect.flatMap(ask("b"), ([answer]) => (answer === undefined ? Effect.void : Effect.fail(answer)))
        )
      })
    )

    it.effect("answers many leases in order, one of many rivals getting each", () =>
      Effect.gen(function* () {
        const store = yield* CacheStore
        const keys = Array.from({ length: 200 }, (_, index) => `rival:${index}`)
        const rivals = Array.from({ length: 20 }, (_, index) => `holder-${index}`)
        const answers = yield* Effect.forEach(
          rivals,
          (holder) =>
            store.lease(
              keys.map((key) => ({ key, holder })),
              60_000
            ),
          { concurrency: "unbounded" }
        )
        for (const [index] of keys.entries()) {
          const winners = rivals.filter((_, rival) => answers[rival]?.[index] === undefined)
          assert.strictEqual(winners.length, 1)
          for (const answer of answers) assert.include([undefined, ...winners], answer[index])
        }
        assert.deepStrictEqual(yield* store.lease([], 1), [])
        yield* store.release([])
      })
    )
  })
