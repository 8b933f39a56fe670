/**
 * What takes longer than a request may: one of a kind at a time, each with its progress and what it came to.
 */
import { Cause, Clock, Context, Effect, Exit, Fiber, Layer, Schedule, Stream, SubscriptionRef } from "effect"
import type { WarmStage } from "@letletme/cache"
import { Busy, NotFound } from "./Problems.ts"
import type { Action, Kind, Outcome } from "./Reports.ts"

/** What an action does. */
export interface Work {
  readonly kind: Kind
  readonly run: Effect.Effect<Outcome, { readonly message: string }>
  /** How far it has come, over and over; what comes after it is of no concern. */
  readonly progress: Stream.Stream<WarmStage.Progress>
}

// So many are remembered.
const kept = 32
// None goes on for longer.
const patience = "1 hour"
// Whoever follows hears so often that it goes on.
const pulse = "15 seconds"

interface Begun {
  readonly state: SubscriptionRef.SubscriptionRef<Action>
  readonly fiber: Fiber.Fiber<void>
}

const isRunning = ({ state }: Action): boolean => state === "running"

/** The actions of this process. */
export class Actions extends Context.Service<
  Actions,
  {
    /** Begins an action, unless one of its kind is under way. */
    readonly begin: (work: Work) => Effect.Effect<Action, Busy>
    /** Ends what is under way of a kind, and answers it; fails where nothing is. */
    readonly stop: (kind: Kind) => Effect.Effect<Action, NotFound>
    /** The latest 32, newest first. */
    readonly all: Effect.Effect<ReadonlyArray<Action>>
    /** An action as it is, with each step, and now and then without one, until it has ended. Whoever reads slowly misses steps. */
    readonly follow: (id: string) => Effect.Effect<Stream.Stream<Action>, NotFound>
  }
>()("@letletme/warmer/admin/Actions") {
  static readonly layer: Layer.Layer<Actions> = Layer.effect(
    this,
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      const begun = new Map<string, Begun>()
      let last = 0

      const underWay = (kind: Kind) =>
        begun.values().find(({ state }) => {
          const action = SubscriptionRef.getUnsafe(state)
          return action.kind === kind && isRunning(action)
        })

      const settle = Effect.fnUntraced(function* (
        state: SubscriptionRef.SubscriptionRef<Action>,
        exit: Exit.Exit<Outcome, { readonly message: string }>
      ) {
        const endedAt = yield* Clock.currentTimeMillis
        const end = ({ progress }: Action): Partial<Action> => {
          if (Exit.isSuccess(exit)) {
            return { state: "done", outcome: exit.value, progress: { ...progress, done: progress.total } }
          }
          if (Cause.hasInterruptsOnly(exit.cause)) return { state: "stopped" }
          const [first] = Cause.prettyErrors(exit.cause)
          return { state: "failed", failure: first?.message ?? "It is not known why." }
        }
        yield* SubscriptionRef.update(state, (action): Action => ({ ...action, endedAt, ...end(action) }))
      })

      const begin = Effect.fn("Actions.begin")(function* ({ kind, progress, run }: Work) {
        const present = underWay(kind)
        if (present !== undefined) {
          const { id } = SubscriptionRef.getUnsafe(present.state)
          return yield* new Busy({ action: id, detail: `${id} is under way: follow it, or wait for its end.` })
        }
        const id = `${kind}-${++last}`
        const startedAt = yield* Clock.currentTimeMillis
        const action: Action = {
          id,
          kind,
          state: "running",
          startedAt,
          endedAt: null,
          progress: { stage: "starting", done: 0, total: 0 },
          outcome: null,
          failure: null
        }
        const state = yield* SubscriptionRef.make(action)
        // It listens before the work begins: some of it is done before anybody else gets a turn.
        const watch = Stream.runForEach(progress, (step) =>
          step.stage === "idle" ? Effect.void : SubscriptionRef.update(state, (known) => ({ ...known, progress: step }))
        )
        const inTime = Effect.timeoutOrElse(run, {
          duration: patience,
          orElse: () => Effect.fail({ message: `It took longer than ${patience}.` })
        })
        const fiber = yield* Effect.raceFirst(Effect.andThen(watch, Effect.never), inTime).pipe(
          Effect.onExit((exit) => settle(state, exit)),
          Effect.ignoreCause,
          // It runs before it may be ended: else its end would not be noted.
          Effect.forkIn(scope, { startImmediately: true })
        )
        begun.set(id, { state, fiber })
        for (const [old, { state: known }] of begun) {
          if (begun.size <= kept) break
          if (!isRunning(SubscriptionRef.getUnsafe(known))) begun.delete(old)
        }
        return action
      })

      return Actions.of({
        begin,
        stop: (kind) =>
          Effect.gen(function* () {
            const present = underWay(kind)
            if (present === undefined) return yield* new NotFound({ detail: `No ${kind} is under way.` })
            yield* Fiber.interrupt(present.fiber)
            return SubscriptionRef.getUnsafe(present.state)
          }),
        all: Effect.sync(() =>
          Array.from(begun.values(), ({ state }) => SubscriptionRef.getUnsafe(state)).toReversed()
        ),
        follow: (id) =>
          Effect.suspend(() => {
            const found = begun.get(id)
            if (found === undefined) return Effect.fail(new NotFound({ detail: `There is no action ${id}.` }))
            return Effect.succeed(
              SubscriptionRef.changes(found.state).pipe(
                Stream.merge(Stream.fromEffectSchedule(SubscriptionRef.get(found.state), Schedule.spaced(pulse))),
                Stream.buffer({ capacity: 1, strategy: "sliding" }),
                Stream.takeUntil((action) => !isRunning(action))
              )
            )
          })
      })
    })
  )
}
