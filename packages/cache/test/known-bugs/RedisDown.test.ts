import { assert, describe, it } from "@effect/vitest"
import { Tag } from "@letletme/cache"
import { RedisServer } from "@letletme/testing"
import { Effect, Exit, Option } from "effect"
import { eventually } from "../tiers.ts"
import { type Process, Source, start, topic, worlds } from "./deployment.ts"

const world = worlds.redis
const [maxStaleness, commandTimeout] = [200, 200]
const settings = { maxStaleness }
const redis = { commandTimeout }

/** What a call may take: a few commands that time out one after the other. */
const bound = "2 seconds"

const inTime = <A, E, R>(call: Effect.Effect<A, E, R>) =>
  Effect.timeoutOrElse(Effect.exit(call), { duration: bound, orElse: () => Effect.die("It hangs") })

const untrusted = ({ live }: Process) =>
  eventually(Effect.suspend(() => (live.isTrusted(Date.now()) ? Effect.fail("still trusted") : Effect.void)))
const trusted = ({ live }: Process) =>
  eventually(Effect.suspend(() => (live.isTrusted(Date.now()) ? Effect.void : Effect.fail("not yet"))))

describe("known bugs while Redis is down", () => {
  it.live(
    "jaredwray/cacheable #1202: a process that starts while Redis is down works, and caches once it is there",
    () =>
      Effect.gen(function* () {
        const { asked } = yield* Source
        const server = yield* RedisServer
        yield* server.kill
        // One that is to wait for the server says so, at once.
        const refused = yield* Effect.flip(start({ settings, redis }))
        assert.match(refused.message, /ECONNREFUSED/)
        const one = yield* inTime(start({ settings, redis: { ...redis, lazy: true } })).pipe(Effect.flatten)
        assert.deepStrictEqual(yield* inTime(one.pages.get("a")), Exit.succeed(1))
        yield* server.start
        yield* trusted(one)
        yield* one.pages.get("a")
        asked.length = 0
        assert.strictEqual(yield* one.pages.get("a", { skip: "near" }), 1)
        assert.deepStrictEqual(asked, [])
      }).pipe(Effect.scoped, Effect.provide(world))
  )

  for (const fault of ["kill", "pause"] as const) {
    it.live(`jaredwray/cacheable #1208: no call hangs while Redis is down (${fault})`, () =>
      Effect.gen(function* () {
        const source = yield* Source
        const server = yield* RedisServer
        const one = yield* start({ settings, redis })
        yield* one.pages.get("a")
        source.pages.set("a", 2).set("b", 3)
        yield* server[fault]
        // At once, while the cache does not know yet, and later, when it does.
        for (const wait of [Effect.void, untrusted(one)]) {
          yield* wait
          const { manager, pages } = one
          const strong = { consistency: "strong" } as const
          assert.deepStrictEqual(yield* inTime(pages.get("a", strong)), Exit.succeed(2))
          assert.deepStrictEqual(yield* inTime(pages.get("b")), Exit.succeed(3))
          assert.deepStrictEqual(yield* inTime(pages.find("c")), Exit.succeed(Option.none()))
          const many = yield* inTime(pages.getMany(["a", "b", "c"], { skip: "all" }))
          assert.deepStrictEqual(many, Exit.succeed([Option.some(2), Option.some(3), Option.none()]))
          assert.deepStrictEqual(yield* inTime(pages.refresh(["b"])), Exit.succeed([Option.some(3)]))
          assert.isTrue(Exit.isSuccess(yield* inTime(pages.peek("a"))))
          // What cannot be done without Redis fails, and says that it may be tried again.
          for (const call of [
            Effect.asVoid(manager.invalidate({ primary: topic })),
            Effect.asVoid(pages.update("a", 4)),
            Effect.asVoid(pages.put("a", 4, { readAt: one.live.view.position })),
            Effect.asVoid(pages.touch("a")),
            Effect.asVoid(pages.inspect(["a"])),
            Effect.asVoid(pages.explain("a")),
            Effect.asVoid(pages.get("a", { after: one.live.view.position + 1, timeout: "500 millis" }))
          ]) {
            const error = yield* Effect.flip(Effect.flatten(inTime(call)))
            assert.isTrue(typeof error === "object" && error.isTemporary)
          }
        }
      }).pipe(Effect.scoped, Effect.provide(world))
    )
  }

  it.live(
    "rueidis #857: where the policy reaches that far, the near cache answers while Redis is down; else it does not",
    () =>
      Effect.gen(function* () {
        const source = yield* Source
        const server = yield* RedisServer
        const right = yield* start({ settings, redis })
        const quick = yield* start({ settings, redis, policy: { staleWhileRevalidate: "invalidated" } })
        const there = yield* start({ settings, redis, policy: { staleIfUnavailable: "invalidated" } })
        for (const { pages } of [right, quick, there]) yield* pages.get("a")
        yield* server.kill
        for (const process of [right, quick, there]) yield* untrusted(process)
        source.isAway = true
        assert.strictEqual(yield* Effect.flip(right.pages.get("a")), "the source is away")
        assert.strictEqual(yield* quick.pages.get("a"), 1)
        assert.strictEqual(yield* there.pages.get("a"), 1)
        assert.strictEqual(yield* right.pages.get("a", { staleIfUnavailable: "invalidated" }), 1)
        source.isAway = false
        source.pages.set("a", 2)
        assert.strictEqual(yield* right.pages.get("a"), 2)
        assert.strictEqual(yield* there.pages.get("a"), 2)
        assert.include([1, 2], yield* quick.pages.get("a"))
        // Back, each has what is right.
        source.pages.set("a", 3)
        yield* server.start
        for (const process of [right, quick, there]) {
          yield* trusted(process)
          yield* eventually(Effect.filterOrFail(process.pages.get("a"), (value) => value === 3))
          assert.strictEqual(yield* process.pages.get("a", { consistency: "strong" }), 3)
        }
      }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.live("jaredwray/cacheable #1208: what stood still is caught up with before it is trusted", () =>
    Effect.gen(function* () {
      const { pages } = yield* Source
      const server = yield* RedisServer
      const one = yield* start({ settings, redis })
      yield* one.pages.get("a")
      yield* server.pause
      yield* untrusted(one)
      yield* server.resume
      yield* trusted(one)
      const two = yield* start({ settings, redis })
      pages.set("a", 2)
      const position = yield* two.manager.invalidate({ primary: Tag.of("page", "a") })
      assert.strictEqual(yield* one.pages.get("a", { after: position }), 2)
    }).pipe(Effect.scoped, Effect.provide(world))
  )
})
