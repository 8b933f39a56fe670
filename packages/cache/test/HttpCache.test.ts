import { assert, describe, it } from "@effect/vitest"
import { CacheConfig, CacheManager } from "@letletme/cache"
import * as HttpCache from "@letletme/cache/HttpCache"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { createServer } from "node:http"
import { gzipSync } from "node:zlib"
import { control, day, getting, run, start, teams, text } from "./httpOrigin.ts"

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

describe("HttpCache goes on", () => {
  it.effect("where the cache takes no response: each request is sent, and answered", () =>
    Effect.gen(function* () {
      const world = yield* start()
      assert.strictEqual(yield* text(world), "GET 1")
      assert.strictEqual(yield* text(world), "GET 2")
    }).pipe(
      Effect.scoped,
      Effect.provide(CacheManager.layerMemory.pipe(Layer.provide(CacheConfig.layer({ maxValueBytes: 16 }))))
    )
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
          Layer.provide(CacheManager.layerMemory),
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
