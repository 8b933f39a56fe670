/**
 * The processes under test: started, told what to do, killed, and started anew.
 */
import { Deferred, Effect, Result, Schema, type Scope } from "effect"
import { type ChildProcess, fork } from "node:child_process"
import { join } from "node:path"
import type { Ledger } from "./Ledger.ts"
import { Assignment, type Findings, FromWorker, type ToWorker } from "./Messages.ts"

/** A process did not do what it must for a run to mean anything. */
export class CrewError extends Schema.TaggedError<CrewError>()("CrewError", { message: Schema.String }) {}

const decode = Schema.decodeUnknownResult(FromWorker)
const encode = Schema.encodeSync(Schema.fromJsonString(Assignment))

/** A place for a process, which outlives it. */
export interface Member {
  /** Starts a process, and waits until it is at work. Answers how many announcements it found left behind. */
  readonly start: Effect.Effect<number, CrewError>
  /** Ends it without warning, also while it starts. */
  readonly kill: Effect.Effect<void>
  readonly work: (order: Omit<Extract<ToWorker, { readonly _tag: "Work" }>, "_tag">) => Effect.Effect<void>
  readonly rest: Effect.Effect<void, CrewError>
  readonly judge: (from: number) => Effect.Effect<Findings, CrewError>
}

// How long a process may take for what it is told.
const patience = "30 seconds"

/** Makes a place. Its process is killed with the scope. */
export const make = Effect.fnUntraced(function* (options: {
  readonly assignment: Omit<Assignment, "name" | "seed">
  readonly seed: number
  readonly folder: string
  readonly ledger: Ledger
  readonly onProblem: (text: string) => void
}): Effect.fn.Return<Member, never, Scope.Scope> {
  const { assignment, folder, ledger, onProblem, seed } = options
  let lives = 0
  let child: ChildProcess | undefined
  let heard = Deferred.makeUnsafe<FromWorker, CrewError>()

  /** Waits for the message that answers what it was told. */
  const answer = <A>(what: string, pick: (message: FromWorker) => A | undefined): Effect.Effect<A, CrewError> =>
    Effect.gen(function* () {
      const message = yield* Deferred.await(heard)
      const picked = pick(message)
      return picked ?? (yield* new CrewError({ message: `${what} was answered with "${message._tag}"` }))
    }).pipe(
      Effect.timeoutOrElse({
        duration: patience,
        orElse: () =>
          Effect.fail(new CrewError({ message: `${what} took longer than ${patience}. Is the machine too busy?` }))
      })
    )

  const tell = (message: ToWorker) =>
    Effect.sync(() => {
      heard = Deferred.makeUnsafe()
      child?.send(message, () => undefined)
    })

  const hear = (name: string, message: FromWorker): void => {
    switch (message._tag) {
      case "Begun":
        return ledger.begin(message.operation)
      case "Acknowledged":
        return ledger.acknowledge(message.mark, message.isAnnounced)
      case "Failed":
        return onProblem(`${name}: operation ${message.mark} failed: ${message.because}`)
      case "Defect":
        return onProblem(`${name}: ${message.text}`)
      case "Ready":
      case "Resting":
      case "Judged":
        Deferred.doneUnsafe(heard, Effect.succeed(message))
    }
  }

  const begin = Effect.sync(() => {
    const name = `process-${assignment.place}.${++lives}`
    heard = Deferred.makeUnsafe()
    const starting = fork(
      join(import.meta.dirname, "processes", "worker.ts"),
      [encode({ ...assignment, name, seed: seed * 10_000 + assignment.place * 1_000 + lives })],
      {
        execArgv: ["--conditions=@letletme/source"],
        // What a dead process leaves behind goes with the run.
        env: { PATH: "", TMPDIR: folder, NODE_COMPILE_CACHE: join(folder, "compiled") },
        stdio: ["ignore", "ignore", "inherit", "ipc"]
      }
    )
    child = starting
    starting.on("message", (raw: unknown) => {
      const decoded = decode(raw)
      if (Result.isSuccess(decoded)) hear(name, decoded.success)
      else onProblem(`${name} said what it may not: ${decoded.failure.message}`)
    })
    // All that it said has been heard by then.
    starting.on("disconnect", () => {
      if (starting.killed) return
      const message = `${name} ended by itself`
      onProblem(message)
      Deferred.doneUnsafe(heard, Effect.fail(new CrewError({ message })))
    })
  })

  const kill = Effect.suspend(() => {
    const ending = child
    child = undefined
    if (ending === undefined || !ending.connected) return Effect.void
    return Effect.callback<void>((resume) => {
      ending.once("disconnect", () => resume(Effect.void))
      ending.kill("SIGKILL")
    })
  })

  yield* Effect.addFinalizer(() => kill)

  return {
    start: Effect.andThen(
      begin,
      answer("Starting a process", (message) => (message._tag === "Ready" ? message.pending : undefined))
    ),
    kill,
    work: (order) => tell({ _tag: "Work", ...order }),
    rest: Effect.andThen(
      tell({ _tag: "Rest" }),
      answer("Resting", (message) => (message._tag === "Resting" ? true : undefined))
    ),
    judge: (from) =>
      Effect.andThen(
        tell({ _tag: "Judge", from }),
        answer("Judging", (message) => (message._tag === "Judged" ? message.findings : undefined))
      )
  }
})
