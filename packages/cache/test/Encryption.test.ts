import { assert, describe, it } from "@effect/vitest"
import {
  CacheConfig,
  CacheMetrics,
  CacheStore,
  Cipher,
  DependencyGraph,
  DomainCache,
  Entry,
  KeyRing,
  Lookup,
  Rotation,
  Tag
} from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { Context, Effect, Fiber, Layer, Option, Redacted, Result, Schema, Stream } from "effect"
import { randomBytes } from "node:crypto"
import { crc32 } from "node:zlib"
import { tiers } from "./tiers.ts"

const graph = DependencyGraph.make({ note: [] })

class Asked extends Context.Service<Asked, { count: number; readonly gone: Set<string> }>()("test/Asked") {
  static readonly layer = Layer.sync(this, () => ({ count: 0, gone: new Set<string>() }))
}

const plain = "in plain text"

class Notes extends DomainCache.Service<Notes>()("test/EncryptedNotes", {
  graph,
  domain: "note",
  id: Schema.String,
  value: Schema.Struct({ id: Schema.String, text: Schema.String }),
  timeToLive: "metadata",
  lookup: (id: string) =>
    Asked.useSync((asked) => {
      asked.count++
      return asked.gone.has(id) ? Lookup.absent : Lookup.found({ id, text: plain })
    })
}) {}

const newKey = (id: string): KeyRing.Key => ({ id, secret: Redacted.make(randomBytes(32)) })

/** A ring whose keys a test may change. */
class Held extends Context.Service<Held, { keys: KeyRing.Keys }>()("test/Held") {
  static readonly layer = Layer.sync(this, () => Held.of({ keys: [newKey("first")] }))
}

const ring = Layer.effect(
  KeyRing.KeyRing,
  Effect.map(Held, (held) => ({ keys: Effect.sync(() => held.keys) }))
)

// A read goes on without a store that is slow, as one is beside other tests: here each is to be answered by it.
const settings: Partial<CacheConfig.Settings> = { namespace: "sealed", storeTimeout: 10_000 }
const prefix = "sealed:"
const past = { skip: "near" } as const

const entries = Effect.gen(function* () {
  const store = yield* CacheStore
  const keys = Array.from(yield* Stream.runCollect(store.scan(prefix))).flat()
  const found = yield* store.getMany(keys)
  return keys.flatMap((key, index) => {
    const bytes = found[index]
    return bytes === undefined || key.startsWith(`${prefix}#`) ? [] : [[key, Buffer.from(bytes)] as const]
  })
})

/** Plants bytes under a key, as someone would who can write to the store. */
const plant = (key: string, bytes: Uint8Array) =>
  CacheStore.use((store) =>
    store.fill([{ key, stamp: 0, revision: Entry.noRevision, bytes, timeToLive: 60_000, overwrite: true }])
  )

/** The same bytes with right checksums, as an attacker who knows the format would write them. */
const rightSums = (bytes: Buffer): Buffer => {
  const end = bytes.indexOf(10)
  const [magic = "", stamp = "", , , ...rest] = bytes.toString("latin1", 0, end).split(" ")
  const body = Buffer.concat([Buffer.from(rest.join(" "), "latin1"), bytes.subarray(end)])
  const sum = crc32(body).toString(16).padStart(8, "0")
  const head = Buffer.from(`${magic} ${stamp} ${Number(stamp) % 999_983} ${sum} `, "latin1")
  return Buffer.concat([head, body])
}

/** The stamp, where its check is right. */
const stampOf = (bytes: Buffer): number => {
  const [, stamp, check] = bytes.toString("latin1", 0, bytes.indexOf(10)).split(" ")
  return Entry.checkOf(Number(stamp)) === Number(check) ? Number(stamp) : Number.NaN
}

const corrupt = CacheMetrics.use(({ counts }) => Effect.map(counts, ({ domains }) => domains["note"]?.corrupt ?? 0))

for (const [name, tier] of Object.entries(tiers)) {
  const app = Notes.layer.pipe(
    Layer.provideMerge(tier(settings)),
    Layer.provideMerge(Cipher.Cipher.layer()),
    Layer.provide(ring),
    Layer.provideMerge(Held.layer),
    Layer.provideMerge(Asked.layer),
    Layer.provideMerge(CacheConfig.layer(settings))
  )

  describe(`Encryption over ${name}`, () => {
    it.live("stores nothing in plain text, and reads it again: loaded, absent and announced", () =>
      Effect.gen(function* () {
        const notes = yield* Notes
        const asked = yield* Asked
        asked.gone.add("gone")
        yield* notes.get("loaded")
        yield* notes.find("gone")
        yield* notes.update("announced", { id: "announced", text: plain })
        const stored = yield* entries
        assert.strictEqual(stored.length, 3)
        for (const [, bytes] of stored) assert.isFalse(bytes.includes("plain"))
        const before = asked.count
        assert.strictEqual((yield* notes.get("loaded", past)).text, plain)
        assert.isTrue(Option.isNone(yield* notes.find("gone", past)))
        assert.strictEqual((yield* notes.get("announced", past)).text, plain)
        assert.isTrue(yield* notes.touch("announced"))
        assert.isTrue(yield* notes.touch("loaded"))
        assert.strictEqual((yield* notes.get("announced", past)).text, plain)
        assert.strictEqual((yield* notes.get("loaded", past)).text, plain)
        assert.strictEqual(asked.count, before)
        assert.strictEqual(yield* corrupt, 0)
      }).pipe(Effect.provide(app))
    )

    it.live("refuses, counts and reloads an entry of which any byte was altered, its checksums made right", () =>
      Effect.gen(function* () {
        const notes = yield* Notes
        const asked = yield* Asked
        yield* notes.get("1")
        const [[key, bytes] = ["", Buffer.alloc(0)]] = yield* entries
        const tampered = Array.from(bytes.keys(), (at) => {
          const copy = Buffer.from(bytes)
          copy[at] = (copy[at] ?? 0) ^ 1
          return [copy, rightSums(copy)]
        })
          .flat()
          // A checksum that is made right again is no alteration, and a lower stamp is an older entry.
          .filter((copy) => !copy.equals(bytes) && !(stampOf(copy) < stampOf(bytes)))
        for (const [index, copy] of tampered.entries()) {
          const before = asked.count
          yield* plant(key, copy)
          assert.strictEqual((yield* notes.get("1", past)).text, plain)
          assert.strictEqual(asked.count, before + 1, `served ${copy.toString("latin1")}`)
          assert.strictEqual(yield* corrupt, index + 1)
        }
      }).pipe(Effect.provide(app))
    )

    it.live("refuses another key's entry, another namespace's, a plain one, and one under an unknown key", () =>
      Effect.gen(function* () {
        const notes = yield* Notes
        const asked = yield* Asked
        const cipher = yield* Cipher.Cipher
        yield* notes.get("1")
        yield* notes.get("2")
        const [[first, one] = ["", Buffer.alloc(0)], [, two] = ["", Buffer.alloc(0)]] = yield* entries
        const own = first.includes("note:1") ? "1" : "2"
        const header = Result.getOrThrow(Entry.unseal(Tag.of("note", own), one))
        const { payload, stamp, ...rest } = header
        const lie = Buffer.from(JSON.stringify({ id: own, text: "a lie" }))
        const foreign = {
          storeKey: `other:${first.slice(prefix.length)}`,
          stamp,
          announced: false,
          header: Entry.describe(rest)
        }
        const forgeries = [
          two,
          // The other entry's payload under this entry's header.
          Entry.seal(stamp, Entry.body(rest, two.subarray(two.indexOf(10) + 1))),
          Entry.seal(stamp, Entry.body(rest, lie)),
          Entry.seal(stamp, Entry.body(rest, cipher.seal(lie, foreign))),
          Entry.seal(stamp + 1_000, Entry.body(rest, payload)),
          Entry.seal(stamp, Entry.body({ ...rest, expiresAt: rest.expiresAt + 1 }, payload)),
          Entry.seal(stamp, Entry.body({ ...rest, tags: [...rest.tags, Tag.of("x")] }, payload)),
          Entry.seal(stamp, Entry.body({ ...rest, announced: true }, payload))
        ]
        for (const [index, bytes] of forgeries.entries()) {
          const before = asked.count
          yield* plant(first, bytes)
          assert.strictEqual((yield* notes.get(own, past)).text, plain)
          assert.strictEqual(asked.count, before + 1, `forgery ${index} was served`)
        }
        // A lower stamp is an older entry, as out of a backup, and no forgery.
        yield* plant(first, Entry.seal(0, Entry.body(rest, payload)))
        const counted = yield* corrupt
        assert.strictEqual((yield* notes.get(own, past)).text, plain)
        assert.strictEqual(yield* corrupt, counted)
      }).pipe(Effect.provide(app))
    )

    it.live("rotates under load: no read fails or loads, and nothing is left under the old key or in plain text", () =>
      Effect.gen(function* () {
        const notes = yield* Notes
        const held = yield* Held
        const asked = yield* Asked
        const cipher = yield* Cipher.Cipher
        const ids = Array.from({ length: 300 }, (_, index) => `${index}`)
        yield* notes.getMany(ids)
        const [old] = held.keys
        held.keys = [newKey("second"), old]
        yield* cipher.refresh
        // What a process left there that did not encrypt yet.
        const [[, any] = ["", Buffer.alloc(0)]] = yield* entries
        yield* plant(`${prefix}note:left@${"0".repeat(8)}`, Buffer.from(`${any.toString("latin1", 0, 20)}\n${plain}`))
        const loads = asked.count
        let reads = 0
        const reader = yield* Effect.forkChild(
          Effect.forever(
            Effect.gen(function* () {
              const some = yield* notes.getMany(ids.slice(reads % 200, (reads % 200) + 50), past)
              assert.isTrue(some.every(Option.isSome))
              reads++
              const id = `${reads % 300}`
              yield* notes.update(id, { id, text: `${plain} ${reads}` })
            })
          )
        )
        const progress = yield* Stream.runCollect(Rotation.rotate)
        assert.isUndefined(reader.pollUnsafe())
        yield* Fiber.interrupt(reader)
        assert.isAbove(progress.length, 2)
        const last = progress.at(-1)
        assert.deepInclude(last, { removed: 1 })
        assert.strictEqual((last?.seen ?? 0) - (last?.overtaken ?? 0), (last?.current ?? 0) + (last?.renewed ?? 0) + 1)
        assert.strictEqual(asked.count, loads)

        held.keys = [held.keys[0]]
        yield* cipher.refresh
        const stored = yield* entries
        assert.strictEqual(stored.length, 300)
        for (const [, bytes] of stored) {
          assert.isFalse(bytes.includes(plain))
          assert.strictEqual(cipher.keyOf(bytes.subarray(bytes.indexOf(10) + 1)), "second")
        }
        assert.isTrue((yield* notes.getMany(ids, past)).every(Option.isSome))
        assert.strictEqual(asked.count, loads)
        assert.strictEqual(yield* corrupt, 0)
        const again = yield* Stream.runLast(Rotation.rotate)
        assert.deepStrictEqual(Option.getOrUndefined(again), {
          seen: 300,
          current: 300,
          renewed: 0,
          removed: 0,
          overtaken: 0
        })
      }).pipe(Effect.provide(app))
    )
  })
}

describe("Encryption over redis", () => {
  it.live("a scan of Redis finds no plain text, in keys of any kind", () =>
    Effect.gen(function* () {
      const notes = yield* Notes
      const redis = yield* Redis
      yield* notes.getMany(["1", "2", "3"])
      yield* notes.update("4", { id: "4", text: plain })
      const keys = Array.from(yield* Stream.runCollect(redis.scan("*"))).flat()
      assert.isAtLeast(keys.length, 6)
      for (const key of keys) {
        const dump = yield* redis.sendBytes("DUMP", key)
        assert.isFalse(Buffer.isBuffer(dump) && dump.includes(plain), key)
      }
    }).pipe(
      Effect.provide(
        Notes.layer.pipe(
          Layer.provideMerge(tiers.redis(settings)),
          Layer.provideMerge(Cipher.Cipher.layer()),
          Layer.provide(KeyRing.KeyRing.layerOf([newKey("only")])),
          Layer.provideMerge(Asked.layer)
        )
      )
    )
  )
})
