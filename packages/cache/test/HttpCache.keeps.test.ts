import { assert, describe, it } from "@effect/vitest"
import * as HttpCache from "@letletme/cache/HttpCache"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { control, day, type Reply, run, start, text } from "./httpOrigin.ts"

/** What the second of two equal requests, so much later, is answered with: the first answer or another. */
const isKept = (
  reply: Reply,
  request: Record<string, string> = {},
  after: `${number} seconds` = "1 seconds",
  options: HttpCache.Options = {}
) =>
  run(
    Effect.gen(function* () {
      const world = yield* start(options)
      world.origin.reply = () => ({ body: `${world.origin.asked.length}`, ...reply })
      yield* text(world, request)
      yield* TestClock.adjust(after)
      yield* text(world, request)
      return world.origin.asked.length === 1
    })
  )

describe("HttpCache keeps", () => {
  const cases: ReadonlyArray<
    readonly [
      name: string,
      reply: Reply,
      kept: boolean,
      request?: Record<string, string>,
      after?: `${number} seconds`,
      options?: HttpCache.Options
    ]
  > = [
    ["what is fresh by max-age", control("max-age=60"), true, {}, "59 seconds"],
    ["nothing past max-age", control("max-age=60"), false, {}, "60 seconds"],
    [
      "what is fresh by s-maxage, which counts before max-age",
      control("max-age=1, s-maxage=60"),
      true,
      {},
      "59 seconds"
    ],
    ["by max-age where it is not shared", control("max-age=1, s-maxage=60"), false, {}, "2 seconds", { shared: false }],
    ["what is fresh by Expires", { headers: { expires: "Thu, 01 Jan 1970 00:01:00 GMT" } }, true, {}, "59 seconds"],
    ["nothing past Expires", { headers: { expires: "Thu, 01 Jan 1970 00:01:00 GMT" } }, false, {}, "61 seconds"],
    ["nothing whose Expires is no date", { headers: { expires: "0" } }, false],
    ["nothing that states no freshness, however old it is", { headers: { "last-modified": day } }, false],
    ["what is fresh and must be revalidated once stale", control("max-age=60, must-revalidate"), true],
    ["nothing with no-store, in capitals too", control("max-age=60, No-Store"), false],
    ["nothing to a request with no-store", control("max-age=60"), false, { "cache-control": "no-store" }],
    ["nothing with no-cache unchecked", control("max-age=60, no-cache"), false],
    ["nothing private where it is shared", control("private, max-age=60"), false],
    ["nothing private to a field, with a comma in quotes", control('private="a, b", max-age=60'), false],
    [
      "what is private where it is not shared",
      control("private, max-age=60"),
      true,
      {},
      "1 seconds",
      { shared: false }
    ],
    ["the first of two equal directives", control("max-age=60, max-age=0"), true],
    ["nothing whose max-age is no number", control("max-age=soon"), false],
    ["nothing that needed authorization", control("max-age=60"), false, { authorization: "a" }],
    ["what needed it and is public", control("max-age=60, public"), true, { authorization: "a" }],
    ["what needed it and has s-maxage", control("s-maxage=60"), true, { authorization: "a" }],
    ["what needed it and must be revalidated", control("max-age=60, must-revalidate"), true, { authorization: "a" }],
    [
      "what needed it where it is not shared",
      control("max-age=60"),
      true,
      { authorization: "a" },
      "1 seconds",
      { shared: false }
    ],
    ["nothing that varies by everything", { headers: { "cache-control": "max-age=60", vary: "*" } }, false],
    ["what is missing", { ...control("max-age=60"), status: 404 }, true],
    ["a redirection that says how long", { ...control("max-age=60"), status: 302 }, true],
    ["what has no body", { ...control("max-age=60"), status: 204, body: null }, true],
    ["no part of something", { ...control("max-age=60"), status: 206 }, false],
    ["nothing to a request for a range", control("max-age=60"), false, { range: "bytes=0-1" }],
    ["nothing to a request with conditions of its own", control("max-age=60"), false, { "if-none-match": '"a"' }],
    ["nothing that arrived too old", { headers: { "cache-control": "max-age=60", age: "60" } }, false],
    [
      "nothing that is older than its Age says",
      { headers: { "cache-control": "max-age=60", date: "Wed, 31 Dec 1969 23:59:00 GMT" } },
      false
    ],
    ["nothing past the request's max-age", control("max-age=60"), false, { "cache-control": "max-age=5" }, "6 seconds"],
    [
      "nothing with less left than min-fresh",
      control("max-age=60"),
      false,
      { "cache-control": "min-fresh=30" },
      "31 seconds"
    ],
    ["nothing where the request has no-cache", control("max-age=60"), false, { "cache-control": "no-cache" }],
    ["nothing where the request has Pragma", control("max-age=60"), false, { pragma: "no-cache" }]
  ]
  for (const [name, reply, kept, request, after, options] of cases) {
    it.effect(name, () => Effect.map(isKept(reply, request, after, options), (was) => assert.strictEqual(was, kept)))
  }

  it.effect("what is stale, for a request that takes it, unless the origin forbids", () =>
    Effect.gen(function* () {
      const etag = { etag: '"a"' }
      const with_ = (value: string) => ({ headers: { "cache-control": value, ...etag } })
      const stale = (value: string, wish: string) => isKept(with_(value), { "cache-control": wish }, "20 seconds")
      assert.isTrue(yield* stale("max-age=10", "max-stale"))
      assert.isTrue(yield* stale("max-age=10", "max-stale=10"))
      assert.isFalse(yield* stale("max-age=10", "max-stale=9"))
      assert.isFalse(yield* stale("max-age=10, must-revalidate", "max-stale"))
      assert.isFalse(yield* stale("max-age=10, proxy-revalidate", "max-stale"))
      assert.isFalse(yield* stale("s-maxage=10", "max-stale"))
    })
  )

  it.effect("no body that is longer than the bound, and loses nothing of it", () =>
    run(
      Effect.gen(function* () {
        const world = yield* start({ maxBodyBytes: 10 })
        const chunked = (bytes: number) =>
          new ReadableStream<Uint8Array>({
            start: (controller) => {
              for (let left = bytes; left > 0; left -= 4)
                controller.enqueue(new TextEncoder().encode("abcd".slice(0, left)))
              controller.close()
            }
          })
        world.origin.reply = () => ({ ...control("max-age=60"), body: chunked(11) })
        assert.strictEqual(yield* text(world), "abcdabcdabc")
        assert.strictEqual(yield* text(world), "abcdabcdabc")
        world.origin.reply = () => ({
          headers: { "cache-control": "max-age=60", "content-length": "11" },
          body: "hello world"
        })
        assert.strictEqual(yield* text(world), "hello world")
        assert.strictEqual(world.origin.asked.length, 3)
        world.origin.reply = () => ({ ...control("max-age=60"), body: chunked(10) })
        assert.strictEqual(yield* text(world), "abcdabcdab")
        assert.strictEqual(yield* text(world), "abcdabcdab")
        assert.strictEqual(world.origin.asked.length, 4)
      })
    )
  )
})
