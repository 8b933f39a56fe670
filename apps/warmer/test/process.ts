/**
 * The warmer as a real process.
 */
import { Deferred, Effect, Schedule, Schema } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

const main = join(import.meta.dirname, "../src/main.ts")

// Whatever runs the program again finds it compiled.
const compiled = join(import.meta.dirname, "../node_modules/.cache/compiled")

const start = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>>, folder?: string) =>
  spawn(process.execPath, ["--conditions=@letletme/source", main, ...args], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    // No setting of the machine's may reach the process: a test states its own.
    env: { PATH: process.env["PATH"] ?? "", NODE_COMPILE_CACHE: compiled, ...env }
  })

const collect = (child: ChildProcess) => {
  let stdout = ""
  let stderr = ""
  const ended = Deferred.makeUnsafe<number>()
  child.stdout?.on("data", (data: Buffer) => {
    stdout += data.toString()
  })
  child.stderr?.on("data", (data: Buffer) => {
    stderr += data.toString()
  })
  child.on("close", (code) => Deferred.doneUnsafe(ended, Effect.succeed(code ?? -1)))
  return { stdout: Effect.sync(() => stdout), stderr: Effect.sync(() => stderr), ended: Deferred.await(ended) }
}

/** Runs a command to its end. */
export const run = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
  Effect.scoped(
    Effect.gen(function* () {
      const child = yield* Effect.acquireRelease(
        Effect.sync(() => start(args, env)),
        (running) => Effect.sync(() => running.kill("SIGKILL"))
      )
      const output = collect(child)
      const code = yield* output.ended
      return { code, stdout: yield* output.stdout, stderr: yield* output.stderr }
    })
  )

/** Runs a command in a folder of its own, and answers what it left there and in the folder of temporary files. */
const runAlone = (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>,
  attend: (child: ChildProcess) => Effect.Effect<void>
) =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.promise(() => mkdtemp(join(tmpdir(), "warmer-"))),
      (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
    )
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => start(args, { ...env, TMPDIR: folder }, folder)),
      (running) => Effect.sync(() => running.kill("SIGKILL"))
    )
    const output = collect(child)
    yield* attend(child)
    const code = yield* output.ended
    const left = yield* Effect.promise(() => readdir(folder))
    return { code, left, stdout: yield* output.stdout, stderr: yield* output.stderr }
  }).pipe(Effect.scoped)

/** Runs a command whose standard output nobody reads: the pipe is closed before anything is written. */
export const unread = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) =>
  runAlone(args, env, (child) => Effect.sync(() => child.stdout?.destroy()))

/** Runs a command that is sent SIGINT at that moment. */
export const interrupted = (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>,
  at: Effect.Effect<void>
) =>
  runAlone(args, env, (child) =>
    Effect.andThen(
      at,
      Effect.sync(() => child.kill("SIGINT"))
    )
  )

/** Starts a command that goes on; it is killed with the scope. */
export const daemon = Effect.fnUntraced(function* (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {}
) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => start(args, env)),
    (running) => Effect.sync(() => running.kill("SIGKILL"))
  )
  const output = collect(child)
  const both = Effect.zipWith(output.stdout, output.stderr, (out, err) => out + err)
  /** Where its server listens, once it says so. */
  const address = Effect.retry(
    Effect.flatMap(both, (text) => {
      const found = /http:\/\/127\.0\.0\.1:\d+(?=\/health\/ready)/.exec(text)?.[0]
      return found === undefined ? Effect.fail(`No address in: ${text}`) : Effect.succeed(found)
    }),
    within
  )
  return { ...output, address, signal: (name: NodeJS.Signals) => Effect.sync(() => child.kill(name)) }
})

/** Tries every 50 ms, for at most 20 seconds. */
export const within = { schedule: Schedule.spaced("50 millis"), times: 400 }

const Ready = Schema.fromJsonString(
  Schema.Struct({
    status: Schema.Literals(["starting", "ready", "degraded", "stopping"]),
    reasons: Schema.Array(Schema.String),
    advice: Schema.Array(Schema.Struct({ check: Schema.String, remedy: Schema.String })),
    rotation: Schema.NullOr(
      Schema.Struct({
        key: Schema.String,
        state: Schema.Literals(["running", "waiting", "done"]),
        progress: Schema.Struct({ renewed: Schema.Int, removed: Schema.Int })
      })
    ),
    warmed: Schema.NullOr(Schema.Struct({ path: Schema.String, entries: Schema.Int, loaded: Schema.Int }))
  })
)

/** Asks an address, and answers status and body. */
export const ask = (url: string) =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(url, { signal })
      return { status: response.status, body: await response.text() }
    },
    catch: (error) => `No answer from ${url}: ${String(error)}`
  })

/** Waits until `/health/ready` says so. */
export const health = (address: string, status: "ready" | "degraded") =>
  ask(`${address}/health/ready`).pipe(
    Effect.flatMap(({ body }) => Schema.decodeEffect(Ready)(body)),
    Effect.filterOrFail(
      (ready) => ready.status === status,
      (ready) => `It is ${ready.status}: ${ready.reasons.join(", ")}`
    ),
    Effect.retry(within)
  )
