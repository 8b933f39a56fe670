/**
 * A contest: one process for each contestant, rounds that interleave them, ratios taken within a round.
 *
 * Machines with shared cores swing by half from minute to minute. What two contestants did right after each other can be
 * compared; what they did minutes apart cannot.
 */
import { RedisServer } from "@letletme/testing"
import { Context, Deferred, Effect, Schema, type Scope } from "effect"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { cpus } from "node:os"
import { join } from "node:path"
import { type Order, Sample } from "./Contestant.ts"

/** A contestant's process did not do as told. */
export class ContestFailed extends Schema.TaggedError<ContestFailed>()("ContestFailed", { message: Schema.String }) {}

/** How long and how often. */
export interface Scale {
  readonly rounds: number
  /** How long one task of one round takes (ms). */
  readonly millis: number
  readonly isQuick: boolean
}

/** The scale in force. */
export class Scales extends Context.Service<Scales, Scale>()("bench/Scales") {
  static readonly full: Scale = { rounds: 9, millis: 400, isQuick: false }
  static readonly quick: Scale = { rounds: 3, millis: 40, isQuick: true }
}

/** A contestant: its name, and the module under `suites` that is its process. */
export interface Contestant {
  readonly name: string
  readonly module: string
  readonly args?: ReadonlyArray<string>
  /** It takes part for comparison only: a quick look goes without it. */
  readonly isExtra?: boolean
}

/** Where contestants run: beside the server, where there are two cores. */
export const canPin = cpus().length > 1 && spawnSync("taskset", ["--version"]).status === 0

const Answer = Schema.Struct({ id: Schema.Int, sample: Sample })
const isAnswer = Schema.is(Answer)
const isReady = Schema.is(Schema.Struct({ ready: Schema.Boolean }))

/** A running contestant. */
export interface Running {
  readonly name: string
  readonly run: (task: string, amount: number) => Effect.Effect<Sample, ContestFailed>
}

const patience = "5 minutes"

/** Starts a contestant's process, for the life of the scope. */
export const start = Effect.fnUntraced(function* (
  { args = [], module, name }: Contestant,
  port: number
): Effect.fn.Return<Running, ContestFailed, Scope.Scope> {
  const ready = yield* Deferred.make<void, ContestFailed>()
  const waiting = new Map<number, Deferred.Deferred<Sample, ContestFailed>>()
  const node = [
    process.execPath,
    "--conditions=@letletme/source",
    "--expose-gc",
    "--max-old-space-size=8192",
    join(import.meta.dirname, "..", "suites", `${module}.ts`),
    `${port}`,
    ...args
  ]
  const [command = "", ...rest] = canPin ? ["taskset", "-c", "1", ...node] : node
  const child = yield* Effect.acquireRelease(
    Effect.sync((): ChildProcess => spawn(command, rest, { stdio: ["ignore", "ignore", "inherit", "ipc"] })),
    (process) => Effect.sync(() => process.kill("SIGKILL"))
  )
  child.on("message", (message: unknown) => {
    if (isReady(message)) Deferred.doneUnsafe(ready, Effect.void)
    else if (isAnswer(message)) {
      const answer = waiting.get(message.id)
      waiting.delete(message.id)
      if (answer !== undefined) Deferred.doneUnsafe(answer, Effect.succeed(message.sample))
    }
  })
  child.on("exit", (code) => {
    const failed = Effect.fail(new ContestFailed({ message: `The process of ${name} ended with ${code}.` }))
    Deferred.doneUnsafe(ready, failed)
    for (const answer of waiting.values()) Deferred.doneUnsafe(answer, failed)
  })
  const inTime = <A>(what: string, effect: Effect.Effect<A, ContestFailed>) =>
    Effect.timeoutOrElse(effect, {
      duration: patience,
      orElse: () => Effect.fail(new ContestFailed({ message: `${name}: ${what} took longer than ${patience}.` }))
    })
  yield* inTime("starting", Deferred.await(ready))
  let next = 0
  return {
    name,
    run: (task, amount) =>
      Effect.suspend(() => {
        const id = ++next
        const answer = Deferred.makeUnsafe<Sample, ContestFailed>()
        waiting.set(id, answer)
        child.send({ id, task, amount } satisfies Order)
        return inTime(task, Deferred.await(answer))
      })
  }
})

/** A task of the contest and those who take part in it. */
export interface Event {
  readonly task: string
  readonly contestants: ReadonlyArray<string>
  /** What the task is given instead of the milliseconds of a round. */
  readonly amount?: number
}

/** The samples of one round, by contestant and task. */
export type Round = ReadonlyMap<string, Sample>

export const placeOf = (contestant: string, task: string) => `${contestant} · ${task}`

/** Runs every event in every round; one round before them warms up and does not count. */
export const run = Effect.fnUntraced(function* (
  contestants: ReadonlyArray<Contestant>,
  events: ReadonlyArray<Event>
): Effect.fn.Return<ReadonlyArray<Round>, ContestFailed, Scope.Scope | RedisServer | Scales> {
  const { isQuick, millis, rounds } = yield* Scales
  const { port } = yield* RedisServer
  const present = contestants.filter(({ isExtra = false }) => !isQuick || !isExtra)
  const running = yield* Effect.forEach(present, (contestant) => start(contestant, port), { concurrency: 2 })
  const found: Array<Round> = []
  for (let round = -1; round < rounds; round++) {
    const samples = new Map<string, Sample>()
    for (const { amount, contestants: names, task } of events) {
      // Who goes first changes, so that nobody always follows the same one.
      const there = running.filter(({ name }) => names.includes(name))
      const ring = there.map((_, index) => there[(index + round + 1) % there.length])
      for (const contestant of ring) {
        if (contestant === undefined) continue
        // The compiler needs longer to settle than a round takes.
        const length = round < 0 ? 2 * millis : millis
        samples.set(placeOf(contestant.name, task), yield* contestant.run(task, amount ?? length))
      }
    }
    if (round >= 0) found.push(samples)
    yield* Effect.logInfo(round < 0 ? "Warmed up" : `Round ${round + 1} of ${rounds}`)
  }
  return found
})
