/**
 * What becomes of an error, in one place: classified, retried, answered by a fallback, logged and counted, and handed to
 * recovery.
 */
import { Context, Effect, Layer, Option, Predicate, PubSub, Schedule, type Scope } from "effect"
import { CacheError } from "./CacheError.ts"
import * as Instruments from "./Instruments.ts"
import * as Meter from "./Meter.ts"
import { type Problem, Recovery } from "./Recovery.ts"

/** Whether trying again may help. */
export type Kind = "temporary" | "permanent"

/**
 * What answers where trying again did not help: what is held although it is stale, the source itself, a value that
 * always will do, or the error.
 */
export type Strategy = "stale" | "source" | "default" | "fail"

/** A step of the flow. */
export type Step = { readonly domain: string; readonly operation: string } & (
  | { readonly _tag: "Classified"; readonly kind: Kind; readonly attempt: number; readonly message: string }
  | { readonly _tag: "Retried"; readonly attempt: number }
  | { readonly _tag: "FellBack"; readonly strategy: Strategy; readonly helped: boolean }
  | { readonly _tag: "Counted"; readonly kind: Kind; readonly times: number }
  | { readonly _tag: "Triggered"; readonly problem: Problem }
)

/** What is done, and what may answer instead. */
export interface Plan<A, E, R> {
  readonly domain: string
  readonly operation: string
  /** What is held, whatever its age. */
  readonly stale?: Effect.Effect<Option.Option<A>, E, R> | undefined
  /** Asks the source, past the cache. */
  readonly source?: Effect.Effect<A, E, R> | undefined
  readonly default?: (() => A) | undefined
}

/** What becomes of a failure. */
export interface Options {
  /** The fallback of each domain; `fail` where none is stated. */
  readonly strategies?: Readonly<Record<string, Strategy>> | undefined
  /** When a temporary failure is tried again. Default: three times, after 100, 200 and 400 ms, jittered. */
  readonly retry?: Schedule.Schedule<unknown> | undefined
}

/** Whether trying again may help: errors of this workspace say so themselves, what is unknown is permanent. */
export const classify = (error: unknown): Kind =>
  Predicate.hasProperty(error, "isTemporary") && error.isTemporary === true ? "temporary" : "permanent"

/** Which recovery may help against an error, if one may. */
export const problemOf = (error: unknown): Problem | undefined => {
  if (!(error instanceof CacheError)) return undefined
  switch (error.reason._tag) {
    case "StoreFailed":
    case "Timeout":
      return "connection"
    case "Unavailable":
      return "performance"
    case "Unencodable":
      return "inconsistency"
    case "Absent":
    case "Fenced":
    case "Misplaced":
    case "SnapshotConflict":
    case "TooLarge":
    case "UnknownDomain":
      return undefined
  }
}

const backoff = Schedule.exponential("100 millis").pipe(Schedule.jittered, Schedule.upTo({ times: 3 }))

/**
 * The flow of errors.
 *
 * @example
 * ```ts
 * import { ErrorFlow, type Domain } from "@letletme/cache"
 * import { Effect } from "effect"
 *
 * const layer = ErrorFlow.layer({ strategies: { match: "stale", team: "default" } })
 *
 * const nameOf = (teams: Domain.Domain<number, string, never>, id: number) =>
 *   Effect.flatMap(ErrorFlow, (flow) =>
 *     flow.handle(teams.get(id), { domain: "team", operation: "read", stale: teams.peek(id), default: () => "?" })
 *   )
 * ```
 */
export class ErrorFlow extends Context.Service<
  ErrorFlow,
  {
    /** Runs the effect, and takes its failure through the flow. What is left is the error that nothing helped against. */
    readonly handle: <A, E, R>(effect: Effect.Effect<A, E, R>, plan: Plan<A, E, R>) => Effect.Effect<A, E, R>
    /** Steps from now on. A subscriber that falls 256 behind misses the oldest. */
    readonly steps: Effect.Effect<PubSub.Subscription<Step>, never, Scope.Scope>
    /** How many failures of each domain were left after the retries. */
    readonly counts: Effect.Effect<Readonly<Record<string, Readonly<Record<Kind, number>>>>>
  }
>()("@letletme/cache/ErrorFlow") {
  static readonly layer = (options: Options = {}): Layer.Layer<ErrorFlow, never, Recovery> =>
    Layer.effect(
      this,
      Effect.gen(function* () {
        const recovery = yield* Recovery
        const { retry = backoff, strategies = {} } = options
        const steps = yield* Effect.acquireRelease(PubSub.sliding<Step>(256), PubSub.shutdown)
        const counts = new Map<string, Record<Kind, number>>()
        const meter = yield* Meter.make

        const open = (domain: string) => {
          const count = { temporary: 0, permanent: 0 }
          counts.set(domain, count)
          meter.observe(Instruments.errors, { domain, kind: "temporary" }, () => count.temporary)
          meter.observe(Instruments.errors, { domain, kind: "permanent" }, () => count.permanent)
          return count
        }

        for (const domain of Object.keys(strategies)) open(domain)

        const fallBack = <A, E, R>(strategy: Strategy, plan: Plan<A, E, R>): Effect.Effect<Option.Option<A>, E, R> => {
          switch (strategy) {
            case "stale":
              return plan.stale ?? Effect.succeedNone
            case "source":
              return plan.source === undefined ? Effect.succeedNone : Effect.asSome(plan.source)
            case "default":
              return Effect.sync(() => Option.map(Option.fromUndefinedOr(plan.default), (value) => value()))
            case "fail":
              return Effect.succeedNone
          }
        }

        const handle = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>, plan: Plan<A, E, R>) {
          const { domain, operation } = plan
          const tell = (step: Step) => PubSub.publish(steps, step)
          const at = { domain, operation }
          let attempt = 0
          const tried = yield* Effect.suspend(() => {
            attempt++
            return attempt === 1 ? effect : Effect.andThen(tell({ ...at, _tag: "Retried", attempt }), effect)
          }).pipe(
            Effect.tapError((error) =>
              tell({ ...at, _tag: "Classified", kind: classify(error), attempt, message: String(error) })
            ),
            Effect.retry({ schedule: retry, while: (error) => classify(error) === "temporary" }),
            Effect.result
          )
          if (tried._tag === "Success") return tried.success

          const error = tried.failure
          const strategy = strategies[domain] ?? "fail"
          const answer = yield* Effect.orElseSucceed(fallBack(strategy, plan), () => Option.none<A>())
          yield* tell({ ...at, _tag: "FellBack", strategy, helped: Option.isSome(answer) })

          const kind = classify(error)
          const count = counts.get(domain) ?? open(domain)
          count[kind]++
          yield* tell({ ...at, _tag: "Counted", kind, times: count[kind] })
          const message = error instanceof Error ? error.message : String(error)
          yield* Effect.logWarning(
            `${operation} of ${domain} failed (${kind}, ${attempt} tries): ${message}${Option.isSome(answer) ? ` Answered by "${strategy}".` : ""}`
          )

          const problem = problemOf(error)
          if (problem !== undefined) {
            yield* tell({ ...at, _tag: "Triggered", problem })
            yield* recovery.trigger(problem)
          }
          return Option.isSome(answer) ? answer.value : yield* Effect.fail(error)
        })

        return ErrorFlow.of({
          handle,
          steps: PubSub.subscribe(steps),
          counts: Effect.sync(() => Object.fromEntries(Array.from(counts, ([domain, one]) => [domain, { ...one }])))
        })
      })
    )
}
