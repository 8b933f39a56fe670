import { assert, describe, it } from "@effect/vitest"
import { Cipher, KeyRing } from "@letletme/cache"
import { Effect, FileSystem, Layer, Redacted, Result } from "effect"
import { TestClock } from "effect/testing"
import { createHash } from "node:crypto"

/** A key whose bytes follow from its name. */
const key = (id: string): KeyRing.Key => ({
  id,
  secret: Redacted.make(createHash("sha256").update(id).digest())
})
const text = (...ids: ReadonlyArray<string>) =>
  ids.map((id) => `${id}:${Buffer.from(Redacted.value(key(id).secret)).toString("base64")}`).join("\n")

const over = (...keys: KeyRing.Keys) =>
  Cipher.Cipher.layer().pipe(Layer.provide(KeyRing.KeyRing.layerOf(keys)), Layer.fresh)
const cipherOf = (...keys: KeyRing.Keys) => Effect.provide(Cipher.Cipher, over(...keys))

const payload = Buffer.from('{"id":17}')
const bound: Cipher.Bound = {
  storeKey: "letletme:match:17@00000000",
  stamp: 5,
  announced: false,
  header: "1 2 3 0.0 value match:17"
}

describe("Cipher", () => {
  it.effect("opens what it sealed, of any length, and shows none of it", () =>
    Effect.gen(function* () {
      const cipher = yield* cipherOf(key("a"))
      for (const length of [0, 1, 15, 16, 17, 4_096]) {
        const plain = Buffer.alloc(length, "plain text ")
        const sealed = cipher.seal(plain, bound)
        assert.isTrue(plain.equals(Result.getOrThrow(cipher.open(sealed, bound))))
        assert.isFalse(Buffer.from(sealed).includes("plain text"))
        assert.strictEqual(cipher.keyOf(sealed), "a")
      }
    })
  )

  it.effect("refuses every flipped bit, every truncation, and what it is not bound to", () =>
    Effect.gen(function* () {
      const cipher = yield* cipherOf(key("a"), key("b"))
      const sealed = cipher.seal(payload, bound)
      for (let bit = 0; bit < sealed.length * 8; bit++) {
        const flipped = Uint8Array.from(sealed)
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        assert.isTrue(Result.isFailure(cipher.open(flipped, bound)), `bit ${bit}`)
      }
      for (let length = 0; length < sealed.length; length++) {
        assert.isTrue(Result.isFailure(cipher.open(sealed.subarray(0, length), bound)), `${length} bytes`)
      }
      for (const other of [
        { ...bound, storeKey: "letletme:match:18@00000000" },
        { ...bound, storeKey: "other:match:17@00000000" },
        { ...bound, header: "1 2 4 0.0 value match:17" },
        { ...bound, header: "1 2 3 0.0 value match:17 x" },
        { ...bound, storeKey: `${bound.storeKey}\n1`, header: "2 3 0.0 value match:17" }
      ]) {
        assert.isTrue(Result.isFailure(cipher.open(sealed, other)))
      }
      assert.deepStrictEqual(cipher.open(sealed, { ...bound, stamp: 6 }), Result.fail("its stamp was raised"))
      assert.isTrue(Result.isSuccess(cipher.open(sealed, { ...bound, stamp: 0 })))
      // Under another name the same key is another one.
      const renamed = Buffer.from(sealed)
      renamed.write("b", 3)
      assert.deepStrictEqual(cipher.open(renamed, bound), Result.fail("it is not what was encrypted for this key"))
      assert.deepStrictEqual(cipher.open(payload, bound), Result.fail("it is not encrypted"))
    })
  )

  it.effect("repeats no nonce: not within a process, and not across processes that share a key", () =>
    Effect.gen(function* () {
      const seen = new Set<string>()
      const each = 1_000
      for (let process = 0; process < 8; process++) {
        const cipher = yield* cipherOf(key("a"))
        const counted = new Set<string>()
        for (let index = 0; index < each; index++) {
          const sealed = Buffer.from(cipher.seal(payload, bound))
          seen.add(sealed.toString("latin1", 4, 32))
          counted.add(sealed.toString("latin1", 4, 26))
        }
        // The half that counts tells them apart, whatever the random half is.
        assert.strictEqual(counted.size, each)
      }
      assert.strictEqual(seen.size, 8 * each)
    })
  )

  it.effect("reads what older keys wrote, and says which key it lacks", () =>
    Effect.gen(function* () {
      const older = (yield* cipherOf(key("a"))).seal(payload, bound)
      const both = yield* cipherOf(key("b"), key("a"))
      assert.isTrue(payload.equals(Result.getOrThrow(both.open(older, bound))))
      assert.strictEqual(both.keyOf(both.seal(payload, bound)), "b")
      const newer = yield* cipherOf(key("b"))
      assert.deepStrictEqual(
        newer.open(older, bound),
        Result.fail("it is encrypted with the key a, which the ring does not have")
      )
      const impostor = yield* cipherOf({ id: "a", secret: key("b").secret })
      assert.isTrue(Result.isFailure(impostor.open(older, bound)))
    })
  )

  it.effect("takes new keys from a file without a restart, and keeps the old ones while it is unreadable", () =>
    Effect.gen(function* () {
      let content = text("a")
      const files = FileSystem.layerNoop({ readFileString: () => Effect.sync(() => content) })
      yield* Effect.gen(function* () {
        const cipher = yield* Cipher.Cipher
        const sealed = cipher.seal(payload, bound)
        content = text("b", "a")
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(cipher.current(), "b")
        assert.isTrue(Result.isSuccess(cipher.open(sealed, bound)))
        content = "nonsense"
        assert.isTrue(Result.isFailure(yield* Effect.result(cipher.refresh)))
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(cipher.current(), "b")
      }).pipe(
        Effect.provide(
          Cipher.Cipher.layer({ refresh: "1 minute" }).pipe(
            Layer.provide(KeyRing.KeyRing.layerFile("/keys")),
            Layer.provide(files)
          )
        )
      )
    })
  )
})

describe("KeyRing.fromText", () => {
  const parse = (given: string) => Effect.result(KeyRing.fromText(Redacted.make(given)))

  it.effect("reads keys apart by commas and lines, the writing one first", () =>
    Effect.gen(function* () {
      const keys = Result.getOrThrow(yield* parse(`\n${text("2026-11", "2026-10")},${text("old")}\n`))
      assert.deepStrictEqual(
        keys.map(({ id }) => id),
        ["2026-11", "2026-10", "old"]
      )
    })
  )

  for (const [why, given] of [
    ["there is none", " "],
    ["key 1 is not of that form", "supersecret"],
    ["key 2 is not of that form", `${text("a")},b:supersecret`],
    ["two keys are called a", text("a", "a")]
  ] as const) {
    it.effect(`says that ${why}, and shows no secret`, () =>
      Effect.gen(function* () {
        const parsed = yield* parse(given)
        assert.isTrue(Result.isFailure(parsed))
        if (Result.isFailure(parsed)) {
          assert.include(parsed.failure.message, why)
          assert.notInclude(parsed.failure.message, "supersecret")
        }
      })
    )
  }
})
