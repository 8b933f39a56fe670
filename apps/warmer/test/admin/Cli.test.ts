import { assert, describe, it, layer } from "@effect/vitest"
import { ExitCode } from "@letletme/command"
import { CacheManager, Tag } from "@letletme/cache"
import { Audit } from "@letletme/warmer/admin/Audit"
import { command } from "@letletme/warmer/cli/Administering"
import { log } from "@letletme/warmer/commands/admin/log"
import { ConfigProvider, Console, Effect, Fiber, Logger, Option, Queue, Schema } from "effect"
import { CliOutput } from "effect/cli"
import { HttpServer } from "effect/http"
import { createServer } from "node:http"
import { runHere } from "../inProcess.ts"
import { interrupted, unread, within } from "../process.ts"
import { held, secret, server } from "./server.ts"

const env = Effect.map(HttpServer.HttpServer, ({ address }) => ({
  LETLETME_ADMIN_TOKEN: secret,
  LETLETME_ADMIN_URL: HttpServer.formatAddress(address)
}))

/** Runs `warmer admin` with these arguments, against the server in context. */
const admin = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  return yield* runHere(["admin", ...args], yield* env)
})

const team = "team:2030-31:7"

interface Trial {
  readonly args: ReadonlyArray<string>
  readonly says: RegExp
  /** What its JSON document has. */
  readonly document?: Schema.ConstraintDecoder<unknown>
  readonly code?: number
}

const action = (outcome: string) =>
  Schema.Struct({
    state: Schema.Literal("done"),
    failure: Schema.Null,
    outcome: Schema.Struct({ _tag: Schema.Literal(outcome) })
  })

/** In an order in which each finds what it needs. */
const trials: Readonly<Record<string, Trial>> = {
  warm: { args: ["warm"], says: /^\d+ entries, [1-9]\d* of them loaded/, document: action("Warmed") },
  repair: { args: ["repair"], says: /^\d+ entries in \d+ ms/, document: action("Repaired") },
  verify: { args: ["verify"], says: /^\d+ entries in \d+ ms/, document: action("Verified") },
  invalidate: {
    args: ["invalidate", team, "--dry-run"],
    says: /^Nothing was changed(?:.|\n)*^match +38$/m,
    document: Schema.Struct({ position: Schema.Null, reach: Schema.Struct({ team: Schema.Literal(1) }) })
  },
  explain: {
    args: ["explain", team],
    says: /^team:2030-31:7 is fresh/,
    document: Schema.Struct({ state: Schema.Literal("fresh") })
  },
  rotate: { args: ["rotate"], says: /^$/, code: ExitCode.refused },
  recover: { args: ["recover", "performance"], says: /^resolved, by 0 remedies$/m, document: action("Recovered") },
  maintenance: {
    args: ["maintenance", "begin"],
    says: /^resolved, by 0 remedies$/m,
    document: action("Maintained")
  },
  handover: {
    args: ["handover"],
    says: /^There is no other candidate/,
    document: Schema.Struct({ isAnother: Schema.Literal(false) })
  },
  reload: {
    args: ["reload"],
    says: /^in force now +nothing$/m,
    document: Schema.Struct({ applied: Schema.Tuple([]) })
  },
  log: { args: ["log"], says: /^1 {2}lead / },
  actions: {
    args: ["actions"],
    says: /^maintenance-\d+ +done/m,
    document: Schema.Array(Schema.Struct({ id: Schema.String, outcome: Schema.Unknown }))
  },
  audit: {
    args: ["audit"],
    says: /^\S+Z {2}202 {2}[0-9a-f]{8} {2}POST \/admin\/warm$/m,
    document: Schema.Array(Schema.Struct({ who: Schema.String, status: Schema.Int }))
  }
}

const Line = Schema.fromJsonString(
  Schema.Struct({
    data: Schema.Struct({ position: Schema.Int, tags: Schema.Array(Schema.String), cause: Schema.String })
  })
)

describe("warmer admin", () => {
  it("has no command that is not tried here", () => {
    const names = command.subcommands.flatMap(({ commands }) => commands.map(({ name }) => name))
    assert.deepStrictEqual(names.toSorted(), Object.keys(trials).toSorted())
  })
})

layer(server({ limits: { requests: 1_000 } }), { excludeTestServices: true })("warmer admin", (it) => {
  for (const [name, { args, code = ExitCode.done, document, says }] of Object.entries(trials)) {
    it.effect(`${name}: in 80 columns for a person, one document with --json`, () =>
      Effect.gen(function* () {
        const said = yield* admin(...args)
        assert.strictEqual(said.code, code, said.stderr)
        assert.match(said.stdout, says)
        if (name !== "log") {
          assert.deepStrictEqual(
            said.stdout.split("\n").filter((line) => CliOutput.displayWidth(line) > 80),
            []
          )
        }
        if (document === undefined) return
        const { stdout } = yield* admin(...args, "--json")
        yield* Schema.decodeEffect(Schema.fromJsonString(document))(stdout)
      })
    )
  }

  it.effect("invalidates with a cause, and the log has it, a document on each line", () =>
    Effect.gen(function* () {
      const before = yield* CacheManager.use((manager) => manager.position)
      const done = yield* admin("invalidate", team, "team:2030-31:8", "--cause", "a wrong \u001b name", "--no-cascade")
      assert.strictEqual(done.code, ExitCode.usage)
      assert.include(done.stderr, "Expected 1 to 200 characters on one line")
      assert.strictEqual(yield* CacheManager.use((manager) => manager.position), before)
      const { stdout } = yield* admin("invalidate", team, "--cause", "a wrong name", "--no-cascade")
      assert.strictEqual(stdout, `Invalidated at ${before + 1}:\n\n${team}`)
      const printed = yield* admin("log", "--from", `${before}`, "--json")
      const { data } = yield* Schema.decodeEffect(Line)(printed.stdout)
      assert.deepStrictEqual(data, { position: before + 1, tags: [team], cause: "a wrong name" })
    })
  )

  it.effect("begins an action without waiting for it, and ends a window that is none with a refusal", () =>
    Effect.gen(function* () {
      const begun = yield* admin("verify", "--no-wait")
      assert.match(begun.stdout, /^verify-\d+ is running\.$/)
      assert.strictEqual(begun.code, ExitCode.done)
      const { code, stderr } = yield* admin("maintenance", "end")
      assert.strictEqual(code, ExitCode.refused)
      assert.include(stderr, "No maintenance is under way.")
      assert.match((yield* admin("maintenance")).stdout, /^maintenance-\d+ +done/m)
    })
  )

  it.effect("says why it did not do it, by its exit code too, and never the token", () =>
    Effect.gen(function* () {
      const own = yield* env
      const refused: ReadonlyArray<readonly [ReadonlyArray<string>, Record<string, string>, number, string]> = [
        [["actions"], { ...own, LETLETME_ADMIN_TOKEN: "x".repeat(40) }, ExitCode.refused, "another token"],
        [["actions"], { ...own, LETLETME_ADMIN_TOKEN: "too-short" }, ExitCode.usage, "at least 32 characters"],
        [["actions"], { LETLETME_ADMIN_URL: own.LETLETME_ADMIN_URL }, ExitCode.usage, "LETLETME_ADMIN_TOKEN: state"],
        [["actions", "--url", "http://127.0.0.1:1"], own, ExitCode.unreachable, "No warmer answers"],
        [["actions", "--url", "http://warmer.example"], own, ExitCode.usage, "over plain HTTP"],
        [["actions", "--url", "nonsense"], own, ExitCode.usage, "--url: expected an address"],
        [["explain", "player:1"], own, ExitCode.refused, "no key of an open domain"],
        [["explain", "match:*:28"], own, ExitCode.usage, ""],
        [["invalidate"], own, ExitCode.usage, ""],
        [["recover", "everything"], own, ExitCode.usage, ""],
        [["log", "--from", "-1"], own, ExitCode.usage, ""]
      ]
      const before = yield* held
      for (const [args, variables, code, words] of refused) {
        const answer = yield* runHere(["admin", ...args], variables)
        assert.strictEqual(answer.code, code, args.join(" "))
        assert.include(answer.stderr, words)
        assert.strictEqual(answer.stdout, "")
        assert.notInclude(answer.stderr, variables["LETLETME_ADMIN_TOKEN"] ?? secret)
      }
      assert.deepStrictEqual(yield* held, before)
    })
  )

  it.effect("follows the log over a connection that is lost: what it heard last is where it goes on", () =>
    Effect.gen(function* () {
      const asked = yield* Queue.unbounded<string | undefined>()
      const lossy = createServer((request, response) => {
        const after = request.headers["last-event-id"]
        Queue.offerUnsafe(asked, typeof after === "string" ? after : undefined)
        const position = Number(after ?? 6) + 1
        const data = JSON.stringify({ position, tags: [team], cause: "a cause\u001b[31m", by: "w1" })
        response.writeHead(200, { "content-type": "text/event-stream" })
        response.end(`id: ${position}\nevent: entry\ndata: ${data}\n\n`)
      })
      const port = yield* Effect.acquireRelease(
        Effect.callback<number>((resume) => {
          lossy.listen(0, "127.0.0.1", () => {
            const address = lossy.address()
            resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
          })
        }),
        () => Effect.sync(() => lossy.close())
      )
      const url = `http://127.0.0.1:${port}`
      const printed: Array<string> = []
      const console = { ...globalThis.console, log: (text: string) => printed.push(text) }
      const options = { url: new URL(url), json: false, follow: true }
      const following = yield* log(options, Option.none()).pipe(
        Effect.provide(Logger.layer([])),
        Effect.provideService(Console.Console, console),
        Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: yield* env })),
        Effect.forkChild
      )
      assert.deepStrictEqual(yield* Queue.takeN(asked, 3), [undefined, "7", "8"])
      yield* Fiber.interrupt(following)
      // What came from afar does not steer a terminal.
      assert.deepStrictEqual(printed.slice(0, 2), [`7  a cause?[31m (w1)  ${team}`, `8  a cause?[31m (w1)  ${team}`])
    }).pipe(Effect.scoped)
  )

  it.effect("stops at Ctrl-C, and quietly where nobody reads it", () =>
    Effect.gen(function* () {
      const own = yield* env
      const manager = yield* CacheManager
      // It follows once it has asked for the log.
      const following = (yield* Audit).recent.pipe(
        Effect.filterOrFail(([last]) => last?.what === "GET /admin/log"),
        Effect.retry(within),
        Effect.asVoid,
        Effect.orDie
      )
      yield* manager.invalidate({ primary: Tag.of("team", "1") })
      const closed = yield* unread(["admin", "log"], own)
      assert.deepStrictEqual([closed.code, closed.left, closed.stderr], [ExitCode.pipeClosed, [], ""])
      yield* admin("actions")
      const ended = yield* interrupted(["admin", "log", "--follow"], own, following)
      assert.deepStrictEqual([ended.code, ended.left, ended.stderr], [ExitCode.interrupted, [], ""])
    })
  )
})
