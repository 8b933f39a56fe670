/**
 * Recovery: what is wrong is found, remedied, and looked at again, a bounded number of times before a person is asked.
 *
 * A procedure runs by itself where something triggers it, and by command. Each leaves a trail of events.
 */
import {
  Cause,
  Context,
  Duration,
  Effect,
  Layer,
  Option,
  PubSub,
  Queue,
  Schedule,
  type Scope,
  Semaphore,
  Struct
} from "effect"
import * as Instruments from "./Instruments.ts"
import * as Meter from "./Meter.ts"

/** What may be wrong. */
export type Problem = "inconsistency" | "performance" | "connection"

/** Something that may help. */
export interface Remedy {
  readonly name: string
  readonly apply: Effect.Effect<unknown, unknown>
  /** Whether it may help against what is wrong now. Without it: always. */
  readonly helps?: Effect.Effect<boolean> | undefined
}

/** How a problem is found and remedied. */
export interface Procedure {
  /** What is wrong, in words; none where nothing is. A check that fails is something wrong, too. */
  readonly check: Effect.Effect<Option.Option<string>, unknown>
  /** Applied one after the other, from the mildest, until the check finds nothing; then from the first again. */
  readonly remedies: ReadonlyArray<Remedy>
}

/** A step of a recovery. */
export type RecoveryEvent =
  | { readonly _tag: "Checked"; readonly problem: Problem; readonly finding: string | undefined }
  | {
      readonly _tag: "Remedied"
      readonly problem: Problem
      readonly remedy: string
      readonly attempt: number
      /** Why the remedy failed, where it did. */
      readonly error: string | undefined
    }
  /** The check finds nothing any more, or found nothing in the first place. */
  | { readonly _tag: "Resolved"; readonly problem: Problem; readonly attempts: number }
  /** Nothing helped. It is not tried again by itself for a while. */
  | { readonly _tag: "NeedsPerson"; readonly problem: Problem; readonly attempts: number; readonly finding: string }

/** What came of a recovery: whether it helped, and its steps. */
export interface Outcome {
  readonly resolved: boolean
  readonly trail: ReadonlyArray<RecoveryEvent>
}

/** What is done against each problem, how often, and how long each step may take. */
export interface Options {
  readonly procedures: Readonly<Record<Problem, Procedure>>
  /** How many remedies are applied before a person is asked. Default: 3. */
  readonly attempts?: number | undefined
  /** How long lies between a remedy that did not help and the next; twice as long each time. Default: 500 ms. */
  readonly pause?: Duration.Input | undefined
  /** How long a check or a remedy may take. Default: 30 seconds. */
  readonly patience?: Duration.Input | undefined
  /** How long a problem is left alone, unless a person asks, once nothing has helped. Default: 1 minute. */
  readonly rest?: Duration.Input | undefined
}

/**
 * The recovery procedures.
 *
 * @example
 * ```ts
 * import { Effect, Option } from "effect"
 * import { type Integrity, type LiveView, Recovery } from "@letletme/cache"
 *
 * const layer = (live: LiveView["Service"], integrity: Integrity["Service"]) =>
 *   Recovery.layer({
 *     procedures: {
 *       connection: { check: Effect.as(live.catchUp, Option.none()), remedies: [] },
 *       inconsistency: {
 *         check: Effect.map(integrity.verify, ({ isClean }) => (isClean ? Option.none() : Option.some("It is not clean"))),
 *         remedies: [{ name: "rebuild", apply: integrity.repair }]
 *       },
 *       performance: { check: Effect.succeedNone, remedies: [] }
 *     }
 *   })
 * ```
 */
export class Recovery extends Context.Service<
  Recovery,
  {
    /** Runs a procedure now, and answers what came of it. One runs at a time. */
    readonly run: (problem: Problem) => Effect.Effect<Outcome>
    /** Has a procedure run soon, unless it is about to, or nothing helped a short while ago. */
    readonly trigger: (problem: Problem) => Effect.Effect<void>
    /** Events from now on. A subscriber that falls 256 behind misses the oldest. */
    readonly events: Effect.Effect<PubSub.Subscription<RecoveryEvent>, never, Scope.Scope>
    /** The problems that need a person, and what was found. */
    readonly unresolved: Effect.Effect<ReadonlyMap<Problem, string>>
  }
>()("@letletme/cache/Recovery") {
  static readonly layer = (options: Options): Layer.Layer<Recovery> =>
    Layer.effect(
      this,
      Effect.gen(function* () {
        const { attempts = 3, procedures } = options
        const pause = Duration.toMillis(Duration.fromInputUnsafe(options.pause ?? "500 millis"))
        const patience = Duration.toMillis(Duration.fromInputUnsafe(options.patience ?? "30 seconds"))
        const rest = Duration.toMillis(Duration.fromInputUnsafe(options.rest ?? "1 minute"))
        const events = yield* Effect.acquireRelease(PubSub.sliding<RecoveryEvent>(256), PubSub.shutdown)
        const single = yield* Semaphore.make(1)
        const wanted = yield* Queue.unbounded<Problem>()
        const pending = new Set<Problem>()
        const unresolved = new Map<Problem, { readonly finding: string; readonly at: number }>()

        const meter = yield* Meter.make
        for (const problem of Struct.keys(procedures)) {
          meter.observe(Instruments.unresolved, { problem }, () => Number(unresolved.has(problem)))
        }

        /** Runs it in time, and answers in words why it failed. */
        const inTime = <A>(what: string, effect: Effect.Effect<A, unknown>): Effect.Effect<A, string> =>
          effect.pipe(
            Effect.timeoutOrElse({
              duration: patience,
              orElse: () => Effect.fail(`${what} took longer than ${patience} ms`)
            }),
            Effect.catchCause((cause) => {
              const error = Cause.squash(cause)
              return Cause.hasInterruptsOnly(cause)
                ? Effect.interrupt
                : Effect.fail(error instanceof Error ? error.message : String(error))
            })
          )

        const run = Effect.fn("Recovery.run")(function* (problem: Problem): Effect.fn.Return<Outcome> {
          const { check, remedies } = procedures[problem]
          const trail: Array<RecoveryEvent> = []
          const tell = Effect.fnUntraced(function* (event: RecoveryEvent) {
            trail.push(event)
            yield* PubSub.publish(events, event)
          })
          const look = Effect.gen(function* () {
            const found = yield* Effect.match(inTime("The check", check), {
              onSuccess: Option.getOrUndefined,
              onFailure: (message) => message
            })
            yield* tell({ _tag: "Checked", problem, finding: found })
            return found
          })

          let finding = yield* look
          let attempt = 0
          while (finding !== undefined && attempt < attempts) {
            const able = yield* Effect.filter(remedies, ({ helps = Effect.succeed(true) }) => helps)
            const remedy = able[attempt % able.length]
            if (remedy === undefined) break
            if (attempt > 0) yield* Effect.sleep(pause * 2 ** (attempt - 1))
            attempt++
            const error = yield* Effect.match(inTime(remedy.name, remedy.apply), {
              onSuccess: () => undefined,
              onFailure: (message) => message
            })
            yield* tell({ _tag: "Remedied", problem, remedy: remedy.name, attempt, error })
            finding = yield* look
          }
          if (finding === undefined) {
            unresolved.delete(problem)
            yield* tell({ _tag: "Resolved", problem, attempts: attempt })
            if (attempt > 0) yield* Effect.logInfo(`Recovered from ${problem} at attempt ${attempt}`)
          } else {
            unresolved.set(problem, { finding, at: yield* Effect.clockWith((clock) => clock.currentTimeMillis) })
            yield* tell({ _tag: "NeedsPerson", problem, attempts: attempt, finding })
            yield* Effect.logError(`${attempt} remedies of ${problem} did not help: ${finding} A person is needed.`)
          }
          return { resolved: finding === undefined, trail }
        }, single.withPermit)

        const trigger = Effect.fnUntraced(function* (problem: Problem) {
          const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
          const last = unresolved.get(problem)
          if (pending.has(problem) || (last !== undefined && now - last.at < rest)) return
          pending.add(problem)
          yield* Queue.offer(wanted, problem)
        })

        yield* Queue.take(wanted).pipe(
          Effect.tap((problem) => Effect.sync(() => pending.delete(problem))),
          Effect.flatMap(run),
          Effect.repeat(Schedule.forever),
          Effect.forkScoped
        )

        return Recovery.of({
          run,
          trigger,
          events: PubSub.subscribe(events),
          unresolved: Effect.sync(() => new Map(Array.from(unresolved, ([problem, { finding }]) => [problem, finding])))
        })
      })
    )
}
