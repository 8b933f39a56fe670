/**
 * Threads that carry out seeds. Each has a whole simulator of its own, with or without a fault in it.
 */
import { Effect, Schema, type Scope } from "effect"
import { Worker } from "node:worker_threads"
import { Ran, type Setup, Story, type Task } from "./Task.ts"

/** A thread ended, or answered what cannot be read. */
export class ThreadFailed extends Schema.TaggedError<ThreadFailed>()("ThreadFailed", { message: Schema.String }) {}

export interface Thread {
  readonly run: (task: Extract<Task, { _tag: "Run" }>) => Effect.Effect<Ran, ThreadFailed>
  readonly story: (seed: number) => Effect.Effect<Story, ThreadFailed>
}

// A thousand seeds take about a minute. A thread that takes longer than this for a task is stuck.
const timeout = "10 minutes"

const decodeRan = Schema.decodeUnknownEffect(Ran)
const decodeStory = Schema.decodeUnknownEffect(Story)

/** Starts a thread for the life of the scope. It takes one task at a time. */
export const start = (setup: Setup): Effect.Effect<Thread, never, Scope.Scope> =>
  Effect.gen(function* () {
    const worker = yield* Effect.acquireRelease(
      Effect.sync(() => new Worker(new URL("processes/worker.ts", import.meta.url), { workerData: setup })),
      (one) => Effect.promise(() => one.terminate())
    )

    const ask = (task: Task): Effect.Effect<unknown, ThreadFailed> =>
      Effect.callback<unknown, ThreadFailed>((resume) => {
        const listenNoMore = () => {
          worker.off("message", onMessage)
          worker.off("error", onError)
        }
        const onMessage = (message: unknown) => {
          listenNoMore()
          resume(Effect.succeed(message))
        }
        const onError = (cause: unknown) => {
          listenNoMore()
          resume(Effect.fail(new ThreadFailed({ message: cause instanceof Error ? cause.message : String(cause) })))
        }
        worker.on("message", onMessage)
        worker.on("error", onError)
        worker.postMessage(task)
        return Effect.sync(listenNoMore)
      }).pipe(
        Effect.timeoutOrElse({
          duration: timeout,
          orElse: () => Effect.fail(new ThreadFailed({ message: `A thread did not answer within ${timeout}.` }))
        })
      )

    const unreadable = (error: Schema.SchemaError) => new ThreadFailed({ message: error.message })

    return {
      run: (task) => Effect.flatMap(ask(task), (reply) => Effect.mapError(decodeRan(reply), unreadable)),
      story: (seed) =>
        Effect.flatMap(ask({ _tag: "Story", seed }), (reply) => Effect.mapError(decodeStory(reply), unreadable))
    }
  })
