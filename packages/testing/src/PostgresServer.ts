/**
 * A real Postgres for the life of a layer: its own cluster in a folder of its own, killed and cleaned up at the end.
 */
import { Config, Context, Effect, Layer, Option, Schedule, Schema } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { chown, mkdtemp, rm } from "node:fs/promises"
import { createConnection } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "./RedisProcess.ts"

/** No server could be started: the message says what to do. */
export class PostgresServerError extends Schema.TaggedError<PostgresServerError>()("PostgresServerError", {
  message: Schema.String
}) {}

// The folder of its programs, set by the test bootstrap where they are not on PATH.
const programs = Config.String("LETLETME_POSTGRES_BIN").pipe(Config.withDefault(""))

// It refuses to run as root: the user whom every system has takes its place.
const nobody = 65_534
const identity = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}

const ended = (child: ChildProcess) =>
  Effect.callback<number | null>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.succeed(child.exitCode))
    child.once("exit", (code) => resume(Effect.succeed(code)))
    child.once("error", () => resume(Effect.succeed(null)))
  })

// A startup message of protocol 3.0: https://www.postgresql.org/docs/current/protocol-message-formats.html
const settings = Buffer.from("user\0postgres\0database\0postgres\0\0")
const greeting = Buffer.concat([Buffer.from([0, 0, 0, 8 + settings.length, 0, 3, 0, 0]), settings])
// It asks for authentication, and is at work: while it starts up, or recovers, it answers with an error.
const authentication = "R"

/** Whether it takes sessions. */
const answers = (port: number) =>
  Effect.callback<void, PostgresServerError>((resume) => {
    const fail = (message: string) => resume(Effect.fail(new PostgresServerError({ message })))
    const socket = createConnection({ host: "127.0.0.1", port }, () => socket.write(greeting))
    socket.once("data", (answer) => {
      socket.destroy()
      if (answer.toString("latin1", 0, 1) === authentication) resume(Effect.void)
      else fail(answer.toString("latin1"))
    })
    socket.on("error", ({ message }) => fail(message))
  })

/**
 * A Postgres that tests may mistreat.
 */
export class PostgresServer extends Context.Service<
  PostgresServer,
  {
    readonly url: string
    /** Ends it without warning, as a crash does. */
    readonly kill: Effect.Effect<void>
    /** Starts it again on the same port and data. */
    readonly start: Effect.Effect<void, PostgresServerError>
    /** Stops its main process and the sessions, which answer nothing, and lets them go on. */
    readonly pause: Effect.Effect<void>
    readonly resume: Effect.Effect<void>
  }
>()("@letletme/testing/PostgresServer") {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const folder = yield* programs
      const port = yield* freePort
      const home = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "postgres-"))),
        (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
      )
      if (identity.uid !== undefined) yield* Effect.promise(() => chown(home, identity.uid, identity.gid))
      // A group of its own: a signal to it reaches the sessions, which are processes too.
      const run = (program: string, args: ReadonlyArray<string>) =>
        spawn(folder === "" ? program : join(folder, program), args, {
          ...identity,
          cwd: home,
          detached: true,
          stdio: "ignore"
        })

      const data = join(home, "data")
      const init = run("initdb", ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])
      const code = yield* ended(init)
      if (code !== 0) {
        const message = `initdb ended with ${code}. Install postgresql, or set LETLETME_POSTGRES_BIN to the folder of its programs.`
        return yield* new PostgresServerError({ message })
      }

      let running = Option.none<ChildProcess>()
      const signal = (name: NodeJS.Signals) =>
        Effect.sync(() => {
          if (Option.isNone(running) || running.value.pid === undefined) return
          process.kill(-running.value.pid, name)
        })
      const kill = Effect.suspend(() => {
        if (Option.isNone(running)) return Effect.void
        const child = running.value
        return Effect.asVoid(Effect.andThen(Effect.ignore(signal("SIGKILL")), ended(child))).pipe(
          Effect.tap(
            Effect.sync(() => {
              running = Option.none()
            })
          )
        )
      })
      const start = Effect.suspend(() => {
        const options = ["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=40"]
        const child = run("postgres", ["-D", data, "-p", `${port}`, "-k", home, ...options])
        running = Option.some(child)
        return Effect.retry(answers(port), {
          schedule: Schedule.spaced("20 millis"),
          times: 500,
          while: () => child.exitCode === null
        })
      })
      yield* Effect.addFinalizer(() => kill)
      yield* start

      return PostgresServer.of({
        url: `postgres://postgres@127.0.0.1:${port}/postgres`,
        kill,
        start,
        pause: signal("SIGSTOP"),
        resume: signal("SIGCONT")
      })
    })
  )
}
