import { assert, describe, it } from "@effect/vitest"
import { CacheConfig, CacheManager, type CacheStore, type InvalidationLog, Tag } from "@letletme/cache"
import * as HttpCache from "@letletme/cache/HttpCache"
import { Clock, Deferred, Effect, Fiber, Layer, type Scope } from "effect"
import { FetchHttpClient, HttpClient, HttpClientError, HttpClientRequest, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { createServer } from "node:http"
import { gzipSync } from "node:zlib"
import { tiers } from "./tiers.ts"

const teams = "https://api.example.com/teams"
const day = "Mon, 01 Jan 2029 00:00:00 GMT"

/** What an origin answers to a request. */
type Reply = {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body?: string | ReadableStream<Uint8Array> | null
}

/** An origin in the test's hands, and a client that keeps what it answers. */
const start = (options: HttpCache.Options = {}) =>
  Effect.gen(function* () {
    const asked: Array<HttpClientRequest.HttpClientRequest> = []
    const origin = {
      asked,
      isAway: false,
      pause: Effect.void,
      reply: (request: HttpClientRequest.HttpClientRequest): Reply => ({
        headers: { "cache-control": "max-age=60" },
        body: `${request.method} ${asked.length}`
      })
    }
    const client = HttpClient.make((request) =>
      Effect.gen(function* () {
        asked.push(request)
        const { body = null, headers, status = 200 } = origin.reply(request)
        yield* Effect.suspend(() => origin.pause)
        if (origin.isAway) {
          const reason = new HttpClientError.TransportError({ request, description: "away" })
          return yield* new HttpClientError.HttpClientError({ reason })
        }
        const date = new Date(yield* Clock.currentTimeMillis).toUTCString()
        const init = { status, headers: { date, ...headers } }
        return HttpClientResponse.fromWeb(request, new Response(request.method === "HEAD" ? null : body, init))
      })
    )
    return { origin, client: (yield* HttpCache.make(options))(client) }
  })

type World = Effect.Success<ReturnType<typeof start>>

const getting = ({ client }: World, headers: Record<string, string> = {}, url = teams) =>
  client.execute(HttpClientRequest.get(url, { headers }))
const text = (world: World, headers?: Record<string, string>, url?: string) =>
  Effect.flatMap(getting(world, headers, url), (response) => response.text)

const memory = CacheManager.layerMemory
const run = <A, E>(effect: Effect.Effect<A, E, CacheManager | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(memory))

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

const control = (value: string) => ({ headers: { "cache-control": value } })

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

describe("HttpCache answers", () => {
  it.effect("with the age, without what belongs to the connection, and gives a cookie to nobody but who asked", () =>
    run(
      Effect.gen(function* () {
        const world = yield* start()
        const headers = {
          "cache-control": "max-age=60",
          age: "5",
          connection: "x-hop",
          "x-hop": "1",
          "x-kept": "2",
          "set-cookie": "session=1"
        }
        world.origin.reply = () => ({ headers, body: "a" })
        const first = yield* getting(world)
        assert.strictEqual(first.cookies.cookies["session"]?.value, "1")
        assert.strictEqual(yield* first.text, "a")
        yield* TestClock.adjust("10 seconds")
        const second = yield* getting(world)
        assert.strictEqual(second.headers["age"], "15")
        assert.strictEqual(second.headers["x-kept"], "2")
        assert.isUndefined(second.headers["x-hop"])
        assert.deepStrictEqual(second.cookies.cookies, {})
        assert.isUndefined(second.headers["set-cookie"])
        assert.strictEqual(yield* second.text, "a")
      })
    )
  )

  it.effect("counts the time that the exchange took as age", () =>
    run(
      Effect.gen(function* () {
        const world = yield* start()
        const reached = yield* Deferred.make<void>()
        world.origin.pause = Effect.andThen(Deferred.succeed(reached, undefined), Effect.sleep("20 seconds"))
        const first = yield* Effect.forkChild(text(world))
        yield* Deferred.await(reached)
        yield* TestClock.adjust("20 seconds")
        yield* Fiber.join(first)
        world.origin.pause = Effect.void
        yield* TestClock.adjust("39 seconds")
        assert.strictEqual((yield* getting(world)).headers["age"], "59")
        yield* TestClock.adjust("1 second")
        yield* text(world)
        assert.strictEqual(world.origin.asked.length, 2)
      })
    )
  )

  it.effect("a HEAD from what a GET brought, and asks the origin otherwise", () =>
    run(
      Effect.gen(function* () {
        const world = yield* start()
        yield* world.client.head(teams)
        yield* world.client.head(teams)
        assert.strictEqual(world.origin.asked.length, 2)
        yield* text(world)
        const response = yield* world.client.head(teams)
        assert.strictEqual(yield* response.text, "")
        assert.strictEqual(response.headers["age"], "0")
        assert.strictEqual(world.origin.asked.length, 3)
      })
    )
  )

  it.effect("only-if-cached with what is kept, or with 504", () =>
    run(
      Effect.gen(function* () {
        const world = yield* start()
        const only = { "cache-control": "only-if-cached" }
        assert.strictEqual((yield* getting(world, only)).status, 504)
        yield* text(world)
        assert.strictEqual((yield* getting(world, only)).status, 200)
        assert.strictEqual(world.origin.asked.length, 1)
      })
    )
  )

  it.effect("each variant with its own, whatever the case and the spaces", () =>
    run(
      Effect.gen(function* () {
        const world = yield* start()
        world.origin.reply = (request) => ({
          headers: { "cache-control": "max-age=60", vary: "Accept, Accept-Language" },
          body: `${request.headers["accept"]} in ${request.headers["accept-language"]}`
        })
        const json = { accept: "a, b", "accept-language": "en" }
        assert.strictEqual(yield* text(world, json), "a, b in en")
        assert.strictEqual(yield* text(world, { ...json, accept: "a,b" }), "a, b in en")
        assert.strictEqual(world.origin.asked.length, 1)
        assert.strictEqual(yield* text(world, { ...json, "accept-language": "de" }), "a, b in de")
        assert.strictEqual(yield* text(world, { accept: "c" }), "c in undefined")
        assert.strictEqual(world.origin.asked.length, 3)
        assert.strictEqual(yield* text(world, json), "a, b in en")
        assert.strictEqual(yield* text(world, { ...json, "accept-language": "de" }), "a, b in de")
        assert.strictEqual(yield* text(world, { accept: "c" }), "c in undefined")
        assert.strictEqual(world.origin.asked.length, 3)
      })
    )
  )

  it.effect("concurrent requests each with their own variant, when nothing is known of it yet", () =>
    run(
      Effect.gen(function* () {
        const world = yield* start()
        const gate = yield* Deferred.make<void>()
        world.origin.pause = Deferred.await(gate)
        world.origin.reply = (request) => ({
          headers: { "cache-control": "max-age=60", vary: "accept" },
          body: request.headers["accept"] ?? "none"
        })
        const reads = yield* Effect.forEach(["a", "a", "b", "b"], (accept) => Effect.forkChild(text(world, { accept })))
        yield* Deferred.succeed(gate, undefined)
        assert.deepStrictEqual(yield* Effect.forEach(reads, Fiber.join), ["a", "a", "b", "b"])
        assert.strictEqual(world.origin.asked.filter(({ headers }) => headers["accept"] === "a").length, 1)
      })
    )
  )

  it.effect("apart what differs in its query, and as one what differs in its fragment", () =>
    run(
      Effect.gen(function* () {
        const world = yield* start()
        yield* text(world, {}, `${teams}?a=1`)
        yield* text(world, {}, `${teams}?a=2`)
        yield* text(world, {}, `${teams}?a=1#b`)
        assert.strictEqual(world.origin.asked.length, 2)
      })
    )
  )
})

describe("HttpCache checks what is stale", () => {
  it.effect("by its ETag and its date, and takes over what a 304 says", () =>
    run(
      Effect.gen(function* () {
        const world = yield* start()
        world.origin.reply = (request) =>
          request.headers["if-none-match"] === '"a"' && request.headers["if-modified-since"] === day
            ? {
                status: 304,
                headers: { "cache-control": "max-age=30", etag: '"a"', "x-new": "1", "content-length": "0" }
              }
            : {
                headers: { "cache-control": "max-age=10", etag: '"a"', "last-modified": day, "x-old": "1" },
                body: "whole"
              }
        assert.strictEqual(yield* text(world), "whole")
        yield* TestClock.adjust("11 seconds")
        for (let again = 0; again < 2; again++) {
          const response = yield* getting(world)
          assert.strictEqual(response.status, 200)
          assert.strictEqual(response.headers["x-new"], "1")
          assert.strictEqual(response.headers["x-old"], "1")
          assert.notStrictEqual(response.headers["content-length"], "0")
          assert.strictEqual(yield* response.text, "whole")
        }
        assert.strictEqual(world.origin.asked.length, 2)
        yield* TestClock.adjust("29 seconds")
        yield* text(world)
        assert.strictEqual(world.origin.asked.length, 2)
        yield* TestClock.adjust("1 second")
        yield* text(world)
        assert.strictEqual(world.origin.asked.length, 3)
      })
    )
  )

  it.effect("and takes the new response where it changed", () =>
    run(
      Effect.gen(function* () {
        const world = yield* start()
        world.origin.reply = () => {
          const count = `${world.origin.asked.length}`
          return { headers: { "cache-control": "max-age=10", etag: `"${count}"` }, body: count }
        }
        assert.strictEqual(yield* text(world), "1")
        yield* TestClock.adjust("11 seconds")
        assert.strictEqual(yield* text(world), "2")
        assert.strictEqual(yield* text(world), "2")
      })
    )
  )

  it.effect("and asks again without conditions where a 304 speaks of something else", () =>
    run(
      Effect.gen(function* () {
        const world = yield* start()
        world.origin.reply = (request) =>
          request.headers["if-none-match"] === undefined
            ? { headers: { "cache-control": "max-age=10", etag: '"a"' }, body: `${world.origin.asked.length}` }
            : { status: 304, headers: { etag: '"b"' } }
        yield* text(world)
        yield* TestClock.adjust("11 seconds")
        assert.strictEqual(yield* text(world), "3")
      })
    )
  )

  it.effect("within stale-while-revalidate it answers at once and checks once beside", () =>
    run(
      Effect.gen(function* () {
        const world = yield* start()
        world.origin.reply = () => ({
          ...control("max-age=10, stale-while-revalidate=30"),
          body: `${world.origin.asked.length}`
        })
        yield* text(world)
        yield* TestClock.adjust("20 seconds")
        const gate = yield* Deferred.make<void>()
        world.origin.pause = Deferred.await(gate)
        assert.deepStrictEqual(yield* Effect.all([text(world), text(world), text(world)], { concurrency: 3 }), [
          "1",
          "1",
          "1"
        ])
        yield* Deferred.succeed(gate, undefined)
        world.origin.pause = Effect.void
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* text(world), "2")
        assert.strictEqual(world.origin.asked.length, 2)
        yield* TestClock.adjust("40 seconds")
        assert.strictEqual(yield* text(world), "3")
      })
    )
  )

  it.effect("within stale-if-error it answers what is stale where the origin fails, and not past it", () =>
    run(
      Effect.gen(function* () {
        const world = yield* start()
        const keep = { ...control("max-age=10, stale-if-error=30"), body: "good" }
        world.origin.reply = () => keep
        yield* text(world)
        yield* TestClock.adjust("20 seconds")
        world.origin.reply = () => ({ status: 503, body: "bad" })
        assert.strictEqual(yield* text(world), "good")
        world.origin.isAway = true
        assert.strictEqual(yield* text(world), "good")
        yield* TestClock.adjust("20 seconds")
        assert.strictEqual((yield* Effect.flip(text(world))).reason._tag, "TransportError")
        world.origin.isAway = false
        assert.strictEqual(yield* text(world), "bad")
        assert.strictEqual((yield* getting(world)).status, 503)
      })
    )
  )

  it.effect("and answers nothing stale because of an error where it must be revalidated", () =>
    run(
      Effect.gen(function* () {
        const world = yield* start()
        world.origin.reply = () => ({ ...control("max-age=10, stale-if-error=30, must-revalidate"), body: "good" })
        yield* text(world)
        yield* TestClock.adjust("20 seconds")
        world.origin.reply = () => ({ status: 503, body: "bad" })
        assert.strictEqual(yield* text(world), "bad")
      })
    )
  )
})

for (const [name, tier] of Object.entries(tiers)) {
  describe(`HttpCache invalidates, over ${name}`, () => {
    const within = <A, E>(effect: Effect.Effect<A, E, CacheManager | CacheStore | InvalidationLog | Scope.Scope>) =>
      effect.pipe(Effect.scoped, Effect.provide(tier()))

    it.live("what an unsafe method changed, and what its response names of the same origin", () =>
      within(
        Effect.gen(function* () {
          const world = yield* start()
          const other = "https://api.example.com/teams/1"
          const foreign = "https://else.example.com/"
          const named = { location: "/teams/1", "content-location": foreign }
          const all = [teams, other, foreign]
          world.origin.reply = () => ({
            headers: { "cache-control": "max-age=60", ...named },
            body: `${world.origin.asked.length}`
          })
          const read = Effect.forEach(all, (url) => text(world, {}, url))
          assert.deepStrictEqual(yield* read, ["1", "2", "3"])
          world.origin.reply = () => ({ status: 500, headers: named })
          yield* world.client.post(teams)
          world.origin.reply = () => ({ headers: named })
          yield* world.client.execute(HttpClientRequest.options(teams))
          assert.deepStrictEqual(yield* read, ["1", "2", "3"])
          yield* world.client.post(teams)
          world.origin.reply = () => ({ ...control("max-age=60"), body: `${world.origin.asked.length}` })
          assert.deepStrictEqual(yield* read, ["7", "8", "3"])
        })
      )
    )

    it.live("by tags and by URL, whatever the variant", () =>
      within(
        Effect.gen(function* () {
          const manager = yield* CacheManager
          const season = Tag.of("season", "2030-31")
          const world = yield* start({ tags: (request) => (request.url === teams ? [season] : []) })
          world.origin.reply = () => ({
            headers: { "cache-control": "max-age=60", vary: "accept" },
            body: `${world.origin.asked.length}`
          })
          const read = Effect.all([
            text(world, { accept: "a" }),
            text(world, { accept: "b" }),
            text(world, {}, `${teams}/1`)
          ])
          assert.deepStrictEqual(yield* read, ["1", "2", "3"])
          yield* manager.invalidate({ primary: season })
          assert.deepStrictEqual(yield* read, ["4", "5", "3"])
          yield* manager.invalidate({ primary: HttpCache.tagOf(new URL(`${teams}/1`)) })
          assert.deepStrictEqual(yield* read, ["4", "5", "6"])
        })
      )
    )

    it.live("what is on its way, too: a response that was overtaken is kept by nobody", () =>
      within(
        Effect.gen(function* () {
          const manager = yield* CacheManager
          const world = yield* start()
          const reached = yield* Deferred.make<void>()
          const gate = yield* Deferred.make<void>()
          world.origin.pause = Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(gate))
          const slow = yield* Effect.forkChild(text(world))
          yield* Deferred.await(reached)
          world.origin.pause = Effect.void
          yield* manager.invalidate({ primary: HttpCache.tagOf(new URL(teams)) })
          assert.strictEqual(yield* text(world), "GET 2")
          yield* Deferred.succeed(gate, undefined)
          yield* Fiber.join(slow)
          assert.strictEqual(yield* text(world), "GET 2")
        })
      )
    )

    it.live("and sends one request of two processes that ask at once", () =>
      within(
        Effect.gen(function* () {
          const process = Layer.fresh(CacheManager.layerOver).pipe(Layer.provide(CacheConfig.layer({})))
          const asked: Array<string> = []
          const origin = HttpClient.make((request, { href }) =>
            Effect.delay(
              Effect.sync(() => {
                asked.push(href)
                const init = { headers: { "cache-control": "max-age=60" } }
                return HttpClientResponse.fromWeb(request, new Response(`${asked.length}`, init))
              }),
              "20 millis"
            )
          )
          const clients = yield* Effect.forEach([1, 2], () =>
            Effect.flatMap(Layer.build(process), (context) =>
              Effect.map(Effect.provide(HttpCache.make(), context), (wrap) => wrap(origin))
            )
          )
          const answers = yield* Effect.forEach(
            clients.flatMap((client) => Array.from({ length: 10 }, () => client.get(teams))),
            Effect.flatMap((response) => response.text),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(new Set(answers), new Set(["1"]))
          assert.strictEqual(asked.length, 1)
        })
      )
    )

    it.live("and sends one of a hundred equal requests, but each where the response is not for all", () =>
      within(
        Effect.gen(function* () {
          const world = yield* start()
          world.origin.pause = Effect.sleep("20 millis")
          const hundred = Effect.all(
            Array.from({ length: 100 }, () => text(world)),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(new Set(yield* hundred), new Set(["GET 1"]))
          world.origin.reply = () => ({ ...control("private"), body: `${world.origin.asked.length}` })
          yield* world.client.post(teams)
          assert.strictEqual(new Set(yield* hundred).size, 100)
        })
      )
    )
  })
}

describe("HttpCache goes on", () => {
  it.effect("where the cache takes no response: each request is sent, and answered", () =>
    Effect.gen(function* () {
      const world = yield* start()
      assert.strictEqual(yield* text(world), "GET 1")
      assert.strictEqual(yield* text(world), "GET 2")
    }).pipe(Effect.scoped, Effect.provide(memory.pipe(Layer.provide(CacheConfig.layer({ maxValueBytes: 16 })))))
  )

  it.effect("where an exchange that others wait for takes too long: each is sent", () =>
    run(
      Effect.gen(function* () {
        const world = yield* start({ timeout: "1 second" })
        const reached = yield* Deferred.make<void>()
        world.origin.pause = Effect.andThen(Deferred.succeed(reached, undefined), Effect.never)
        const reads = yield* Effect.forEach([1, 2], () => Effect.forkChild(text(world)))
        yield* Deferred.await(reached)
        world.origin.pause = Effect.void
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* Effect.forEach(reads, Fiber.join), ["GET 2", "GET 3"])
      })
    )
  )
})

describe("HttpCache over the network", () => {
  it.live("what fetch brings is kept, compressed or not, and checked when it is stale", () =>
    run(
      Effect.gen(function* () {
        const requests: Array<string> = []
        const server = yield* Effect.acquireRelease(
          Effect.sync(() =>
            createServer((request, response) => {
              const { "if-none-match": condition } = request.headers
              requests.push(condition ?? "whole")
              const headers = { "cache-control": request.url === "/stale" ? "max-age=0" : "max-age=60", etag: '"a"' }
              if (condition === '"a"') return response.writeHead(304, headers).end()
              const bytes = gzipSync("hello ".repeat(100))
              const compressed = {
                "content-encoding": "gzip",
                "content-length": bytes.length,
                "set-cookie": ["a=1", "b=2"]
              }
              return response.writeHead(200, { ...headers, ...compressed }).end(bytes)
            }).listen(0, "127.0.0.1")
          ),
          (one) => Effect.sync(() => one.close())
        )
        yield* Effect.callback<void>((resume) => {
          if (server.listening) resume(Effect.void)
          else server.once("listening", () => resume(Effect.void))
        })
        const address = server.address()
        if (address === null || typeof address === "string") return assert.fail("no address")
        const client = (yield* HttpCache.make())(yield* HttpClient.HttpClient)
        const at = (path: string) =>
          Effect.gen(function* () {
            const response = yield* client.get(`http://127.0.0.1:${address.port}${path}`)
            return [response.status, yield* response.text, Object.keys(response.cookies.cookies)] as const
          })
        const whole = "hello ".repeat(100)
        assert.deepStrictEqual(yield* at("/fresh"), [200, whole, ["a", "b"]])
        assert.deepStrictEqual(yield* at("/fresh"), [200, whole, []])
        assert.deepStrictEqual(requests, ["whole"])
        yield* at("/stale")
        assert.deepStrictEqual(yield* at("/stale"), [200, whole, []])
        assert.deepStrictEqual(requests, ["whole", "whole", '"a"'])
      }).pipe(Effect.provide(FetchHttpClient.layer))
    )
  )
})

describe("HttpCache as a layer", () => {
  it.effect("wraps the client in context, and what comes before the request still does", () =>
    Effect.gen(function* () {
      const client = yield* HttpClient.HttpClient
      assert.strictEqual(yield* Effect.flatMap(client.get("/a"), (response) => response.text), "https://x.test/a 1")
      assert.strictEqual(yield* Effect.flatMap(client.get("/a"), (response) => response.text), "https://x.test/a 1")
    }).pipe(
      Effect.provide(
        HttpCache.layer().pipe(
          Layer.provide(memory),
          Layer.provide(
            Layer.sync(HttpClient.HttpClient, () => {
              let count = 0
              return HttpClient.make((request, url) =>
                Effect.sync(() => {
                  const init = { headers: { "cache-control": "max-age=1" } }
                  return HttpClientResponse.fromWeb(request, new Response(`${url.href} ${++count}`, init))
                })
              ).pipe(HttpClient.mapRequest(HttpClientRequest.prependUrl("https://x.test")))
            })
          )
        )
      )
    )
  )
})
