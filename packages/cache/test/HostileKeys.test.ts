import { assert, describe, it } from "@effect/vitest"
import { CacheManager, CacheStore, DependencyGraph, DomainCache, Entry, Lookup, Tag, View } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { Context, Effect, Layer, Option, Result, Schema, Stream } from "effect"
import { tiers } from "./tiers.ts"

// What has a meaning somewhere on the way: in tags, in headers, in Redis's protocol, in glob patterns, in Lua, in slots.
const pieces = [
  ..."1 17 a b : :: * :* ? [ab] { } {x} % %2A %2a %25 # #head @ @00000000 \\ \" ' / .. ~ ! - _ ^ $ |".split(" "),
  " ",
  "\t",
  "\r\n",
  "\n",
  "\0",
  "\u007f",
  "\u00a0",
  "\u200b",
  "\u2028",
  "\ufeff",
  "\ud800",
  "\udfff",
  // Look-alikes: full-width, Cyrillic, composed and decomposed.
  "：",
  "＊",
  "а",
  "é",
  "e\u0301",
  "ﬁ",
  "😀",
  "\r\nFLUSHALL\r\n",
  "*3\r\n$3\r\nSET\r\n",
  "'); redis.call('FLUSHALL') --",
  "#lease:",
  "lease",
  "members",
  "__proto__",
  "constructor"
]

/** Ids of up to three pieces, all different: 10,000 of some hundred thousand, spread over all of them. */
const hostile = (() => {
  const ids = new Set(pieces)
  for (const a of pieces) for (const b of pieces) ids.add(a + b)
  for (let index = 0; ids.size < 10_000; index++) {
    const at = (step: number) => pieces[(index * step) % pieces.length] ?? ""
    ids.add(`${at(1)}${at(7)}${Math.floor(index / pieces.length)}${at(13)}`)
  }
  return [...ids]
})()

describe("10,000 hostile ids", () => {
  it("make 10,000 keys, none of which is a pattern, a name of the table's own, or another's on the wire", () => {
    const keys = new Set<string>()
    for (const id of hostile) {
      const key = Tag.of("note", id)
      assert.strictEqual(Result.getOrThrow(Tag.parse(key)), key)
      assert.isFalse(Tag.isPattern(key), id)
      assert.match(key, /^note:[^\s*{}#]+$/u)
      assert.isTrue(key.isWellFormed())
      keys.add(key)
    }
    assert.strictEqual(keys.size, hostile.length)
    assert.strictEqual(new Set(Array.from(keys, (key) => Buffer.from(key).toString("hex"))).size, hostile.length)
  })

  it("as tags and patterns reach what is below them and nothing beside", () => {
    const view = View.make()
    const probe = (key: Tag.Tag) => view.isValid(1, [key])
    view.restore({ position: 1, floor: 0, marks: [] })
    for (const [index, id] of hostile.entries()) {
      const position = index + 2
      const own = Tag.of("note", id, "below")
      const beside = Tag.of("note", `${id}x`, "below")
      const isPath = id.includes(":")
      view.apply([{ position, tags: [Tag.any("note", id)], floor: undefined, cause: "", by: "" }])
      assert.isFalse(probe(own), id)
      assert.isTrue(isPath || !Tag.reaches(Tag.any("note", id), beside), id)
    }
  })

  it("survive a header, which has no more tags than were put into it", () => {
    const times = { createdAt: 1, freshUntil: 2, expiresAt: 3, revision: Entry.noRevision }
    for (const id of hostile) {
      const key = Tag.of("note", id)
      const tags = [key, Tag.any("other", id), Tag.members("note", Tag.of("team", id))]
      const header = { ...times, absent: false, announced: false, tags }
      const read = Result.getOrThrow(Entry.unseal(key, Entry.seal(5, Entry.body(header, Buffer.from("{}")))))
      assert.deepStrictEqual(read.tags, tags)
    }
  })

  it("take time in proportion to their length: a megabyte of what is worst, and 16 kB of each piece", () => {
    const long = ([":", "*", "{", "%2A", "\ud800"] as const).map((piece) => [piece, 2 ** 20] as const)
    for (const [piece, length] of [...long, ...pieces.map((one) => [one, 2 ** 14] as const)]) {
      const id = piece.repeat(Math.ceil(length / piece.length))
      const startedAt = performance.now()
      const key = Tag.of("note", id)
      assert.isTrue(Result.isSuccess(Tag.parse(key)))
      Tag.reaches(Tag.any("note", id), key)
      // In quadratic time it would be hours.
      assert.isBelow(performance.now() - startedAt, 10_000, JSON.stringify(piece))
    }
  })
})

class Asked extends Context.Service<Asked, { count: number }>()("test/Asked") {
  static readonly layer = Layer.sync(this, () => ({ count: 0 }))
}

class Notes extends DomainCache.Service<Notes>()("test/HostileNotes", {
  graph: DependencyGraph.make({ note: [] }),
  domain: "note",
  id: Schema.String,
  value: Schema.String,
  timeToLive: "metadata",
  lookup: (id: string) =>
    Asked.useSync((asked) => {
      asked.count++
      return Lookup.found(id)
    })
}) {}

describe("hostile ids in Redis", () => {
  it.live("each has an entry of its own, and invalidating one reaches no other", () =>
    Effect.gen(function* () {
      const notes = yield* Notes
      const asked = yield* Asked
      const cache = yield* CacheManager
      const store = yield* CacheStore
      const { send } = yield* Redis
      const ids = hostile.filter((id) => id.isWellFormed()).slice(0, 500)
      yield* send("SET", "bystander", "here")
      yield* notes.getMany(ids)
      const first = asked.count
      assert.strictEqual(first, ids.length)
      const again = yield* notes.getMany(ids, { skip: "near" })
      assert.deepStrictEqual(again.map(Option.getOrThrow), ids)
      assert.strictEqual(asked.count, first)
      const keys = Array.from(yield* Stream.runCollect(store.scan("letletme:note:"))).flat()
      assert.strictEqual(new Set(keys).size, ids.length)
      assert.strictEqual(yield* send("GET", "bystander"), "here")
      for (const id of ["*", ":*", "[ab]", "?"]) yield* cache.invalidate({ primary: notes.key(id) })
      yield* notes.getMany(ids)
      assert.strictEqual(asked.count, first + 4)
    }).pipe(
      Effect.provide(
        Notes.layer.pipe(Layer.provideMerge(tiers.redis({ storeTimeout: 5_000 })), Layer.provideMerge(Asked.layer))
      )
    )
  )
})
