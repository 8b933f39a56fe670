import { assert, describe, it } from "@effect/vitest"
import { DependencyGraph, Lookup, Tag } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { Effect, Fiber, Option, Schema } from "effect"
import { eventually } from "../tiers.ts"
import { holdNext, keysOf, Source, start, topic, worlds } from "./deployment.ts"

const ids = (count: number, prefix = "page") => Array.from({ length: count }, (_, index) => `${prefix}${index}`)

for (const [name, world] of Object.entries(worlds)) {
  describe(`known bugs of tags, over ${name}`, () => {
    it.live("bentocache #32: to clear one part of the keys clears it in every process, and no other part", () =>
      Effect.gen(function* () {
        const { asked, pages } = yield* Source
        pages.set("eu:1", 1).set("us:1", 1)
        const [one, two] = [yield* start(), yield* start()]
        const both = ["eu:1", "us:1"]
        for (const process of [one, two]) yield* process.pages.getMany(both)
        for (const id of both) pages.set(id, 2)
        asked.length = 0
        const position = yield* one.manager.invalidate({ primary: Tag.any("page", "eu") })
        for (const process of [one, two]) {
          const found = yield* process.pages.getMany(both, { after: position })
          assert.deepStrictEqual(found, [Option.some(2), Option.some(1)])
        }
        assert.deepStrictEqual(asked, ["eu:1"])
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("bentocache #64: what a tag reached is not there any more, whichever way one asks", () =>
      Effect.gen(function* () {
        const one = yield* start()
        yield* one.pages.get("a")
        assert.isTrue(Option.isSome(yield* one.pages.peek("a")))
        yield* one.manager.invalidate({ primary: topic })
        assert.isTrue(Option.isNone(yield* one.pages.peek("a")))
        assert.isTrue(Option.isNone(yield* one.pages.peek("a", { skip: "near" })))
        assert.deepStrictEqual(yield* one.pages.inspect(["a"]), ["invalidated"])
        assert.strictEqual((yield* one.pages.explain("a")).state, "invalidated")
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live(
      "bentocache #83: entries from before the tags were changed in code are not read under the new version",
      () =>
        Effect.gen(function* () {
          const { asked } = yield* Source
          const added = Tag.of("topic", "added")
          const before = yield* start()
          const after = yield* start({ version: "2", tags: () => [topic, added] })
          yield* before.pages.get("a")
          yield* after.pages.get("a")
          assert.deepStrictEqual(asked, ["a", "a"])
          yield* after.manager.invalidate({ primary: added })
          assert.deepStrictEqual(yield* after.pages.inspect(["a"]), ["invalidated"])
          assert.deepStrictEqual(yield* before.pages.inspect(["a"]), ["fresh"])
        }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("bentocache #83: a tag that code declares anew reaches entries from before, without another version", () =>
      Effect.gen(function* () {
        const { manager } = yield* start()
        let value = 1
        const open = (dependsOn: () => ReadonlyArray<Tag.Of<"team">>) =>
          manager.open({
            graph: DependencyGraph.make({ team: [], note: ["team"] }),
            domain: "note",
            id: Schema.String,
            value: Schema.Int,
            timeToLive: "1 hour",
            dependsOn,
            lookup: () => Effect.sync(() => Lookup.found(value))
          })
        const old = yield* open(() => [])
        assert.strictEqual(yield* old.get("a"), 1)
        const young = yield* open(() => [Tag.of("team", "1")])
        assert.strictEqual(yield* young.get("a"), 1)
        value = 2
        yield* manager.invalidate({ primary: Tag.any("note", "team", "1") })
        assert.strictEqual(yield* young.get("a"), 2)
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("Laravel framework #61328: an entry that is written while its tag is flushed can be flushed again", () =>
      Effect.gen(function* () {
        const { pages } = yield* Source
        const [one, two] = [yield* start(), yield* start()]
        for (let trial = 0; trial < 10; trial++) {
          pages.set("a", trial * 3)
          yield* one.manager.invalidate({ primary: topic })
          const { hasRead, letGo } = yield* holdNext
          const written = yield* Effect.forkChild(two.pages.get("a", { consistency: "strong" }))
          yield* hasRead
          pages.set("a", trial * 3 + 1)
          // Flushed before the entry is written, while it is, and once it is there.
          yield* one.manager.invalidate({ primary: topic })
          yield* Effect.all([letGo, one.manager.invalidate({ primary: topic }), one.pages.get("a")], {
            concurrency: "unbounded"
          })
          yield* Fiber.join(written)
          pages.set("a", trial * 3 + 2)
          const position = yield* one.manager.invalidate({ primary: topic })
          for (const process of [one, two]) {
            assert.strictEqual(yield* process.pages.get("a", { after: position }), trial * 3 + 2)
            assert.strictEqual(yield* process.pages.get("a", { skip: "near" }), trial * 3 + 2)
          }
        }
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("async-cache-dedupe #89: one append of 20,000 tags, and one tag that reaches 2,000 entries", () =>
      Effect.gen(function* () {
        const { asked, pages } = yield* Source
        const many = ids(2_000)
        for (const id of many) pages.set(id, 1)
        // Each is to be stored, however busy the machine is.
        const settings = { storeTimeout: 10_000 }
        const [one, two] = [yield* start({ settings }), yield* start({ settings })]
        yield* one.pages.getMany(many)
        yield* two.pages.getMany(many)
        assert.strictEqual(asked.length, many.length)
        const tags = ids(20_000, "some-rather-long-name-of-a-reference-").map((id) => Tag.of("reference", id))
        const before = yield* one.manager.invalidate({ primary: Tag.of("page", "a"), related: tags })
        yield* two.live.reach(before, 5_000)
        assert.isAtLeast(two.live.view.size, tags.length)
        assert.isTrue((yield* two.pages.inspect(many)).every((condition) => condition === "fresh"))
        const after = yield* one.manager.invalidate({ primary: topic })
        assert.strictEqual(after, before + 1)
        assert.isTrue((yield* two.pages.inspect(many)).every((condition) => condition === "invalidated"))
      }).pipe(Effect.scoped, Effect.provide(world))
    )
  })
}

describe("known bugs of what tags leave in Redis", () => {
  it.live("bentocache #32: to clear everything clears one namespace, not the server", () =>
    Effect.gen(function* () {
      const { pages } = yield* Source
      const here = yield* start({ settings: { namespace: "here" } })
      const there = yield* start({ settings: { namespace: "there" } })
      yield* here.pages.get("a")
      yield* there.pages.get("a")
      pages.set("a", 2)
      yield* here.manager.invalidate({ primary: Tag.any("page") })
      assert.strictEqual(yield* here.pages.get("a"), 2)
      assert.strictEqual(yield* there.pages.get("a", { consistency: "strong", skip: "near" }), 1)
    }).pipe(Effect.scoped, Effect.provide(worlds.redis))
  )

  it.live("Symfony #33953: whichever key is evicted, what is served can be invalidated by its tag", () =>
    Effect.gen(function* () {
      const { send } = yield* Redis
      const { pages } = yield* Source
      const [one, two] = [yield* start(), yield* start()]
      yield* one.pages.get("a")
      // The table, the log and the entry: the lease goes once the load has ended.
      const victims = yield* eventually(Effect.filterOrFail(keysOf("*"), (keys) => keys.length === 3))
      let value = 1
      for (const victim of victims) {
        yield* one.pages.get("a")
        yield* two.pages.get("a")
        pages.set("a", ++value)
        yield* one.manager.invalidate({ primary: topic })
        yield* send("DEL", victim)
        // What was invalid stays so, also for a process that never knew of it.
        const three = yield* start()
        for (const process of [three, two, one]) {
          assert.strictEqual(yield* process.pages.get("a", { consistency: "strong", skip: "near" }), value, victim)
        }
        pages.set("a", ++value)
        const position = yield* one.manager.invalidate({ primary: topic })
        for (const process of [one, two, three]) {
          assert.strictEqual(yield* process.pages.get("a", { after: position }), value, victim)
        }
      }
    }).pipe(Effect.scoped, Effect.provide(worlds.redis))
  )

  it.live("Laravel framework #43850: entries that expired leave nothing behind for their tags", () =>
    Effect.gen(function* () {
      const { send } = yield* Redis
      const { pages } = yield* Source
      const many = ids(500)
      for (const id of many) pages.set(id, 1)
      const one = yield* start({
        policy: { timeToLive: "1 millis", grace: 0 },
        tags: (id) => ids(10, id).map((user) => Tag.of("user", user))
      })
      yield* one.pages.getMany(many)
      yield* eventually(
        Effect.filterOrFail(keysOf("*"), (keys) => keys.toSorted().join() === "{letletme}:log,{letletme}:table")
      )
      // Head, floor, run and format: no mark of any tag.
      assert.strictEqual(yield* send("HLEN", "{letletme}:table"), 4)
      assert.strictEqual(yield* send("XLEN", "{letletme}:log"), 1)
    }).pipe(Effect.scoped, Effect.provide(worlds.redis))
  )

  it.live("mageos-magento2 #283: what is kept of tags that were cleaned has a bound", () =>
    Effect.gen(function* () {
      const { send } = yield* Redis
      const [maxTags, logLength] = [100, 100]
      const one = yield* start({ settings: { maxTags, logLength } })
      yield* one.pages.get("a")
      for (const round of ids(250)) {
        const [primary = topic, ...related] = ids(5, round).map((id) => Tag.of("dead", id))
        yield* one.manager.invalidate({ primary, related })
        assert.isAtMost(one.live.view.size, maxTags + 5)
      }
      assert.isAtMost(Number(yield* send("HLEN", "{letletme}:table")), maxTags + 5 + 3)
      // A stream is trimmed by whole nodes, of a hundred entries each.
      assert.isAtMost(Number(yield* send("XLEN", "{letletme}:log")), logLength + 100)
      yield* one.pages.get("a")
      yield* eventually(Effect.filterOrFail(keysOf("*"), (keys) => keys.length === 3))
    }).pipe(Effect.scoped, Effect.provide(worlds.redis))
  )
})
