import { assert, describe, it } from "@effect/vitest"
import { ExitCode } from "@letletme/command"
import { Deferred, Effect } from "effect"
import { spawn } from "node:child_process"
import { join } from "node:path"

const program = join(import.meta.dirname, "fixtures/program.ts")

interface Reader {
  readonly onStart?: (child: ReturnType<typeof spawn>) => void
  /** What the reader does with each piece of standard output. */
  readonly onOutput?: (child: ReturnType<typeof spawn>) => void
  readonly env?: Readonly<Record<string, string>>
}

const run = (args: ReadonlyArray<string>, { env = {}, onOutput, onStart }: Reader = {}) =>
  Effect.scoped(
    Effect.gen(function* () {
      const child = yield* Effect.acquireRelease(
        Effect.sync(() =>
          spawn(process.execPath, ["--conditions=@letletme/source", program, ...args], {
            stdio: ["ignore", "pipe", "pipe"],
            env: { PATH: process.env["PATH"] ?? "", ...env }
          })
        ),
        (running) => Effect.sync(() => running.kill("SIGKILL"))
      )
      onStart?.(child)
      let [stdout, stderr] = ["", ""]
      child.stdout.on("data", (data: Buffer) => {
        stdout += data.toString()
        onOutput?.(child)
      })
      child.stderr.on("data", (data: Buffer) => {
        stderr += data.toString()
      })
      const ended = Deferred.makeUnsafe<number>()
      child.on("close", (code) => Deferred.doneUnsafe(ended, Effect.succeed(code ?? -1)))
      return { code: yield* Deferred.await(ended), stdout, stderr }
    })
  )

describe("a process ends with a code that says how", () => {
  it.live("done: the answer is all that standard output has", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* run(["answer"]), { code: ExitCode.done, stdout: "the answer\n", stderr: "" })
    })
  )

  it.live("failed: the message on standard error, without a trace", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* run(["fail"])
      assert.deepStrictEqual([code, stdout], [ExitCode.failed, ""])
      assert.match(stderr, /^timestamp=\S+ level=ERROR .*message="It did not go well\."\n$/)
    })
  )

  it.live("a mistake of the program's: with a trace", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* run(["defect"])
      assert.strictEqual(code, ExitCode.failed)
      assert.match(stderr, /a mistake.*program\.ts/s)
    })
  )

  it.live("not understood: nothing on standard output, and where help is", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* run(["count", "--to", "many"])
      assert.deepStrictEqual([code, stdout], [ExitCode.usage, ""])
      assert.match(stderr, /--to.*See: program count --help/s)
      assert.strictEqual((yield* run(["nothing"])).code, ExitCode.usage)
      const setting = yield* run(["setting"], { env: { PROGRAM_COUNT: "many" } })
      assert.strictEqual(setting.code, ExitCode.usage)
      assert.include(setting.stderr, "PROGRAM_COUNT")
    })
  )

  it.live("colours are for those who want them: NO_COLOR goes first", () =>
    Effect.gen(function* () {
      const wanted = { FORCE_COLOR: "1" }
      assert.include((yield* run(["--help"], { env: wanted })).stdout, "\u001b[1mUSAGE")
      assert.notInclude((yield* run(["--help"], { env: { ...wanted, NO_COLOR: "1" } })).stdout, "\u001b")
    })
  )

  it.live("interrupted and terminated: what was to be done at the end is done", () =>
    Effect.gen(function* () {
      for (const [signal, expected] of [
        ["SIGINT", ExitCode.interrupted],
        ["SIGTERM", ExitCode.terminated]
      ] as const) {
        const { code, stderr } = yield* run(["wait"], { onOutput: (child) => child.kill(signal) })
        assert.deepStrictEqual([code, stderr], [expected, "cleaned up\n"])
      }
    })
  )

  it.live("the reader went away: it stops, cleans up, and says nothing", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* run(["flood"], { onOutput: (child) => child.stdout?.destroy() })
      assert.deepStrictEqual([code, stderr], [ExitCode.pipeClosed, "cleaned up\n"])
    })
  )

  it.live("nobody ever read: one that had ended by then says so all the same", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* run(["answer"], { onStart: (child) => child.stdout?.destroy() })
      assert.deepStrictEqual([code, stderr], [ExitCode.pipeClosed, ""])
    })
  )
})
