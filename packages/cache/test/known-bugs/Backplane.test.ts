import { assert, describe, it } from "@effect/vitest"
import { Tag } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Context, Effect, Layer, Option, Redacted } from "effect"
import { eventually } from "../tiers.ts"
import { type Process, Source, start, topic, worlds } from "./deployment.ts"

const has = ({ pages }: Process, value: number) =>
  eventually(Effect.filterOrFail(pages.get("a"), (found) => found === value))

for (const [name, world] of Object.entries(worlds)) {
  describe(`known bugs of near caches, over ${name}`, () => {
    it.live("dotnet/extensions #5674: another process's near cache does not stay old after an invalidation", () =>
      Effect.gen(function* () {
        const { asked, pages } = yield* Source
        const [one, two] = [yield* start(), yield* start()]
        yield* one.pages.get("a")
        yield* two.pages.get("a")
        for (let value = 2; value < 12; value++) {
          pages.set("a", value)
          const written = yield* two.pages.update("a", value)
          assert.strictEqual(written._tag, "Updated")
          if (written._tag !== "Updated") return
          assert.strictEqual(yield* two.pages.get("a"), value)
          // A caller who knows of the write sees it at once; the others see it as soon as the log delivers it.
          if (value % 2 === 0) assert.strictEqual(yield* one.pages.get("a", { after: written.position }), value)
          else yield* has(one, value)
        }
        assert.deepStrictEqual(asked, ["a"])
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("dotnet/extensions #7411: that a tag was not invalidated is not believed for ever", () =>
      Effect.gen(function* () {
        const { pages } = yield* Source
        const [one, two] = [yield* start(), yield* start()]
        for (let value = 1; value <= 10; value++) {
          // This process has looked at the tag, and found it valid.
          yield* has(one, value)
          assert.strictEqual(yield* one.pages.get("a", { skip: "near" }), value)
          pages.set("a", value + 1)
          yield* two.manager.invalidate({ primary: topic })
        }
        yield* has(one, 11)
      }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("rueidis #534: after an own write no older value is read from the near cache, nor its absence", () =>
      Effect.gen(function* () {
        const { pages } = yield* Source
        const one = yield* start()
        for (let trial = 0; trial < 50; trial++) {
          const id = `new ${trial}`
          assert.isTrue(Option.isNone(yield* one.pages.find(id)))
          for (const value of [1, 2]) {
            pages.set(id, value)
            yield* one.pages.update(id, value)
            assert.deepStrictEqual(yield* one.pages.find(id), Option.some(value))
          }
          pages.delete(id)
          yield* one.pages.updateMany([{ id, value: Option.none() }])
          assert.isTrue(Option.isNone(yield* one.pages.find(id)))
        }
      }).pipe(Effect.scoped, Effect.provide(world))
    )
  })
}

/** A Redis user that the test may lock out. */
const user = "two"
const redis = { username: user, password: Redacted.make(user) }

/** Admits the user, locks it out with its connections cut, or forbids it to follow the log. */
const admit = Redis.use(({ send }) => send("ACL", "SETUSER", user, "on", `>${user}`, "~*", "&*", "+@all"))
const lockOut = Redis.use(({ send }) =>
  Effect.andThen(send("ACL", "SETUSER", user, "off"), send("CLIENT", "KILL", "USER", user))
)
const forbidToFollow = Redis.use(({ send }) =>
  Effect.andThen(send("ACL", "SETUSER", user, "-xread"), send("CLIENT", "KILL", "USER", user))
)

describe("known bugs of lost messages", () => {
  // So far apart that nothing but the log itself can tell of what was missed.
  const settings = { maxStaleness: 600_000, logLength: 100 }

  const cases = [
    { title: "#81: what was invalidated while a process was cut off it learns as soon as it is back", others: 0 },
    { title: "#163: it learns it too where so much came meanwhile that the log was trimmed", others: 400 }
  ]
  for (const { others, title } of cases) {
    it.live(`FusionCache ${title}`, () =>
      Effect.gen(function* () {
        const { pages } = yield* Source
        const { send } = yield* Redis
        yield* admit
        const [one, two] = [yield* start({ settings }), yield* start({ settings, redis })]
        yield* one.pages.get("a")
        yield* two.pages.get("a")
        yield* lockOut
        pages.set("a", 2)
        const position = yield* one.manager.invalidate({ primary: topic })
        for (let other = 0; other < others; other++) {
          yield* one.manager.invalidate({ primary: Tag.of("other", `${other}`) })
        }
        const kept = yield* send("XRANGE", "{letletme}:log", `${position}-0`, `${position}-0`)
        assert.strictEqual(Array.isArray(kept) && kept.length === 1, others === 0)
        assert.isBelow(two.live.view.position, position)
        yield* admit
        yield* has(two, 2)
        assert.isAtLeast(two.live.view.position, position)
      }).pipe(Effect.scoped, Effect.provide(worlds.redis))
    )
  }

  it.live("redis/redis #11767: where only the connection that is told of changes is lost, they are asked for", () =>
    Effect.gen(function* () {
      const { pages } = yield* Source
      yield* admit
      const [one, two] = [yield* start(), yield* start({ redis })]
      yield* one.pages.get("a")
      yield* two.pages.get("a")
      yield* forbidToFollow
      for (let value = 2; value < 6; value++) {
        pages.set("a", value)
        yield* one.manager.invalidate({ primary: topic })
        yield* has(two, value)
        assert.strictEqual(yield* two.pages.get("a", { consistency: "strong" }), value)
      }
    }).pipe(Effect.scoped, Effect.provide(worlds.redis))
  )

  it.live("Redisson #4653: after a failover that lost an invalidation no process serves what it reached", () =>
    Effect.gen(function* () {
      const { pages } = yield* Source
      const { send } = yield* Redis
      yield* send("CONFIG", "SET", "repl-diskless-sync-delay", "0")
      const primary = yield* RedisServer
      const args = ["--replicaof", "127.0.0.1", `${primary.port}`]
      const replica = Context.get(yield* Layer.build(Layer.fresh(RedisServer.layerWith({ args }))), RedisServer)
      const there = Context.get(yield* Layer.build(Layer.fresh(Redis.layer({ port: replica.port }))), Redis)
      const [one, two] = [yield* start(), yield* start()]
      yield* one.pages.get("a")
      yield* two.pages.get("a")
      yield* eventually(
        Effect.filterOrFail(there.send("KEYS", "letletme:page:*"), (keys) => Array.isArray(keys) && keys.length === 1)
      )
      // From here on nothing is replicated: the invalidation is acknowledged, and lost.
      yield* there.send("REPLICAOF", "NO", "ONE")
      pages.set("a", 2)
      const lost = yield* one.manager.invalidate({ primary: topic })
      yield* primary.kill
      yield* there.send("CONFIG", "SET", "port", `${primary.port}`)
      const three = yield* start()
      assert.isAbove(three.live.view.floor, lost - 1)
      for (const process of [three, one, two]) {
        yield* eventually(process.live.catchUp)
        assert.strictEqual(yield* process.pages.get("a"), 2)
        assert.strictEqual(yield* process.pages.get("a", { skip: "near" }), 2)
      }
      // What comes after it reaches all of them.
      pages.set("a", 3)
      yield* three.manager.invalidate({ primary: topic })
      for (const process of [one, two, three]) yield* has(process, 3)
    }).pipe(Effect.scoped, Effect.provide(worlds.redis))
  )
})
