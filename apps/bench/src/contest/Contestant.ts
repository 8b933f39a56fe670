/**
 * The side of a contest that is measured: a process of its own, told over IPC which task to run and for how long.
 */
import { Effect, Layer, Logger, Queue, Schema, type Scope } from "effect"

/** What one run of a task came to. Rates and shares are made of it by whoever asked. */
export const Sample = Schema.Struct({
  operations: Schema.Finite,
  wallMicros: Schema.Finite,
  /** Of this process, all its threads. */
  cpuMicros: Schema.Finite,
  /** What else was measured, by name. */
  values: Schema.Record(Schema.String, Schema.Finite)
})
export type Sample = typeof Sample.Type

/** What the process is told: which task, and for how many milliseconds or, as the task says, with which size. */
export const Order = Schema.Struct({ id: Schema.Int, task: Schema.String, amount: Schema.Finite })
export type Order = typeof Order.Type

export type Task = (amount: number) => Effect.Effect<Sample, unknown>

/** Tasks by name. */
export type Tasks = Readonly<Record<string, Task>>

const decode = Schema.decodeUnknownEffect(Order)

/** Runs this process as a contestant: what is made stays for all rounds. */
export const main = (make: (port: number) => Effect.Effect<Tasks, unknown, Scope.Scope>): void => {
  const program = Effect.gen(function* () {
    const orders = yield* Queue.unbounded<unknown>()
    process.on("message", (message) => {
      Queue.offerUnsafe(orders, message)
    })
    // Whoever started it is gone.
    process.on("disconnect", () => process.exit())
    const tasks = yield* make(Number(process.argv[2]))
    process.send?.({ ready: true })
    while (true) {
      const { amount, id, task } = yield* Effect.flatMap(Queue.take(orders), decode)
      const run = tasks[task]
      if (run === undefined) return yield* Effect.die(new Error(`There is no task ${task}`))
      process.send?.({ id, sample: yield* run(amount) })
    }
  })
  const quiet = Layer.merge(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)]), Layer.empty)
  Effect.runFork(
    Effect.scoped(program).pipe(
      Effect.tapCause((cause) => Effect.logError("The contestant failed", cause)),
      Effect.ensuring(Effect.sync(() => process.exit(1))),
      Effect.provide(quiet)
    )
  )
}

/** Measures what happens between `start` and `stop`. */
export const stopwatch = () => {
  const cpu = process.cpuUsage()
  const start = performance.now()
  return (operations: number, values: Record<string, number> = {}): Sample => {
    const wallMicros = (performance.now() - start) * 1_000
    const { system, user } = process.cpuUsage(cpu)
    return { operations, wallMicros, cpuMicros: system + user, values }
  }
}

/** Runs chunks of synchronous work until the time is over. */
export const repeat =
  (perChunk: number, chunk: () => void): Task =>
  (millis) =>
    Effect.sync(() => {
      const until = performance.now() + millis
      const stop = stopwatch()
      let operations = 0
      do {
        chunk()
        operations += perChunk
      } while (performance.now() < until)
      return stop(operations)
    })

/** The same for work that answers a promise. */
export const repeatPromise =
  (perChunk: number, chunk: () => Promise<unknown>): Task =>
  (millis) =>
    Effect.promise(async () => {
      const until = performance.now() + millis
      const stop = stopwatch()
      let operations = 0
      do {
        await chunk()
        operations += perChunk
      } while (performance.now() < until)
      return stop(operations)
    })

/** The same for work in this fiber. */
export const repeatEffect =
  <E>(perChunk: number, chunk: Effect.Effect<unknown, E>): Task =>
  (millis) =>
    Effect.gen(function* () {
      const until = performance.now() + millis
      const stop = stopwatch()
      let operations = 0
      do {
        yield* chunk
        operations += perChunk
      } while (performance.now() < until)
      return stop(operations)
    })
