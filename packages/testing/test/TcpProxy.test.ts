import { assert, describe, it } from "@effect/vitest"
import { TcpProxy } from "@letletme/testing"
import { Deferred, Effect, Queue, Schedule } from "effect"
import { createConnection, createServer, type Socket } from "node:net"

/** A server that answers each chunk with its own mark and the same bytes. */
const echo = (mark: string) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly port: number; readonly close: () => void }>((resume) => {
      const sockets = new Set<Socket>()
      const server = createServer((socket) => {
        sockets.add(socket)
        socket.on("error", () => undefined)
        socket.on("data", (data) => socket.write(`${mark}${data.toString()}`))
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const close = () => {
          for (const socket of sockets) socket.destroy()
          server.close()
        }
        resume(Effect.succeed({ port: typeof address === "object" && address !== null ? address.port : 0, close }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )

/** A client: what it sends, what comes back, and how it ends. */
const connect = (port: number) =>
  Effect.gen(function* () {
    const received = yield* Queue.unbounded<string>()
    const ended = yield* Deferred.make<string>()
    const socket = yield* Effect.acquireRelease(
      Effect.callback<Socket>((resume) => {
        const opening = createConnection({ host: "127.0.0.1", port })
        // A reset may be there before the connection is told of.
        for (const event of ["connect", "close"]) opening.once(event, () => resume(Effect.succeed(opening)))
        opening.on("data", (data) => Queue.offerUnsafe(received, data.toString()))
        opening.on("error", (error) => Deferred.doneUnsafe(ended, Effect.succeed(error.message)))
        opening.on("close", () => Deferred.doneUnsafe(ended, Effect.succeed("closed")))
      }),
      (opened) => Effect.sync(() => opened.destroy())
    )
    const send = (text: string) => Effect.sync(() => socket.write(text))
    return {
      send,
      receive: Queue.take(received),
      end: Effect.sync(() => socket.end()),
      ended: Deferred.await(ended)
    }
  })

const world = Effect.gen(function* () {
  const server = yield* echo("a:")
  const proxy = yield* TcpProxy.make(server.port)
  const client = yield* connect(proxy.port)
  return { server, proxy, client }
})

describe("TcpProxy", () => {
  it.live("passes bytes on, in both directions", () =>
    Effect.gen(function* () {
      const { client, proxy } = yield* world
      yield* client.send("one")
      assert.strictEqual(yield* client.receive, "a:one")
      assert.strictEqual(yield* proxy.connections, 1)
    }).pipe(Effect.scoped)
  )

  it.live("delays each way by the latency; once that is lifted, what waits comes at once and in order", () =>
    Effect.gen(function* () {
      const { client, proxy, server } = yield* world
      yield* proxy.become({ _tag: "Slow", latency: 40 })
      const before = performance.now()
      yield* client.send("one")
      assert.strictEqual(yield* client.receive, "a:one")
      assert.isAtLeast(performance.now() - before, 79)
      yield* proxy.become({ _tag: "Slow", latency: 600_000 })
      yield* client.send("two,")
      // By the time that an answer came the direct way, the proxy has what was sent before.
      const direct = yield* connect(server.port)
      yield* direct.send("now")
      yield* direct.receive
      yield* proxy.become({ _tag: "Open" })
      yield* client.send("three")
      let text = ""
      while (!text.endsWith("three")) text += yield* client.receive
      assert.match(text, /^a:two,(?:a:)?three$/)
    }).pipe(Effect.scoped)
  )

  it.live("passes on no more than the bandwidth", () =>
    Effect.gen(function* () {
      const { client, proxy } = yield* world
      yield* proxy.become({ _tag: "Slow", bandwidth: 10_000 })
      const before = performance.now()
      yield* client.send("x".repeat(498))
      let length = 0
      while (length < 500) length += (yield* client.receive).length
      // 498 bytes one way and 500 back
      assert.isAtLeast(performance.now() - before, 98)
    }).pipe(Effect.scoped)
  )

  it.live(
    "half-open: takes bytes, also of new connections, closes nothing; what lost bytes is reset once used again",
    () =>
      Effect.gen(function* () {
        const { client, proxy } = yield* world
        yield* proxy.become({ _tag: "Swallow" })
        yield* client.send("lost")
        const other = yield* connect(proxy.port)
        yield* other.send("lost too")
        const answers = Effect.raceAll([client.receive, other.receive, client.ended, other.ended])
        assert.strictEqual(
          yield* Effect.timeoutOrElse(answers, { duration: 50, orElse: () => Effect.succeed("none") }),
          "none"
        )
        yield* proxy.become({ _tag: "Open" })
        yield* client.send("found")
        assert.include(yield* client.ended, "ECONNRESET")
        const third = yield* connect(proxy.port)
        yield* third.send("three")
        assert.strictEqual(yield* third.receive, "a:three")
      }).pipe(Effect.scoped)
  )

  it.live("resets all connections, and those that are made while it refuses", () =>
    Effect.gen(function* () {
      const { client, proxy } = yield* world
      yield* proxy.become({ _tag: "Refuse" })
      yield* proxy.reset
      assert.include(yield* client.ended, "ECONNRESET")
      const other = yield* connect(proxy.port)
      assert.include(yield* other.ended, "ECONNRESET")
      assert.strictEqual(yield* proxy.connections, 0)
    }).pipe(Effect.scoped)
  )

  it.live("resets in the middle of a reply", () =>
    Effect.gen(function* () {
      const { client, proxy } = yield* world
      yield* proxy.resetInReply
      yield* client.send("12345678")
      assert.strictEqual(yield* client.receive, "a:123")
      assert.include(yield* client.ended, "ECONNRESET")
    }).pipe(Effect.scoped)
  )

  it.live("sends new connections to another server, and leaves the open ones", () =>
    Effect.gen(function* () {
      const { client, proxy } = yield* world
      const second = yield* echo("b:")
      yield* proxy.switchTo(second.port)
      const other = yield* connect(proxy.port)
      yield* other.send("two")
      yield* client.send("one")
      assert.strictEqual(yield* other.receive, "b:two")
      assert.strictEqual(yield* client.receive, "a:one")
    }).pipe(Effect.scoped)
  )

  it.live("a server that is gone, or was never there, resets its clients", () =>
    Effect.gen(function* () {
      const { client, proxy, server } = yield* world
      yield* client.send("one")
      yield* client.receive
      server.close()
      assert.include(yield* client.ended, "ECONNRESET")
      const other = yield* connect(proxy.port)
      assert.include(yield* other.ended, "ECONNRESET")
    }).pipe(Effect.scoped)
  )

  it.live("leaves no handle open, whoever hangs up", () =>
    Effect.gen(function* () {
      for (const who of ["client", "server", "both"] as const) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { client, proxy, server } = yield* world
            yield* client.send("one")
            yield* client.receive
            if (who !== "server") yield* client.end
            if (who !== "client") server.close()
            yield* client.ended
            assert.strictEqual(yield* proxy.connections, 0)
          })
        )
      }
      const open = Effect.sync(() => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap"))
      yield* Effect.retry(
        Effect.filterOrFail(open, (sockets) => sockets.length === 0),
        { schedule: Schedule.spaced("10 millis"), times: 100 }
      )
    })
  )

  it.live("ends with its scope", () =>
    Effect.gen(function* () {
      const server = yield* echo("a:")
      const port = yield* Effect.scoped(Effect.map(TcpProxy.make(server.port), (proxy) => proxy.port))
      const refused = Effect.callback<string>((resume) => {
        const socket = createConnection({ host: "127.0.0.1", port })
        socket.on("error", (error) => resume(Effect.succeed(error.message)))
      })
      assert.include(yield* refused, "ECONNREFUSED")
    }).pipe(Effect.scoped)
  )
})
