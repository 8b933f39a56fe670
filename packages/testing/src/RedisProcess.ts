/**
 * A redis-server as a process of a scope: its own port, its own folder, killed and cleaned up at the end.
 */
import { Config, Context, Effect, Option, Schedule, Schema, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { createConnection, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** No server could be started: the message says what to do. */
export class RedisServerError extends Schema.TaggedError<RedisServerError>()("RedisServerError", {
  message: Schema.String
}) {}

const Command = Schema.fromJsonString(Schema.NonEmptyArray(Schema.NonEmptyString))

// Set by the test bootstrap where the server is not simply `redis-server` on PATH.
const command = Config.schema(Command, "LETLETME_REDIS_SERVER").pipe(
  Config.withDefault<readonly [string, ...Array<string>]>(["redis-server"])
)

/** A port of loopback that nobody listens on now. */
export const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

const answers = (port: number) =>
  Effect.callback<void, RedisServerError>((resume) => {
    const socket = createConnection({ host: "127.0.0.1", port }, () => socket.write("PING\r\n"))
    const finish = (effect: Effect.Effect<void, RedisServerError>) => {
      socket.destroy()
      resume(effect)
    }
    // A server that wants a password answers too.
    socket.on("data", (data) =>
      finish(
        /PONG|NOAUTH/.test(data.toString())
          ? Effect.void
          : Effect.fail(new RedisServerError({ message: `The server answered ${data.toString()}` }))
      )
    )
    socket.on("error", (error) => finish(Effect.fail(new RedisServerError({ message: error.message }))))
    return Effect.sync(() => socket.destroy())
  }).pipe(
    Effect.timeoutOrElse({
      duration: "1 second",
      orElse: () => Effect.fail(new RedisServerError({ message: "What listens there does not answer" }))
    })
  )

const ended = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
  })

/**
 * Who the servers of a cluster, those under sentinels, and the sentinels know beside the default user: each is a name and
 * rules, as `ACL SETUSER` takes them. They outlive a restart.
 */
export const Users = Context.Reference<{
  readonly servers: ReadonlyArray<ReadonlyArray<string>>
  readonly sentinels: ReadonlyArray<ReadonlyArray<string>>
}>("@letletme/testing/RedisProcess/Users", { defaultValue: () => ({ servers: [], sentinels: [] }) })

/** Those of the servers, as arguments. */
export const userArguments = Effect.map(Users, ({ servers }) => servers.flatMap((user) => ["--user", ...user]))

/** Where the process runs. */
export interface Place {
  readonly port: number
  readonly folder: string
}

/** The process. */
export interface RedisProcess {
  readonly port: number
  /** Ends it without warning, as a crash does. */
  readonly kill: Effect.Effect<void>
  /** Starts it again on the same port and folder. */
  readonly start: Effect.Effect<void, RedisServerError>
  /** Starts it again with further arguments, which hold until it ends. */
  readonly startWith: (args: ReadonlyArray<string>) => Effect.Effect<void, RedisServerError>
  /** Deletes what it wrote to its folder. */
  readonly wipe: Effect.Effect<void>
  /** Stops its process, which keeps its connections open and answers nothing, and lets it go on. */
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
}

/** Starts a server with the arguments that its place asks for; somewhere else, if somebody was quicker to take a port. */
export const make = (argsOf: (place: Place) => Effect.Effect<ReadonlyArray<string>>) =>
  Effect.retry(makeOnce(argsOf), { times: 3, while: ({ _tag }) => _tag === "RedisServerError" })

const makeOnce = Effect.fnUntraced(function* (
  argsOf: (place: Place) => Effect.Effect<ReadonlyArray<string>>
): Effect.fn.Return<RedisProcess, RedisServerError | Config.ConfigError, Scope.Scope> {
  const [program, ...prefix] = yield* command
  const port = yield* freePort
  const folder = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "redis-"))),
    (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
  )
  const args = [...prefix, ...(yield* argsOf({ port, folder }))]
  let running = Option.none<ChildProcess>()

  const kill = Effect.suspend(() => {
    const child = running
    running = Option.none()
    if (Option.isNone(child)) return Effect.void
    child.value.kill("SIGKILL")
    return ended(child.value)
  })

  const startWith = Effect.fnUntraced(function* (further: ReadonlyArray<string>) {
    let failure: string | undefined
    const child = spawn(program, [...args, ...further], { stdio: ["ignore", "ignore", "ignore"] })
    child.on("error", (error) => {
      failure = `${error.message}. Install redis-server (or valkey-server), or set LETLETME_REDIS_SERVER.`
    })
    running = Option.some(child)
    // Another program may listen on the port, and answer or not.
    const own = Effect.flatMap(answers(port), () =>
      child.exitCode === null ? Effect.void : Effect.fail(new RedisServerError({ message: "Another answered" }))
    )
    yield* Effect.retry(own, {
      schedule: Schedule.spaced("20 millis"),
      times: 500,
      while: () => failure === undefined && child.exitCode === null
    }).pipe(
      Effect.mapError((error) => {
        const reason = failure ?? (child.exitCode === null ? error.message : `it ended with ${child.exitCode}`)
        return new RedisServerError({ message: `Cannot run ${program}: ${reason}` })
      })
    )
  })

  yield* Effect.addFinalizer(() => kill)
  const start = startWith([])
  yield* start

  const wipe = Effect.promise(async () => {
    const names = await readdir(folder)
    await Promise.all(names.map((name) => rm(join(folder, name), { recursive: true, force: true })))
  })

  const signal = (name: NodeJS.Signals) =>
    Effect.sync(() => {
      if (Option.isSome(running)) running.value.kill(name)
    })

  return {
    port,
    kill,
    start,
    startWith,
    wipe,
    pause: signal("SIGSTOP"),
    resume: signal("SIGCONT")
  }
})
