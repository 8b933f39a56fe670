import { assert, describe, it } from "@effect/vitest"
import { Codec } from "@letletme/cache"
import { DateTime, Equal, Option, Result, Schema } from "effect"

class Team extends Schema.Class<Team>("Team")({ id: Schema.Int, name: Schema.NonEmptyString }) {}

const Rich = Schema.Struct({
  id: Schema.Int,
  kickoff: Schema.DateTimeUtc,
  home: Team,
  away: Schema.Option(Team),
  note: Schema.optionalKey(Schema.String),
  score: Schema.Union([Schema.Null, Schema.Tuple([Schema.Int, Schema.Int])]),
  events: Schema.Array(Schema.Struct({ minute: Schema.Int, tag: Schema.Literals(["goal", "card"]) })),
  seats: Schema.ReadonlyMap(Schema.String, Schema.Int),
  // @effect-diagnostics-next-line schemaNumber:off -- what is not finite has to survive JSON too
  odds: Schema.Number
})
type Rich = typeof Rich.Type

const rich: Rich = {
  id: 17,
  kickoff: DateTime.makeUnsafe("2021-08-13T19:00:00.123Z"),
  home: new Team({ id: 3, name: "Brentford ⚽" }),
  away: Option.some(new Team({ id: 1, name: "Ärsenal\n" })),
  note: "opened the season",
  score: [2, 0],
  events: [{ minute: 22, tag: "goal" }],
  seats: new Map([["north", 17_250]]),
  odds: Number.POSITIVE_INFINITY
}

const codec = Codec.make(Rich)
const bytes = Result.getOrThrow(codec.encode(rich))
const read = <A>(codec: Codec.Codec<A>, payload: unknown): Result.Result<A, string> =>
  codec.decode(Buffer.from(JSON.stringify(payload)))
const why = <A>(result: Result.Result<A, string>): string =>
  Result.match(result, { onSuccess: () => "nothing", onFailure: (detail) => detail })

describe("Codec", () => {
  it("reads what it wrote, with the classes and types of the schema", () => {
    const value = Result.getOrThrow(codec.decode(bytes))
    assert.isTrue(Equal.equals(value, rich))
    assert.instanceOf(value.home, Team)
    assert.isTrue(DateTime.isDateTime(value.kickoff))
    assert.strictEqual(value.odds, Number.POSITIVE_INFINITY)
    const { note: _, ...without } = { ...rich, away: Option.none<Team>() }
    const bare = Result.getOrThrow(codec.decode(Result.getOrThrow(codec.encode(without))))
    assert.isTrue(Equal.equals(bare, without))
    assert.isFalse("note" in bare)
  })

  it.prop("reads whatever it wrote", [Rich], ([value]) => {
    assert.isTrue(Equal.equals(Result.getOrThrow(codec.decode(Result.getOrThrow(codec.encode(value)))), value))
  })

  it("reads bytes out of the middle of a larger buffer", () => {
    const padded = Buffer.concat([Buffer.from("before"), bytes, Buffer.from("after")])
    assert.isTrue(Equal.equals(Result.getOrThrow(codec.decode(padded.subarray(6, 6 + bytes.length))), rich))
  })

  it("has a fingerprint of eight hexadecimal digits that lasts", () => {
    assert.match(codec.fingerprint, /^[0-9a-f]{8}$/)
    assert.strictEqual(Codec.make(Rich).fingerprint, codec.fingerprint)
  })

  it("has another fingerprint for another form", () => {
    const one = Schema.Struct({ id: Schema.Int, name: Schema.String })
    const forms = [
      Codec.make(one),
      Codec.make(one, { version: "2" }),
      Codec.make(one, { version: "3" }),
      Codec.make(Schema.Struct({ id: Schema.Int, name: Schema.String, code: Schema.Int })),
      Codec.make(Schema.Struct({ id: Schema.Int, label: Schema.String })),
      Codec.make(Schema.Struct({ id: Schema.String, name: Schema.String })),
      Codec.make(Schema.Struct({ id: Schema.Int, name: Schema.optionalKey(Schema.String) })),
      Codec.make(Schema.Struct({ id: Schema.Int, name: Schema.NullOr(Schema.String) })),
      Codec.make(Schema.Array(one)),
      Codec.make(Schema.Struct({ id: Schema.Int, name: Schema.Struct({ short: Schema.String }) })),
      Codec.make(Schema.Struct({ id: Schema.Int, name: Schema.Struct({ long: Schema.String }) })),
      Codec.make(Schema.Struct({ id: Schema.Int, name: Schema.Literals(["a"]) })),
      Codec.make(Schema.Struct({ id: Schema.Int, name: Schema.Literals(["a", "b"]) }))
    ]
    assert.strictEqual(new Set(forms.map(({ fingerprint }) => fingerprint)).size, forms.length)
  })

  it("names the field that does not fit", () => {
    const team = Codec.make(Schema.Struct({ home: Schema.Struct({ id: Schema.Int, name: Schema.String }) }))
    const message = why(read(team, { home: { id: "one", name: "Arsenal" } }))
    assert.include(message, '["home"]["id"]')
    assert.include(why(read(team, { home: { id: 1 } })), '["name"]')
    assert.include(why(read(codec, { id: 1 })), '["kickoff"]')
    assert.include(why(codec.encode({ ...rich, id: 1.5 })), '["id"]')
  })

  it("says what is not JSON, and what is empty", () => {
    assert.strictEqual(why(codec.decode(new Uint8Array(0))), "the payload is empty")
    assert.strictEqual(why(codec.decode(Buffer.from("{"))), "the payload is not JSON")
    assert.strictEqual(why(codec.decode(bytes.subarray(0, bytes.length - 1))), "the payload is not JSON")
    assert.notStrictEqual(why(codec.decode(Buffer.from("null"))), "nothing")
  })

  it("is not led astray by a prototype in the payload", () => {
    const plain = Codec.make(Schema.Struct({ id: Schema.Int }))
    for (const name of ["__proto__", "__proto_\\u005f"]) {
      const value = Result.getOrThrow(plain.decode(Buffer.from(`{"id":1,"${name}":{"admin":true}}`)))
      assert.deepStrictEqual(value, { id: 1 })
      assert.notProperty(value, "admin")
    }
  })

  const Byte = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))
  const Place = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 0.999_999 }))
  const Mutation = Schema.Struct({
    kind: Schema.Literals(["set", "insert", "cut", "copy", "swap"]),
    at: Place,
    to: Place,
    byte: Byte
  })
  it.prop(
    "never throws on 1,000 mutations of valid bytes, and never reads what does not fit",
    [Schema.NonEmptyArray(Mutation)],
    ([mutations]) => {
      let payload = Buffer.from(bytes)
      for (const { kind, at, to, byte } of mutations) {
        const i = Math.floor(at * payload.length)
        const j = Math.floor(to * payload.length)
        const [head, tail] = [payload.subarray(0, i), payload.subarray(i)]
        if (kind === "set" || kind === "swap") payload[i] = kind === "swap" ? (payload[j] ?? byte) : byte
        else if (kind === "insert") payload = Buffer.concat([head, Buffer.of(byte), tail])
        else if (kind === "cut") payload = Buffer.concat([head, payload.subarray(Math.max(i, j))])
        else payload = Buffer.concat([head, payload.subarray(Math.min(i, j), Math.max(i, j)), tail])
      }
      const decoded = codec.decode(payload)
      if (Result.isSuccess(decoded)) assert.isTrue(Schema.is(Rich)(decoded.success))
      else assert.isString(decoded.failure)
    },
    { arbitrary: { runs: 1_000 } }
  )
})
