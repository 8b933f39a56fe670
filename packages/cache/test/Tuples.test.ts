import { assert, describe, it } from "@effect/vitest"
import { Codec } from "@letletme/cache"
import { Equal, Result, Schema } from "effect"

const Side = Schema.Struct({ id: Schema.Int, name: Schema.String })
const Match = Schema.Struct({
  id: Schema.Int,
  home: Side,
  away: Schema.NullOr(Side),
  odds: Schema.Finite,
  isOver: Schema.Boolean,
  kind: Schema.Literals(["league", "cup"]),
  goals: Schema.Array(Schema.Struct({ minute: Schema.Int, by: Schema.NullOr(Schema.String) })),
  grid: Schema.Array(Schema.Array(Schema.Int)),
  sides: Schema.NullOr(Schema.Array(Side))
})
type Match = typeof Match.Type

const match: Match = {
  id: 17,
  home: { id: 1, name: "Arsenal" },
  away: null,
  odds: -1.5e-7,
  isOver: true,
  kind: "cup",
  goals: [
    { minute: 3, by: "Ødegaard" },
    { minute: 90, by: null }
  ],
  grid: [[], [1, -2]],
  sides: [{ id: 2, name: 'Ben "B" White\n' }]
}

const codec = Codec.make(Match)
const textOf = (value: Match) => Buffer.from(Result.getOrThrow(codec.encode(value))).toString()
const read = (text: string) => codec.decode(Buffer.from(text))

describe("structs as tuples", () => {
  it("are written without the names of their fields", () => {
    assert.strictEqual(
      textOf(match),
      '[17,[1,"Arsenal"],null,-1.5e-7,true,"cup",[[3,"Ødegaard"],[90,null]],[[],[1,-2]],[[2,"Ben \\"B\\" White\\n"]]]'
    )
  })

  it("are read as the plain objects that they were", () => {
    const value = Result.getOrThrow(read(textOf(match)))
    assert.deepStrictEqual(value, match)
    for (const object of [value, value.home, value.goals[0]]) {
      assert.strictEqual(Object.getPrototypeOf(object), Object.prototype)
      assert.deepStrictEqual(Object.keys(object ?? {}), Object.keys(structuredClone(object ?? {})))
    }
    assert.isTrue(Array.isArray(value.goals))
  })

  it.prop("are read as they were written, whatever they hold", [Match], ([value]) => {
    const decoded = Result.getOrThrow(read(textOf(value)))
    assert.isTrue(Equal.equals(decoded, value))
    assert.strictEqual(JSON.stringify(decoded), JSON.stringify(value))
  })

  it("are read alike whatever their length, and by way of JSON.parse, which texts with escapes take", () => {
    const long = { ...match, goals: Array.from({ length: 2_000 }, (_, minute) => ({ minute, by: "somebody else" })) }
    assert.deepStrictEqual(Result.getOrThrow(read(textOf(long))), long)
    const escaped = textOf(match).replace("Arsenal", String.raw`Arsen\u0061l`)
    assert.deepStrictEqual(Result.getOrThrow(read(escaped)), match)
  })

  it("are refused where a field is missing, too many, or of another kind, and the field is named", () => {
    const text = textOf(match)
    const cases = [
      [text.replace('[1,"Arsenal"]', "[1]"), "home"],
      [text.replace('[1,"Arsenal"]', '[1,"Arsenal",2]'), "home"],
      [text.replace('[1,"Arsenal"]', '"Arsenal"'), "home"],
      [text.replace('[1,"Arsenal"]', '["1","Arsenal"]'), "id"],
      [text.replace("true", "1"), "isOver"],
      [text.replace('"cup"', '"friendly"'), "kind"]
    ] as const
    for (const [altered, field] of cases) {
      const refused = read(altered)
      assert.include(Result.isFailure(refused) ? refused.failure : "nothing", `["${field}"]`, altered)
    }
    for (const cut of ["", "[", '["', "[1", "[1,", text.slice(0, -1), `${text}]`, `${text} 1`, `[${text}]`]) {
      assert.isTrue(Result.isFailure(read(cut)), cut)
    }
  })

  it("tell numbers as JSON does", () => {
    const numbers = Codec.make(Schema.Struct({ one: Schema.Finite, list: Schema.Array(Schema.Finite) }))
    for (const value of [0, -0, 1, -1, 0.1, 1e21, -1e-300, 9_007_199_254_740_991, 2 ** 60, 123_456_789_012_345.6]) {
      const payload = Result.getOrThrow(numbers.encode({ one: value, list: [value, value] }))
      const back = Result.getOrThrow(numbers.decode(payload))
      // JSON knows no negative zero.
      const parsed = value + 0
      assert.deepStrictEqual(back, { one: parsed, list: [parsed, parsed] })
    }
  })

  it("read what was written with names, too", () => {
    assert.deepStrictEqual(Result.getOrThrow(read(JSON.stringify(match))), match)
  })

  it("are another form to those who know another order of the fields", () => {
    const one = Codec.make(Schema.Struct({ a: Schema.Int, b: Schema.Int }))
    const other = Codec.make(Schema.Struct({ b: Schema.Int, a: Schema.Int }))
    assert.notStrictEqual(one.fingerprint, other.fingerprint)
  })

  it("leave what has no fixed fields as it is", () => {
    const open = Codec.make(
      Schema.Struct({
        id: Schema.Int,
        note: Schema.Struct({ text: Schema.optionalKey(Schema.String) }),
        points: Schema.Record(Schema.String, Schema.Struct({ home: Schema.Int })),
        side: Schema.Union([Side, Schema.Struct({ code: Schema.String })])
      })
    )
    const value = { id: 1, note: {}, points: { "1": { home: 3 } }, side: { code: "ARS" } }
    const payload = Result.getOrThrow(open.encode(value))
    assert.strictEqual(Buffer.from(payload).toString(), '[1,{},{"1":{"home":3}},{"code":"ARS"}]')
    assert.deepStrictEqual(Result.getOrThrow(open.decode(payload)), value)
  })

  it("never make a prototype out of a field", () => {
    const named = Schema.Struct({ ["__proto__"]: Schema.Struct({ admin: Schema.Boolean }), id: Schema.Int })
    const hostile = Codec.make(Schema.Struct({ id: Schema.Int, inner: Schema.Unknown }))
    const value = Result.getOrThrow(hostile.decode(Buffer.from('[1,{"__proto__":{"admin":true}}]')))
    assert.notProperty(value.inner, "admin")
    assert.match(Codec.make(named).fingerprint, /^[0-9a-f]{8}$/)
  })
})
