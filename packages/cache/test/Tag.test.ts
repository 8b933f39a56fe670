import { assert, describe, it } from "@effect/vitest"
import { Tag } from "@letletme/cache"
import { Arbitrary, Result, Schema } from "effect"

const parse = (text: string): Tag.Tag => Result.getOrThrow(Tag.parse(text))

/** Tags over a small alphabet, so that they often stand above, below and beside one another. */
const Segment = Schema.Literals(["a", "b", "c"])
const Tags = Arbitrary.map(
  Arbitrary.schema(Schema.Struct({ path: Schema.NonEmptyArray(Segment), pattern: Schema.Boolean })),
  ({ path: [first, ...rest], pattern }) => (pattern ? Tag.any(first, ...rest) : Tag.of(first, ...rest))
)

describe("Tag.parse", () => {
  for (const text of [
    "match",
    "match:17",
    "match:2021-22:17",
    "match:*",
    "match:event:2021-22:28:*",
    "match:%2A",
    "match:%00",
    "Größe:日本",
    "a.b_c-d:/?"
  ]) {
    it(`accepts ${text}`, () => {
      assert.strictEqual(parse(text), text)
    })
  }

  for (const [text, why] of [
    ["", "nothing"],
    [":", "no segments"],
    ["#head", "a name of the table's own"],
    ["match:", "an empty last segment"],
    [":17", "an empty first segment"],
    ["match::17", "an empty segment"],
    ["*", "a star without a stem"],
    ["match:*:28", "a star in the middle"],
    ["match*", "a star in a segment"],
    ["match:17 ", "a space"],
    ["match:1\n7", "a newline"],
    ["match:\u2028", "a line separator"],
    ["{match}:17", "braces, which choose a cluster slot"],
    ["match:%", "a percent sign alone"],
    ["match:%2a", "a lower-case escape"],
    ["match:100%", "a percent sign at the end"]
  ] as const) {
    it(`refuses ${why}`, () => {
      const parsed = Tag.parse(text)
      assert.isTrue(Result.isFailure(parsed))
      if (Result.isFailure(parsed)) assert.include(parsed.failure.message, 'such as "match:17"')
    })
  }
})

describe("Tag.of, any and related", () => {
  it("joins segments, and keeps those that an id has of its own", () => {
    assert.strictEqual(Tag.of("match", "2021-22:17"), "match:2021-22:17")
    assert.strictEqual(Tag.any("match"), "match:*")
    assert.strictEqual(Tag.any("match", "event", "28"), "match:event:28:*")
    assert.strictEqual(Tag.related("match", Tag.of("event", "28")), "match:event:28")
    assert.strictEqual(Tag.related("match", Tag.any("event")), "match:event:*")
    assert.strictEqual(Tag.members("match", Tag.of("team", "1")), "match:members:team:1")
  })

  it("escapes what the grammar reserves", () => {
    assert.strictEqual(Tag.of("match", "*"), "match:%2A")
    assert.strictEqual(Tag.of("match", "a b"), "match:a%20b")
    assert.strictEqual(Tag.of("match", "{x}%"), "match:%7Bx%7D%25")
    assert.strictEqual(Tag.of("match", "\u2028"), "match:%E2%80%A8")
    assert.strictEqual(Tag.of("match", ""), "match:%00")
  })

  for (const id of ["", ":", "::", "17:", ":17", "1::7", "*", ":*", "17:*", "%", "%2A", "\n", "\0", "{}", "\ud800"]) {
    it(`makes well-formed tags of the id ${JSON.stringify(id)}`, () => {
      for (const tag of [
        Tag.of("match", id),
        Tag.any("match", id),
        Tag.related("match", Tag.of("event", id)),
        Tag.members("match", Tag.of("event", id))
      ]) {
        assert.strictEqual(parse(tag), tag)
        assert.strictEqual(Buffer.from(tag).toString(), tag)
      }
      assert.isFalse(Tag.isPattern(Tag.of("match", id)))
      assert.isTrue(Tag.isPattern(Tag.any("match", id)))
    })
  }

  it.prop("every id makes well-formed tags, and no two ids the same one", [Schema.String, Schema.String], ([a, b]) => {
    for (const tag of [Tag.of("x", a), Tag.any("x", a), Tag.related("y", Tag.of("x", a))]) parse(tag)
    assert.strictEqual(Tag.of("x", a) === Tag.of("x", b), a === b)
  })
})

describe("Tag, taken apart", () => {
  it("knows stem, domain, parent and pattern", () => {
    const entity = Tag.of("match", "event", "28")
    const pattern = Tag.any("match", "event", "28")
    assert.deepStrictEqual([Tag.stem(entity), Tag.stem(pattern)], ["match:event:28", "match:event:28"])
    assert.deepStrictEqual(
      [Tag.domain(entity), Tag.domain(Tag.any("match")), Tag.domain(Tag.of("match"))],
      ["match", "match", "match"]
    )
    assert.deepStrictEqual([Tag.parent(entity), Tag.parent(pattern)], ["match:event:*", "match:event:*"])
    assert.deepStrictEqual([Tag.parent(Tag.of("match")), Tag.parent(Tag.any("match"))], [undefined, undefined])
    assert.deepStrictEqual([Tag.isPattern(entity), Tag.isPattern(pattern)], [false, true])
    assert.strictEqual(Tag.patternOf("match:event:28"), pattern)
  })
})

describe("Tag.reaches", () => {
  for (const [invalidated, carried, reached] of [
    ["match:17", "match:17", true],
    ["match:17", "match:1", false],
    ["match:17", "match:170", false],
    ["match:1", "match:1:2", false],
    ["match:*", "match:17", true],
    ["match:*", "match", true],
    ["match:*", "match:event:28:17", true],
    ["match:*", "matches:17", false],
    ["match:*", "match:*", true],
    ["match:*", "match:event:*", true],
    ["match:event:*", "match:*", true],
    ["match:event:28:*", "match:event:2:*", false],
    ["match:17", "match:*", true],
    ["match", "match:*", true],
    ["match:event:28", "match:event:*", true],
    ["match:event:28:*", "match:event:29", false],
    ["team:1", "match:team:1", false]
  ] as const) {
    it(`${invalidated} ${reached ? "reaches" : "does not reach"} ${carried}`, () => {
      assert.strictEqual(Tag.reaches(parse(invalidated), parse(carried)), reached)
    })
  }

  it.prop("a tag reaches itself, and a pattern all at or below its stem", [Tags, Tags], ([tag, other]) => {
    assert.isTrue(Tag.reaches(tag, tag))
    const above = Tag.parent(tag)
    if (above !== undefined) {
      assert.isTrue(Tag.reaches(above, tag))
      assert.isTrue(Tag.reaches(tag, above))
      if (Tag.reaches(other, tag)) assert.isTrue(Tag.reaches(other, above))
    }
  })
})

describe("Tag.coarsen", () => {
  const lists = Arbitrary.array(Tags, { maxLength: 24 })
  const Limit = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 8 }))

  it.prop(
    "covers its input, and keeps the limit where the top level allows it",
    [lists, Limit, Arbitrary.array(Tags, { minLength: 8, maxLength: 16 })],
    ([list, limit, probes]) => {
      const input = new Set(list)
      const output = Tag.coarsen(input, limit)
      for (const invalidated of [...probes, ...list]) {
        if (list.some((tag) => Tag.reaches(invalidated, tag))) {
          assert.isTrue([...output].some((tag) => Tag.reaches(invalidated, tag)))
        }
      }
      assert.isTrue(output.size <= Math.max(limit, 1) || [...output].every((tag) => Tag.parent(tag) === undefined))
      assert.isAtMost(output.size, input.size)
      for (const tag of output) parse(tag)
    },
    { arbitrary: { runs: 500 } }
  )

  it("leaves a list within the limit as it is", () => {
    const input = new Set([Tag.of("a", "1"), Tag.of("b", "1")])
    assert.strictEqual(Tag.coarsen(input, 2), input)
  })

  it("replaces the most crowded siblings first", () => {
    const crowd = Array.from({ length: 10 }, (_, index) => Tag.of("match", "event", `${index}`))
    const output = Tag.coarsen(new Set([Tag.of("team", "1"), Tag.of("team", "2"), ...crowd]), 3)
    assert.deepStrictEqual([...output].toSorted(), ["match:event:*", "team:1", "team:2"])
  })

  it("of two equal crowds takes the deeper one", () => {
    const output = Tag.coarsen(
      new Set([Tag.of("t", "1"), Tag.of("t", "2"), Tag.of("m", "e", "1"), Tag.of("m", "e", "2")]),
      3
    )
    assert.deepStrictEqual([...output].toSorted(), ["m:e:*", "t:1", "t:2"])
  })
})
