/**
 * The processes under test: each with a line of its own to Redis, started, killed, stopped, and started anew.
 */
import type * as TcpProxy from "@letletme/testing/TcpProxy"
import { Array as Arr, Deferred, Effect, Result, Schema, type Scope } from "effect"
import { type ChildProcess, fork } from "node:child_process"
import { join } from "node:path"
import type { Judge } from "./Judge.ts"
import { Assignment, FromWorker, type Target, type ToWorker } from "./Messages.ts"
import { part, rowCount } from "./Model.ts"
import type { Truth } from "./Truth.ts"

/** The processes did not do what they must for a run to mean anything. */
export class FleetError extends Schema.TaggedError<FleetError>()("FleetError", { message: Schema.String }) {}

const decode = Schema.decodeUnknownResult(FromWorker)
const encode = Schema.encodeSync(Schema.fromJsonString(Assignment))

/** What a process saw of all keys. */
export type Probed = Extract<FromWorker, { readonly _tag: "Probed" }>

/** The way of a process to Redis: to one server it has a proxy of its own. */
export interface Way {
  readonly target: Target
  readonly proxy: TcpProxy.TcpProxy | undefined
}

/** A place for a process: its role and its way to Redis outlive it. */
export interface Worker {
  readonly isWriter: boolean
  readonly proxy: TcpProxy.TcpProxy | undefined
  /** The name of its present life. */
  readonly name: () => string
  /** Ends it without warning, and starts it anew. Ends when the new one is at work. */
  readonly kill: Effect.Effect<void, FleetError>
  /** Has it stand still meanwhile. */
  readonly stopped: <A, E, R>(meanwhile: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Has it read every key. */
  readonly probe: Effect.Effect<Probed, FleetError>
  readonly say: (message: ToWorker) => void
}

export interface Fleet {
  readonly workers: ReadonlyArray<Worker>
  /** Has nobody write, nor load what is cached, meanwhile. */
  readonly calmly: <A, E, R>(meanwhile: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

export interface Options {
  readonly writers: number
  readonly readers: number
  /** Of all processes together. */
  readonly readsPerSecond: number
  readonly writesPerSecond: number
  readonly readTimeout: number
  readonly maxStaleness: number
  readonly maxLookups: number
  readonly seed: number
  readonly zero: bigint
  /** Makes a way to Redis. */
  readonly way: Effect.Effect<Way, TcpProxy.TcpProxyError, Scope.Scope>
  readonly truth: Truth
  readonly judge: Judge
}

// How long a process may take to start, and to read every key.
const startWithin = "20 seconds"
const probeWithin = "10 seconds"

const within = <A>(
  effect: Effect.Effect<A>,
  duration: `${number} seconds`,
  what: string
): Effect.Effect<A, FleetError> =>
  Effect.timeoutOrElse(effect, {
    duration,
    orElse: () =>
      Effect.fail(new FleetError({ message: `${what} took longer than ${duration}. Is the machine too busy?` }))
  })

/** Starts the processes. They are killed with the scope. */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Fleet, FleetError | TcpProxy.TcpProxyError, Scope.Scope> {
  const { judge, truth } = options
  const total = options.writers + options.readers
  const workers: Array<Worker> = []
  let isCalm = false
  let isOver = false
  let newest = 0
  let lastProbe = 0
  let allLives = 0

  const tellAll = (message: ToWorker): void => {
    for (const worker of workers) worker.say(message)
  }

  /** Has somebody announce what a dead process changed. */
  const passOn = (rows: ReadonlyArray<number>): void => {
    const heir = workers.find(({ isWriter }) => isWriter)
    if (rows.length > 0) heir?.say({ _tag: "Announce", rows })
  }

  const make = Effect.fnUntraced(function* (index: number) {
    const { proxy, target } = yield* options.way
    const isWriter = index < options.writers
    const probes = new Map<number, Deferred.Deferred<Probed>>()
    let lives = 0
    let name = ""
    let child: ChildProcess | undefined
    // What a dead process left is told to whoever comes after it.
    let legacy: ReadonlyArray<number> = []

    const say = (message: ToWorker): void => {
      // Who is dead by now does not hear it.
      if (child?.connected === true) child.send(message, () => undefined)
    }

    const hear = (own: string, ready: Deferred.Deferred<void>) => (message: FromWorker) => {
      switch (message._tag) {
        case "Ready":
          Deferred.doneUnsafe(ready, Effect.void)
          return
        case "Ask":
          if (message.isChange) say({ _tag: "Answer", id: message.id, versions: [truth.change(own, message.rows)] })
          else
            truth.read(own, message.id, message.rows, (versions) => say({ _tag: "Answer", id: message.id, versions }))
          return
        case "Forget":
          return truth.forget(own, message.id)
        case "Acknowledged":
          truth.announced(message.seen)
          judge.acknowledge(own, message)
          newest = Math.max(newest, message.position)
          return tellAll({ _tag: "Newest", position: newest })
        case "Reads":
          return judge.hear(own, message)
        case "Probed": {
          const waiting = probes.get(message.id)
          if (waiting !== undefined) Deferred.doneUnsafe(waiting, Effect.succeed(message))
          return
        }
        case "Defect":
          return judge.report("no defects", `${own}: ${message.text}`)
      }
    }

    const start = Effect.gen(function* () {
      const own = `${isWriter ? "writer" : "reader"}-${index}.${++lives}`
      const ready = yield* Deferred.make<void>()
      const starting = fork(
        join(import.meta.dirname, "processes", "worker.ts"),
        [
          encode({
            name: own,
            target,
            seed: options.seed * 1_000 + index * 100 + lives,
            life: ++allLives,
            zero: options.zero,
            readsPerSecond: options.readsPerSecond / total,
            writesPerSecond: isWriter ? options.writesPerSecond / options.writers : 0,
            readTimeout: options.readTimeout,
            maxStaleness: options.maxStaleness,
            maxLookups: options.maxLookups
          })
        ],
        { execArgv: ["--conditions=@letletme/source"], stdio: ["ignore", "ignore", "inherit", "ipc"] }
      )
      name = own
      child = starting
      judge.begin(own)
      const heard = hear(own, ready)
      starting.on("error", (error) => judge.report("no defects", `${own}: ${error.message}`))
      starting.on("message", (raw: unknown) => {
        const decoded = decode(raw)
        if (Result.isSuccess(decoded)) heard(decoded.success)
        else judge.report("no defects", `${own} said what it may not: ${decoded.failure.message}`)
      })
      // All that it said has been heard by then.
      starting.on("disconnect", () => {
        judge.end(own)
        legacy = truth.end(own)
        if (!isOver && starting.signalCode === null && !starting.killed) {
          judge.report("no defects", `${own} ended by itself`)
        }
      })
      yield* within(Deferred.await(ready), startWithin, `Starting ${own}`)
      say({ _tag: "Calm", isCalm })
      say({ _tag: "Newest", position: newest })
      passOn(legacy)
      legacy = []
    })

    const end = Effect.suspend(() => {
      const ending = child
      if (ending === undefined || !ending.connected) return Effect.void
      return Effect.callback<void>((resume) => {
        ending.once("disconnect", () => resume(Effect.void))
        ending.kill("SIGKILL")
      })
    })

    yield* Effect.addFinalizer(() => {
      isOver = true
      return end
    })

    const worker: Worker = {
      isWriter,
      proxy,
      name: () => name,
      say,
      kill: Effect.andThen(end, start),
      stopped: (meanwhile) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            child?.kill("SIGSTOP")
            return judge.standingStill(name)
          }),
          () => meanwhile,
          (goesOn) =>
            Effect.sync(() => {
              child?.kill("SIGCONT")
              goesOn()
            })
        ),
      probe: Effect.suspend(() => {
        const id = ++lastProbe
        const answer = Deferred.makeUnsafe<Probed>()
        probes.set(id, answer)
        say({ _tag: "Probe", id })
        return Effect.ensuring(
          within(Deferred.await(answer), probeWithin, `Reading every key by ${name}`),
          Effect.sync(() => probes.delete(id))
        )
      })
    }
    workers.push(worker)
    return { start }
  })

  const made = yield* Effect.forEach(
    Arr.makeBy(total, (index) => index),
    make
  )
  yield* Effect.forEach(made, ({ start }) => start, { concurrency: "unbounded", discard: true })

  return {
    workers,
    calmly: (meanwhile) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          isCalm = true
          tellAll({ _tag: "Calm", isCalm })
        }),
        () => meanwhile,
        () =>
          Effect.sync(() => {
            isCalm = false
            tellAll({ _tag: "Calm", isCalm })
          })
      )
  }
})

/** Whether a process saw the newest version of every row, in every value made from it. */
export const isNewest = (probed: Probed, truth: Truth): boolean => {
  if (probed.failures > 0) return false
  const rows = new Set<number>()
  for (let index = 0; index < probed.seen.length; index += 2) {
    const row = probed.seen[index] ?? 0
    if (part(probed.seen[index + 1] ?? 0).version !== truth.versionOf(row)) return false
    rows.add(row)
  }
  return rows.size === rowCount
}
