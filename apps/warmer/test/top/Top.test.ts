import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import { CacheManager, ErrorFlow, Leadership, Tag } from "@letletme/cache"
import { ExitCode } from "@letletme/command"
import { graph } from "@letletme/fpl"
import { TcpProxy } from "@letletme/testing"
import * as App from "@letletme/warmer/App"
import { Health } from "@letletme/warmer/Health"
import * as Live from "@letletme/warmer/live/Live"
import { Overview } from "@letletme/warmer/live/Overview"
import * as Recoveries from "@letletme/warmer/Recoveries"
import * as Source from "@letletme/warmer/Source"
import { type Cause, Deferred, Effect, Fiber, Layer, Option, Queue, Schema, Terminal } from "effect"
import { CliOutput } from "effect/cli"
import { HttpRouter, HttpServer } from "effect/http"
import { createServer } from "node:http"
import { runHere } from "../inProcess.ts"

const shared = { deductions: Option.none(), source: "simulated", season: Option.none() }

const app = HttpRouter.serve(Live.layer, { disableListenLog: true, disableLogger: true }).pipe(
  Layer.provideMerge(
    NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1", gracefulShutdownTimeout: "200 millis" })
  ),
  Layer.provideMerge(Health.layer),
  Layer.provideMerge(ErrorFlow.layer()),
  Layer.provideMerge(Recoveries.layer),
  Layer.provideMerge(Leadership.layer()),
  Layer.provideMerge(
    App.layerWithSeason(shared, { _tag: "Memory" }, { _tag: "Memory" }, Source.layer(shared, { speed: 1, seed: 1 }))
  ),
  Layer.provideMerge(NodeServices.layer)
)

const address = Effect.map(HttpServer.HttpServer, (server) => HttpServer.formatAddress(server.address))

const entered = "\u001b[?1049h"
const left = "\u001b[?25h\u001b[?1049l"

/** A terminal that a test types into and resizes, and whose output it reads. */
const makeTerminal = Effect.gen(function* () {
  const input = yield* Queue.make<Terminal.UserInput, Cause.Done>()
  const sizes = yield* Queue.sliding<Terminal.Size, Cause.Done>(1)
  let size = { columns: 80, rows: 24 }
  let written = ""
  const waiting: Array<{ readonly isThere: (text: string) => boolean; readonly found: Deferred.Deferred<string> }> = []
  const terminal = Terminal.make({
    columns: Effect.sync(() => size.columns),
    rows: Effect.sync(() => size.rows),
    size: Effect.succeed(sizes),
    readInput: Effect.succeed(input),
    readLine: Effect.never,
    display: (text) =>
      Effect.sync(() => {
        written += text
        for (const { found, isThere } of waiting) {
          if (isThere(text)) Deferred.doneUnsafe(found, Effect.succeed(text))
        }
      })
  })
  /** The first output from now on that is as wanted. */
  const until = (isThere: (text: string) => boolean) =>
    Effect.suspend(() => {
      const found = Deferred.makeUnsafe<string>()
      waiting.push({ isThere, found })
      return Deferred.await(found)
    })
  const press = (name: string, ctrl = false) =>
    Queue.offer(input, { input: Option.none(), key: { name, ctrl, meta: false, shift: false } })
  const resize = (columns: number, rows: number) =>
    Effect.suspend(() => {
      size = { columns, rows }
      return Queue.offer(sizes, size)
    })
  return { terminal, until, press, resize, written: Effect.sync(() => written) }
})

// oxlint-disable-next-line no-control-regex -- the codes of a terminal are what is taken away
const linesOf = (frame: string) => frame.replaceAll(/\u001b\[[\d;?]*[a-zA-Z]/g, "").split("\r\n")

layer(app, { excludeTestServices: true, timeout: "60 seconds" })("top", (it) => {
  it.effect("answers once where there is no terminal: as text, or as JSON", () =>
    Effect.gen(function* () {
      const at = yield* address
      const text = yield* runHere(["top", "--at", at])
      assert.strictEqual(text.code, ExitCode.done, text.stderr)
      assert.notInclude(text.stdout, "\u001b")
      assert.match(text.stdout, /^domain +hit % +near\/s/m)
      assert.match(text.stdout, /^log at \d+ {3}lag 0/m)
      const json = yield* runHere(["top", "--at", at, "--json"])
      const { domains } = yield* Schema.decodeEffect(Schema.fromJsonString(Overview))(json.stdout)
      assert.deepStrictEqual(
        domains.map(({ name }) => name),
        [...graph.domains]
      )
    })
  )

  it.effect("says what to do where nobody answers, and what an address is", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runHere(["top", "--at", "http://127.0.0.1:1"])
      assert.deepStrictEqual([code, stdout], [ExitCode.failed, ""])
      assert.match(stderr, /No warmer answers at http:\/\/127\.0\.0\.1:1 .*--at/)
      assert.strictEqual((yield* runHere(["top", "--at", "nonsense"])).code, ExitCode.usage)
    })
  )

  it.effect("draws what happens, fits a new size, and gives the screen back at q", () =>
    Effect.gen(function* () {
      const { press, resize, terminal, until, written } = yield* makeTerminal
      const manager = yield* CacheManager
      const first = yield* Effect.forkChild(until((text) => text.includes("domain")))
      const running = yield* Effect.forkChild(runHere(["top", "--at", yield* address], {}, { terminal }))
      const frame = linesOf(yield* Fiber.join(first))
      assert.isTrue((yield* written).startsWith(`${entered}\u001b[?25l`))
      for (const line of frame) assert.isAtMost(CliOutput.displayWidth(line), 80)

      const told = yield* Effect.forkChild(until((text) => text.includes("top test by")))
      yield* manager.invalidate({ primary: Tag.of("team", "2030-31:7") }, { cause: "top test" })
      assert.include(yield* Fiber.join(told), "team:2030-31:7")

      const narrow = yield* Effect.forkChild(until((text) => linesOf(text).length <= 10))
      yield* resize(40, 10)
      for (const line of linesOf(yield* Fiber.join(narrow))) assert.isAtMost(CliOutput.displayWidth(line), 40)

      yield* press("q")
      const { code, stderr } = yield* Fiber.join(running)
      assert.deepStrictEqual([code, stderr], [ExitCode.done, ""])
      assert.isTrue((yield* written).endsWith(left))
    })
  )

  it.effect("says that the connection is lost, and goes on when it is back", () =>
    Effect.gen(function* () {
      const { press, terminal, until } = yield* makeTerminal
      const proxy = yield* TcpProxy.make(Number(new URL(yield* address).port))
      const at = `http://127.0.0.1:${proxy.port}`
      const first = yield* Effect.forkChild(until((text) => text.includes("domain")))
      const running = yield* Effect.forkChild(runHere(["top", "--at", at], {}, { terminal }))
      yield* Fiber.join(first)
      const lost = yield* Effect.forkChild(until((text) => text.includes("! It ")))
      yield* proxy.become({ _tag: "Refuse" })
      yield* proxy.reset
      yield* Fiber.join(lost)
      const back = yield* Effect.forkChild(until((text) => !text.includes("! It ")))
      yield* proxy.become({ _tag: "Open" })
      yield* Fiber.join(back)
      yield* press("escape")
      assert.strictEqual((yield* Fiber.join(running)).code, ExitCode.done)
    }).pipe(Effect.scoped)
  )

  it.effect("gives the screen back at Ctrl-C, and ends as interrupted", () =>
    Effect.gen(function* () {
      const { press, terminal, until, written } = yield* makeTerminal
      const first = yield* Effect.forkChild(until((text) => text.includes("domain")))
      const running = yield* Effect.forkChild(runHere(["top", "--at", yield* address], {}, { terminal }))
      yield* Fiber.join(first)
      yield* press("c", true)
      assert.strictEqual((yield* Fiber.join(running)).code, ExitCode.interrupted)
      assert.isTrue((yield* written).endsWith(left))
    })
  )
})
