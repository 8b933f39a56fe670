import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, layer } from "@effect/vitest"
import { CacheManager, InvalidationLog, Tag } from "@letletme/cache"
import * as Client from "@letletme/warmer/admin/Client"
import type { LogEvent } from "@letletme/warmer/admin/LogTail"
import { Effect, Fiber, Latch, Layer, Redacted, Schedule, Stream } from "effect"
import { HttpServer } from "effect/http"
import { authorization, held, secret, send, server } from "./server.ts"

const isEvent = ({ event }: LogEvent) => event !== "ping"

const client = Effect.flatMap(HttpServer.HttpServer, ({ address }) =>
  Client.make(HttpServer.formatAddress(address), Redacted.make(secret))
)

const tag = (id: number) => Tag.of("team", `2030-31:${id}`)

layer(
  server({ limits: { requests: 1_000 }, settings: { CACHE_LOG_LENGTH: "20" } }).pipe(
    Layer.provideMerge(NodeHttpClient.layerUndici)
  ),
  { excludeTestServices: true }
)("GET /admin/log", (it) => {
  it.effect("tells what was appended after a position, then what is; a lost connection is caught up with", () =>
    Effect.gen(function* () {
      const { invalidate, position } = yield* CacheManager
      const { log } = yield* client
      const before = yield* position
      yield* invalidate({ primary: tag(1) }, { cause: "the first" })
      const first = yield* log({ query: { from: before }, headers: {} })
      const heard = yield* Latch.make()
      const reading = yield* first.pipe(
        Stream.tap(() => heard.open),
        Stream.filter(isEvent),
        Stream.take(2),
        Stream.runCollect,
        Effect.forkChild
      )
      yield* heard.await
      yield* invalidate({ primary: tag(2) }, { cause: "the second" })
      const events = yield* Fiber.join(reading)
      assert.deepStrictEqual(
        events.map((event) => (event.event === "entry" ? [event.id, event.data.cause, event.data.tags] : event)),
        [
          [`${before + 1}`, "the first", [tag(1)]],
          [`${before + 2}`, "the second", [tag(2)]]
        ]
      )
      // While nobody listened.
      yield* invalidate({ primary: tag(3) }, { cause: "the third" })
      const again = yield* log({ query: { from: 0 }, headers: { "last-event-id": before + 2 } })
      const [missed] = yield* Stream.runCollect(Stream.take(Stream.filter(again, isEvent), 1))
      assert.deepStrictEqual([missed?.id, missed?.event], [`${before + 3}`, "entry"])
    })
  )

  it.effect("names what the log keeps no longer", () =>
    Effect.gen(function* () {
      const { invalidate, position } = yield* CacheManager
      const { log } = yield* client
      const before = yield* position
      for (let id = 0; id < 60; id++) yield* invalidate({ primary: tag(id) })
      const { entries } = yield* InvalidationLog.use(({ sync }) => sync(before))
      const oldest = entries[0]?.position ?? 0
      const events = yield* Stream.runCollect(
        (yield* log({ query: { from: before }, headers: {} })).pipe(
          Stream.filter(isEvent),
          Stream.take(entries.length + 1)
        )
      )
      assert.deepStrictEqual(events[0], {
        id: `${oldest - 1}`,
        event: "gap",
        data: { from: before + 1, to: oldest - 1 }
      })
      assert.strictEqual(events.at(-1)?.id, `${yield* position}`)
    })
  )

  it.effect("a position that nobody has given out yet changes nothing", () =>
    Effect.gen(function* () {
      const { invalidate } = yield* CacheManager
      const { log } = yield* client
      const before = yield* held
      const events = yield* log({ query: { from: Number.MAX_SAFE_INTEGER }, headers: {} })
      const heard = yield* Effect.forkChild(Stream.runCollect(Stream.take(Stream.filter(events, isEvent), 1)))
      assert.deepStrictEqual(yield* held, before)
      yield* invalidate({ primary: tag(1) })
      assert.strictEqual((yield* Fiber.join(heard))[0]?.id, `${before.position + 1}`)
      for (const from of ["-1", "1.5", "nonsense"]) {
        const answer = yield* send({ method: "GET", path: `/admin/log?from=${from}`, headers: authorization })
        assert.strictEqual(answer.status, 400)
        assert.include(answer.body, '"path":["query","from"]')
      }
    })
  )

  it.effect("16 may follow at once; one that goes away makes room", () =>
    Effect.gen(function* () {
      const { log } = yield* client
      const follow = Effect.flatMap(log({ query: { from: 0 }, headers: {} }), (events) =>
        Effect.gen(function* () {
          const begun = yield* Latch.make()
          const fiber = yield* Effect.forkChild(Stream.runForEach(events, () => begun.open))
          yield* begun.await
          return fiber
        })
      )
      const all = yield* Effect.forEach(Array.from({ length: 16 }), () => follow)
      assert.strictEqual((yield* Effect.flip(follow))._tag, "TooMany")
      yield* Fiber.interruptAll(all.slice(0, 1))
      const late = yield* Effect.retry(follow, { schedule: Schedule.spaced("20 millis"), times: 100 })
      yield* Fiber.interruptAll([late, ...all])
    })
  )
})
