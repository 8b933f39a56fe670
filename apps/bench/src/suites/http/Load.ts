/**
 * The load on a server of this process: a process beside it, on the other core, keeps so many connections busy.
 */
import { Deferred, Effect, Schema, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { join } from "node:path"
import { canPin } from "../../contest/Contest.ts"
import { stopwatch, type Task } from "../../contest/Contestant.ts"

/** How many connections ask, each again once it is answered. */
export const connections = 64

/** What the load's process is told. */
export const Order = Schema.Struct({ port: Schema.Int, path: Schema.String, millis: Schema.Finite })

/** How many requests were answered. */
export const Answered = Schema.Struct({ operations: Schema.Int })

const decode = Schema.decodeUnknownResult(Answered)

/** Starts the load's process, for the life of the scope. Answers tasks that put it on a path of a server at a port. */
export const make: Effect.Effect<(port: number, path: string) => Task, never, Scope.Scope> = Effect.gen(function* () {
  const node = [process.execPath, "--conditions=@letletme/source", join(import.meta.dirname, "asker.ts")]
  const [command = "", ...args] = canPin ? ["taskset", "-c", "0", ...node] : node
  const child = yield* Effect.acquireRelease(
    Effect.sync((): ChildProcess => spawn(command, args, { stdio: ["ignore", "ignore", "inherit", "ipc"] })),
    (running) => Effect.sync(() => running.kill("SIGKILL"))
  )
  const ready = Deferred.makeUnsafe<void>()
  child.once("message", () => Deferred.doneUnsafe(ready, Effect.void))
  yield* Deferred.await(ready)
  return (port, path) => (millis) =>
    Effect.suspend(() => {
      const done = Deferred.makeUnsafe<unknown>()
      child.once("message", (message) => Deferred.doneUnsafe(done, Effect.succeed(message)))
      const stop = stopwatch()
      child.send({ port, path, millis } satisfies typeof Order.Type)
      return Effect.flatMap(Deferred.await(done), (message) =>
        Effect.map(Effect.fromResult(decode(message)), ({ operations }) => stop(operations))
      )
    })
})
