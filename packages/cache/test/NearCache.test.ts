import { assert, describe, it } from "@effect/vitest"
import { type Entry, Tag, View } from "@letletme/cache"
import { Arbitrary, Schema } from "effect"
import { LRUCache } from "lru-cache"
import * as NearCache from "@letletme/cache/internal/NearCache"

const key = (id: string) => Tag.of("item", id)
const keys = { of: key, inMap: (id: string) => id }

const entryOf = (id: string, value: number, options: Partial<Entry.Entry<number>> = {}): Entry.Entry<number> => ({
  stamp: 1,
  createdAt: 1_000,
  freshUntil: 2_000,
  expiresAt: 3_000,
  revision: { time: 7, sequence: 8 },
  absent: false,
  announced: false,
  tags: [key(id), Tag.of("item", "team", "1")],
  value,
  bytes: 10,
  ...options
})

const make = (bounds: Partial<{ readonly entries: number; readonly bytes: number }> = {}) => {
  const view = View.make()
  view.restore({ position: 1, floor: 0, marks: [] })
  return {
    view,
    near: NearCache.make<string, number>({ entries: 5, bytes: 1_000_000, view, refreshAhead: 0.8, keys, ...bounds })
  }
}

const Step = Schema.Struct({
  id: Schema.Literals(["a", "b", "c", "d", "e", "f", "g", "h"]),
  value: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 99 })),
  what: Schema.Literals(["set", "get", "peek", "hit"])
})

describe("NearCache", () => {
  it.prop(
    "keeps and forgets what lru-cache does, in the same order",
    [Arbitrary.array(Arbitrary.schema(Step), { maxLength: 60 })],
    ([steps]) => {
      const { near } = make()
      const model = new LRUCache<string, number>({ max: 5 })
      for (const { id, value, what } of steps) {
        if (what === "set") {
          near.set(id, entryOf(id, value))
          model.set(id, value)
        } else if (what === "get") assert.strictEqual(near.get(id)?.value, model.get(id))
        else if (what === "peek") assert.strictEqual(near.peek(id)?.value, model.peek(id))
        else {
          const slot = near.hit(id, 1_500)
          assert.strictEqual(slot === NearCache.nowhere ? undefined : near.valueAt(slot), model.get(id))
        }
        assert.deepStrictEqual([...near.keys()], Array.from(model.keys(), key))
        assert.strictEqual(near.entries(), model.size)
      }
    },
    { arbitrary: { runs: 500 } }
  )

  it("gives an entry back as it was", () => {
    const { near } = make()
    const entry = entryOf("a", 1, { announced: true, tags: [key("a"), Tag.of("x"), Tag.any("y", "z")] })
    const gone: Entry.Entry<number> = { ...entryOf("b", 0, { absent: true }), value: undefined }
    near.set("a", entry)
    near.set("b", gone)
    assert.deepStrictEqual(near.get("a"), entry)
    assert.deepStrictEqual(near.peek("b"), gone)
    assert.isUndefined(near.peek("c"))
  })

  it("grows past its first columns, and keeps what it held", () => {
    const { near } = make({ entries: 1_000 })
    for (let id = 0; id < 1_500; id++) near.set(`${id}`, entryOf(`${id}`, id))
    assert.strictEqual(near.entries(), 1_000)
    assert.isUndefined(near.peek("499"))
    for (let id = 500; id < 1_500; id++) assert.strictEqual(near.peek(`${id}`)?.value, id)
  })

  it("stays within its bytes, forgets the oldest first, and refuses what is larger than all of it", () => {
    const { near } = make({ entries: 100, bytes: 10_000 })
    for (let id = 0; id < 20; id++) near.set(`${id}`, entryOf(`${id}`, id, { bytes: 1_000 }))
    assert.isAtMost(near.bytes(), 10_000)
    const held = [...near.keys()]
    assert.isAbove(held.length, 5)
    assert.deepStrictEqual(
      held,
      Array.from({ length: held.length }, (_, index) => key(`${19 - index}`))
    )
    near.set("19", entryOf("19", 0, { bytes: 20_000 }))
    assert.isUndefined(near.peek("19"))
    assert.strictEqual(near.entries(), held.length - 1)
  })

  it("a hit is checked: against the time, its key, what it depends on, and the floor", () => {
    const { near, view } = make()
    const isHit = (id: string, now = 1_500) => near.hit(id, now) !== NearCache.nowhere
    let position = 1
    const append = (tags: ReadonlyArray<Tag.Tag>, floor?: number) =>
      view.apply([{ position: ++position, tags, floor, cause: "test", by: "test" }])
    for (const id of ["a", "b"]) near.set(id, entryOf(id, 1))
    assert.isTrue(isHit("a"))
    assert.isFalse(isHit("a", 1_800))
    append([key("a")])
    assert.deepStrictEqual([isHit("a"), isHit("b")], [false, true])
    append([Tag.any("item", "team")])
    assert.deepStrictEqual([isHit("a"), isHit("b")], [false, false])
    near.set("b", entryOf("b", 1, { stamp: position }))
    assert.isTrue(isHit("b"))
    append([], position)
    assert.isTrue(isHit("b"))
    append([], position)
    assert.isFalse(isHit("b"))
  })

  it("entries that share a list of dependencies keep their own key apart", () => {
    const { near } = make()
    near.set("a", entryOf("a", 1))
    near.set("b", entryOf("b", 2, { tags: [key("b"), Tag.of("item", "team", "2")] }))
    near.set("c", entryOf("c", 3))
    const tags = ["a", "b", "c"].map((id) => near.peek(id)?.tags)
    assert.deepStrictEqual(tags, [
      [key("a"), Tag.of("item", "team", "1")],
      [key("b"), Tag.of("item", "team", "2")],
      [key("c"), Tag.of("item", "team", "1")]
    ])
  })

  it("lets what was read past it take a free place, or its own, and nobody else's", () => {
    const { near } = make({ entries: 2 })
    near.set("a", entryOf("a", 1), false)
    near.set("b", entryOf("b", 2), false)
    near.set("c", entryOf("c", 3), false)
    near.set("a", entryOf("a", 4), false)
    assert.deepStrictEqual([...near.keys()], [key("a"), key("b")])
    assert.strictEqual(near.peek("a")?.value, 4)
    near.set("c", entryOf("c", 3))
    assert.deepStrictEqual([...near.keys()], [key("c"), key("a")])
  })

  it("tells whether what is at hand is of the same load", () => {
    const { near } = make()
    const entry = entryOf("a", 1)
    assert.isFalse(near.has("a"))
    assert.isFalse(near.hasLoad("a", entry))
    near.set("a", entry)
    assert.isTrue(near.has("a"))
    assert.isTrue(near.hasLoad("a", entryOf("a", 1)))
    for (const other of [{ stamp: 2 }, { createdAt: 1_001 }, { expiresAt: 3_001 }, { bytes: 11 }]) {
      assert.isFalse(near.hasLoad("a", entryOf("a", 1, other)))
    }
  })
})
