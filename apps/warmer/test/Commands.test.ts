import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it, layer } from "@effect/vitest"
import { ExitCode } from "@letletme/command"
import { RedisServer } from "@letletme/testing"
import { warmer } from "@letletme/warmer/cli/Warmer"
import { Context, Deferred, Effect, FileSystem, Layer } from "effect"
import { CliOutput, type Command } from "effect/cli"
import { createServer as createHttpServer } from "node:http"
import { createServer, type Server } from "node:net"
import { runHere } from "./inProcess.ts"
import { interrupted, unread } from "./process.ts"
import { recording } from "./recording.ts"
import { overview } from "./top/overview.ts"

/** What the commands are tried with: a recorded season, a Redis that holds it, and a backup of that. */
interface Places {
  readonly folder: string
  readonly url: string
  readonly file: string
  /** Where a warmer tells its overview. */
  readonly warmer: string
}

interface Trial {
  /** What has it answer something. */
  readonly answers: (places: Places) => ReadonlyArray<string>
  /** Its answer is for a machine, or to be copied: its lines are as long as they are. */
  readonly isForMachines?: boolean
  /** What has it wait until it is interrupted; none for one that waits for nothing. */
  readonly waits?: (places: Places, silent: string) => ReadonlyArray<string>
}

const source = ({ folder }: Places) => ["--source", folder]
const stored = (places: Places) => [...source(places), "--store", places.url]
const waiting = (places: Places, silent: string) => [...source(places), "--store", silent]

/** A command that looks at, or changes, what a store holds. */
const over = (...args: ReadonlyArray<string>): Trial => ({
  answers: (places) => [...args, ...stored(places)],
  waits: (places, silent) => [...args, ...waiting(places, silent)]
})

const trials: Readonly<Record<string, Trial>> = {
  run: {
    answers: (places) => ["run", "--port", "0", ...source(places)],
    waits: (places, silent) => ["run", "--port", "0", ...waiting(places, silent)]
  },
  warm: over("warm"),
  replay: {
    answers: ({ folder }) => ["replay", folder],
    waits: ({ folder }, silent) => ["replay", folder, "--store", silent]
  },
  verify: over("verify"),
  backup: {
    answers: (places) => ["backup", places.file, ...stored(places)],
    waits: (places, silent) => ["backup", places.file, ...waiting(places, silent)]
  },
  restore: {
    answers: (places) => ["restore", places.file, ...stored(places)],
    waits: (places, silent) => ["restore", places.file, ...waiting(places, silent)]
  },
  rotate: over("rotate"),
  top: {
    answers: ({ warmer: at }) => ["top", "--at", at],
    waits: (_, silent) => ["top", "--at", silent.replace("redis:", "http:")]
  },
  doctor: {
    answers: ({ url }) => ["doctor", "--store", url],
    waits: (_, silent) => ["doctor", "--store", silent]
  },
  table: over("table"),
  get: { ...over("get", "match:2030-31:17"), isForMachines: true },
  explain: over("explain", "match:2030-31:17"),
  inspect: over("inspect", "standing:*"),
  diff: over("diff"),
  graph: { answers: () => ["graph"] },
  acl: { answers: () => ["acl"], isForMachines: true }
}

const keys = { CACHE_ENCRYPTION_KEYS: `k1:${Buffer.alloc(32, 1).toString("base64")}` }

/** The commands that are no group of others, by their names. */
const leaves = (command: Command.Command.Any, path: ReadonlyArray<string>): ReadonlyArray<string> => {
  const below = command.subcommands.flatMap(({ commands }) => commands)
  return below.length === 0 ? [path.join(" ")] : below.flatMap((one) => leaves(one, [...path, one.name]))
}
const names = leaves(warmer, [])

const listen = (server: Server) =>
  Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
      })
    }),
    () => Effect.sync(() => server.close())
  )

/** A server that takes connections and never answers; and when one was made. */
const silence = Effect.gen(function* () {
  const asked = yield* Deferred.make<void>()
  const server = createServer((socket) => {
    socket.on("error", () => undefined)
    Deferred.doneUnsafe(asked, Effect.void)
  })
  return { url: `redis://127.0.0.1:${yield* listen(server)}`, asked: Deferred.await(asked) }
})

/** Tells the same overview to whoever asks for anything. */
const teller = createHttpServer((_, response) => {
  response.setHeader("content-type", "application/json").end(JSON.stringify(overview(10_000, 90)))
})

class Trials extends Context.Service<Trials, Places>()("test/Trials") {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const { url } = yield* RedisServer
      const files = yield* FileSystem.FileSystem
      const places = {
        folder: yield* recording,
        url,
        file: `${yield* files.makeTempDirectoryScoped()}/season.backup`,
        warmer: `http://127.0.0.1:${yield* listen(teller)}`
      }
      yield* runHere(["warm", ...stored(places)], keys)
      yield* runHere(["backup", places.file, ...stored(places)], keys)
      return Trials.of(places)
    })
  ).pipe(Layer.provide(RedisServer.layer), Layer.provide(NodeFileSystem.layer))
}

describe("every command", () => {
  it("is tried here", () => {
    // Those of `admin` call a server: `admin/Cli.test.ts` tries them.
    const those = names.filter((name) => !name.startsWith("admin "))
    assert.deepStrictEqual(those.toSorted(), Object.keys(trials).toSorted())
  })

  it.effect.each(names)("%s: help with an example, in 80 columns, without colours", (name) =>
    Effect.gen(function* () {
      const { code, stdout } = yield* runHere([...name.split(" "), "--help"])
      assert.strictEqual(code, ExitCode.done)
      assert.match(stdout, /^DESCRIPTION\n {2}\S/)
      assert.match(stdout, new RegExp(`^EXAMPLES\n {2}\\S.*\n {4}warmer ${name}`, "m"))
      assert.notInclude(stdout, "\u001b")
      const long = stdout.split("\n").filter((line) => CliOutput.displayWidth(line) > 80)
      assert.deepStrictEqual(long, [])
      assert.include((yield* runHere([...name.split(" "), "--help"], {}, { canColor: true })).stdout, "\u001b[1m")
    })
  )
})

layer(Trials.layer, { excludeTestServices: true })("every command, in use", (it) => {
  it.effect("answers in 80 columns", () =>
    Effect.gen(function* () {
      const places = yield* Trials
      for (const [name, { answers, isForMachines = false }] of Object.entries(trials)) {
        if (name === "run" || isForMachines) continue
        const { code, stderr, stdout } = yield* runHere(answers(places), keys)
        assert.strictEqual(code, ExitCode.done, `${name}: ${stderr}`)
        assert.isAbove(stdout.length, 0, name)
        const long = stdout.split("\n").filter((line) => CliOutput.displayWidth(line) > 80)
        assert.deepStrictEqual(long, [], name)
      }
    })
  )

  it.effect(
    "stops quietly when nobody reads what it prints, and leaves nothing behind",
    () =>
      Effect.gen(function* () {
        const places = yield* Trials
        const outcomes = yield* Effect.forEach(
          Object.entries(trials),
          ([name, { answers }]) =>
            Effect.map(unread(answers(places), keys), ({ code, left, stderr }) => ({
              name,
              code,
              left,
              complaint: /EPIPE|level=ERROR|^ +at /m.exec(stderr)?.[0]
            })),
          { concurrency: 2 }
        )
        const expected = Object.keys(trials).map((name) => ({
          name,
          code: ExitCode.pipeClosed,
          left: [],
          complaint: undefined
        }))
        assert.deepStrictEqual(outcomes, expected)
      }),
    // Each is a process of its own.
    120_000
  )

  it.effect(
    "ends at Ctrl-C, and leaves nothing behind",
    () =>
      Effect.gen(function* () {
        const places = yield* Trials
        const those = Object.entries(trials).filter(([, { waits }]) => waits !== undefined)
        const outcomes = yield* Effect.forEach(
          those,
          Effect.fnUntraced(function* ([name, { waits }]) {
            const { asked, url } = yield* silence
            const { code, left, stdout } = yield* interrupted(waits?.(places, url) ?? [], keys, asked)
            return { name, code, left, stdout }
          }, Effect.scoped),
          { concurrency: 2 }
        )
        assert.deepStrictEqual(
          outcomes,
          those.map(([name]) => ({ name, code: ExitCode.interrupted, left: [], stdout: "" }))
        )
      }),
    // Each is a process of its own.
    120_000
  )
})
