import { assert, describe, it, layer } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Logger, Scope } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { connect } from "node:net"
import { brotliDecompressSync, gunzipSync } from "node:zlib"
import { Answers } from "@letletme/api/Answers"
import * as Listener from "@letletme/api/Listener"
import * as Server from "@letletme/api/Server"
import { address, ask, caches, json, options, type Response, served } from "./stack.ts"

/** A connection, to send what no client would send. `all` is what came on it, once it ended. */
const dial = Effect.fnUntraced(function* (base: string) {
  const { hostname, port } = new URL(base)
  const ended = yield* Deferred.make<string, Error>()
  const socket = yield* Effect.acquireRelease(
    Effect.sync(() => connect(Number(port), hostname)),
    (one) => Effect.sync(() => one.destroy())
  )
  let text = ""
  socket.on("data", (data) => {
    text += data.toString("latin1")
  })
  socket.on("close", () => Deferred.doneUnsafe(ended, Effect.succeed(text)))
  socket.on("error", (error) => Deferred.doneUnsafe(ended, Effect.fail(error)))
  return { write: (bytes: string) => Effect.sync(() => socket.write(bytes)), all: Deferred.await(ended) }
})

const send = (base: string, bytes: string) =>
  Effect.scoped(Effect.flatMap(dial(base), ({ all, write }) => Effect.andThen(write(bytes), all)))

const problem = (response: Response, status: number) => {
  assert.strictEqual(response.status, status)
  assert.strictEqual(response.headers["content-type"], "application/problem+json")
  assert.deepInclude(json(response), { type: "about:blank", status })
}

describe("what is asked", () => {
  layer(served, { excludeTestServices: true })((it) => {
    it.effect("has to be a read, without a body, at an address that is not too long", () =>
      Effect.gen(function* () {
        const base = yield* address
        for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
          const response = yield* ask(base, "/teams", { method })
          problem(response, 405)
          assert.strictEqual(response.headers["allow"], "GET, HEAD, OPTIONS")
        }
        problem(yield* ask(base, "/teams", { body: "{}", headers: { "content-length": "2" } }), 413)
        problem(yield* ask(base, "/teams", { headers: { "transfer-encoding": "chunked" }, body: "{}" }), 413)
        problem(yield* ask(base, `/teams?season=${"9".repeat(2_100)}`), 414)
        assert.strictEqual((yield* ask(base, "/teams", { headers: { "content-length": "0" } })).status, 200)
      })
    )

    it.effect("is answered where nothing is served, and is never a file", () =>
      Effect.gen(function* () {
        const base = yield* address
        const paths = ["/", "/nowhere", "/teams/../../etc/passwd", "/%2e%2e/package.json", "/teams/%00", "/__proto__"]
        for (const path of paths) {
          const { status } = yield* ask(base, path)
          assert.include([400, 404], status, path)
        }
        problem(yield* ask(base, "/nowhere"), 404)
        for (const path of ["/teams/1.5", "/teams/-1", "/teams/0x1", "/teams/NaN", "/teams/1e99", "/teams/%31%00"])
          assert.include([400, 404], (yield* ask(base, path)).status, path)
      })
    )

    it.effect("is refused by Node where it is no HTTP, or its head is too large", () =>
      Effect.gen(function* () {
        const base = yield* address
        assert.match(yield* send(base, "HELO example\r\n\r\n"), /^HTTP\/1\.1 400 /)
        const long = `GET /teams HTTP/1.1\r\nhost: x\r\nx: ${"x".repeat(20_000)}\r\n\r\n`
        assert.match(yield* send(base, long), /^HTTP\/1\.1 431 /)
        // An address in full is one to this server.
        const full = "GET http://example.com/teams/1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        assert.match(yield* send(base, full), /^HTTP\/1\.1 200 /)
      })
    )

    it.effect("may come from a script of any site, which may read what it needs to", () =>
      Effect.gen(function* () {
        const base = yield* address
        const origin = "https://fans.example"
        const headers = {
          origin,
          "access-control-request-method": "GET",
          "access-control-request-headers": "if-none-match"
        }
        const asked = yield* ask(base, "/teams", { method: "OPTIONS", headers })
        assert.strictEqual(asked.status, 204)
        assert.include(String(asked.headers["access-control-allow-headers"]), "if-none-match")
        for (let times = 0; times < 2; times++) {
          const answer = yield* ask(base, "/teams", { headers: { origin } })
          assert.strictEqual(answer.headers["access-control-allow-origin"], "*")
          assert.include(String(answer.headers["access-control-expose-headers"]), "letletme-position")
        }
      })
    )

    it.effect("is counted, by what became of it", () =>
      Effect.gen(function* () {
        const base = yield* address
        const count = Effect.fnUntraced(function* (outcome: string) {
          const { bytes } = yield* ask(base, "/metrics")
          const [, value] =
            new RegExp(`^letletme_api_answers_total{outcome="${outcome}"} (\\d+)$`, "m").exec(bytes.toString()) ?? []
          return Number(value)
        })
        const counts = Effect.all([count("made"), count("at_hand"), count("unchanged")])
        const [made, atHand, unchanged] = yield* counts
        const { headers } = yield* ask(base, "/teams/19")
        yield* ask(base, "/teams/19")
        yield* ask(base, "/teams/19", { headers: { "if-none-match": String(headers["etag"]) } })
        assert.deepStrictEqual(yield* counts, [made + 1, atHand + 1, unchanged + 1])
      })
    )

    it.effect("can be browsed on a page that asks nobody else for anything", () =>
      Effect.gen(function* () {
        const page = yield* ask(yield* address, "/docs")
        assert.strictEqual(page.headers["content-type"], "text/html")
        const policy = String(page.headers["content-security-policy"])
        assert.include(policy, "default-src 'none'")
        assert.notMatch(policy, /https?:|\*/)
        const html = page.bytes.toString()
        assert.include(html, '"openapi":"3.1.0"')
        const [before = ""] = html.split("SwaggerUIBundle")
        assert.notMatch(before.replaceAll(/<style>[^]*?<\/style>/g, ""), /<(?:script|img|iframe)[^>]*\ssrc=|<link[^>]/i)
        for (const [coding, unpack] of [
          ["gzip", gunzipSync],
          ["br", brotliDecompressSync]
        ] as const) {
          // Packed, and kept packed.
          for (let times = 0; times < 2; times++) {
            const packed = yield* ask(yield* address, "/docs", { headers: { "accept-encoding": coding } })
            assert.strictEqual(packed.headers["content-encoding"], coding)
            assert.strictEqual(packed.headers["content-security-policy"], policy)
            assert.isTrue(unpack(packed.bytes).equals(page.bytes))
          }
        }
      })
    )
  })

  layer(Server.layer({ ...options, perSecond: 2 }).pipe(Layer.provide(caches)), { excludeTestServices: true })((it) => {
    it.effect("is turned away when an address asks too often, with the time to wait", () =>
      Effect.gen(function* () {
        const base = yield* address
        const responses = yield* Effect.replicateEffect(ask(base, "/teams/1"), 6)
        assert.deepStrictEqual(
          responses.slice(0, 4).map(({ status }) => status),
          [200, 200, 200, 200]
        )
        const refused = responses.find(({ status }) => status === 429)
        assert.strictEqual(refused?.headers["retry-after"], "1")
        if (refused !== undefined) problem(refused, 429)
      })
    )
  })
})

/** A server whose only answer is held back, in a scope of its own. */
const holding = Effect.fnUntraced(function* (drain: number) {
  const isUnderWay = yield* Deferred.make<void>()
  const goOn = yield* Deferred.make<void>()
  const app = Effect.gen(function* () {
    yield* Deferred.succeed(isUnderWay, undefined)
    yield* Deferred.await(goOn)
    return HttpServerResponse.text("done")
  })
  const listener = Listener.layer({ port: 0, drain }).pipe(
    Layer.provide(Answers.layer({ source: "test" })),
    Layer.provide(caches)
  )
  const server = HttpRouter.serve(HttpRouter.add("GET", "/*", app), { disableListenLog: true, disableLogger: true })
  const scope = yield* Scope.make()
  const context = yield* Layer.buildWithScope(Layer.provideMerge(server, listener), scope)
  const base = yield* Effect.provide(address, context)
  return { base, scope, isUnderWay: Deferred.await(isUnderWay), goOn: Deferred.succeed(goOn, undefined) }
})

describe("stopping", () => {
  it.live("lets a request under way end, and takes no other", () =>
    Effect.gen(function* () {
      const { base, goOn, isUnderWay, scope } = yield* holding(10_000)
      const { all, write } = yield* dial(base)
      yield* write("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
      yield* isUnderWay
      const stopping = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      // It listens no more.
      yield* Effect.retry(Effect.flip(ask(base, "/other")), { times: 100 })
      yield* write("GET /another HTTP/1.1\r\nhost: x\r\n\r\n")
      assert.isUndefined(stopping.pollUnsafe())
      yield* goOn
      const [, first = "", last = ""] = (yield* all).split("HTTP/1.1 200 OK")
      assert.notMatch(first, /connection: close/i)
      // Whoever goes on asking on a connection that there is, is told that it ends.
      assert.match(last, /connection: close/i)
      yield* Fiber.join(stopping)
    })
  )

  it.live("cuts off what takes too long", () =>
    Effect.gen(function* () {
      const { base, isUnderWay, scope } = yield* holding(50)
      const asked = yield* Effect.forkChild(Effect.exit(ask(base, "/slow")))
      yield* isUnderWay
      yield* Effect.provide(Scope.close(scope, Exit.void), Logger.layer([]))
      const exit = yield* Fiber.join(asked)
      assert.isTrue(Exit.isFailure(exit) || exit.value.status === 503)
    })
  )
})
