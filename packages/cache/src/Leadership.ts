/**
 * One leader among any number of processes: a lease in the log, under a position that fences off the leaders before.
 *
 * Work that only one process may do runs under `whileLeading`. What it writes carries its fence, and the log refuses it
 * in the same step as the write once the leadership is over: a process that was paused for longer than its lease does
 * no harm when it wakes.
 *
 * @see https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html - why a lease alone is not enough
 */
import { Clock, Context, Duration, Effect, Layer, Option, Stream, SubscriptionRef } from "effect"
import { randomUUID } from "node:crypto"
import * as CacheConfig from "./CacheConfig.ts"
import { CacheError, Timeout } from "./CacheError.ts"
import { Fence } from "./Fence.ts"
import * as Instruments from "./Instruments.ts"
import { InvalidationLog } from "./InvalidationLog.ts"
import * as Meter from "./Meter.ts"
import type { Position } from "./Position.ts"

/** Whether this process leads. */
export type State =
  | { readonly _tag: "Leading"; readonly fence: Position }
  /** Another process leads. */
  | { readonly _tag: "StandingBy"; readonly leader: string }
  /** The log has not answered, or not for so long that a lease of this process would be over. */
  | { readonly _tag: "Unknown" }

/** How leadership is held. */
export interface Options {
  /** How long it outlasts a leader that died; renewed three times as often. Default: 5 seconds. */
  readonly lease?: Duration.Input | undefined
}

const unknown: State = { _tag: "Unknown" }

/**
 * The leadership of the namespace. The layer stands as a candidate until its scope closes, and then hands over.
 *
 * A leader that dies is followed within two leases. One that stops gives its lease back, and is followed within a third
 * of one.
 *
 * @example
 * ```ts
 * import { CacheManager, Leadership, Warmer } from "@letletme/cache"
 * import { Effect, Schedule } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const leadership = yield* Leadership
 *   const warmer = yield* Warmer
 *   return yield* leadership.whileLeading(Effect.repeat(warmer.warm, Schedule.spaced("1 minute")))
 * })
 * ```
 */
export class Leadership extends Context.Service<
  Leadership,
  {
    /** How this process names itself as a candidate. */
    readonly name: string
    readonly state: Effect.Effect<State>
    /**
     * Whether this process leads at this moment, by its own clock: ask it right before work that nothing else fences,
     * such as asking the source. A process that was paused knows it before its state does.
     */
    readonly isLeading: Effect.Effect<boolean>
    /** The state now and whenever it changes. */
    readonly changes: Stream.Stream<State>
    /**
     * Runs the work whenever this process leads, under its fence, and interrupts it when that ends; it never ends by
     * itself. Work that ends is not begun anew before the next leadership.
     */
    readonly whileLeading: <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<never, E, R>
    /**
     * Gives the lead to another candidate: ends what runs under it, gives the lease back, and stands aside for half a
     * lease. Where there is no other candidate, this one leads again after that. Answers whether it led.
     */
    readonly handOver: Effect.Effect<boolean>
  }
>()("@letletme/cache/Leadership") {
  static readonly layer = (options: Options = {}): Layer.Layer<Leadership, never, InvalidationLog> =>
    Layer.effect(
      this,
      Effect.gen(function* () {
        const log = yield* InvalidationLog
        const clock = yield* Clock.Clock
        const config = yield* CacheConfig.Settings
        const lease = Duration.toMillis(Duration.fromInputUnsafe(options.lease ?? "5 seconds"))
        const beat = lease / 3
        const name = `${config.process}.${randomUUID().slice(0, 8)}`
        const state = yield* SubscriptionRef.make(unknown)
        // By a clock that nobody sets: from when the question was asked, which is before the server counts.
        const now = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
        let until = Number.NEGATIVE_INFINITY
        let asideUntil = Number.NEGATIVE_INFINITY

        const become = (next: State) =>
          SubscriptionRef.updateSome(state, (known) =>
            JSON.stringify(known) === JSON.stringify(next) ? Option.none() : Option.some(next)
          )

        const ask = Effect.fnUntraced(function* (patience: number) {
          const known = yield* SubscriptionRef.get(state)
          const askedAt = now()
          const reason = new Timeout({ operation: "Taking the lead", millis: patience })
          const held = yield* log
            .lead({ holder: name, lease, fence: known._tag === "Leading" ? known.fence : undefined })
            .pipe(
              Effect.timeoutOrElse({
                duration: patience,
                orElse: () => Effect.fail(new CacheError({ reason }))
              })
            )
          if (held.holder !== name) {
            yield* become({ _tag: "StandingBy", leader: held.holder })
            return Math.min(beat, held.left + 1)
          }
          // It was asked before the lead was given up, and answered after.
          if (asideUntil > now()) {
            yield* Effect.ignore(log.resign(held.fence))
            return beat
          }
          until = askedAt + lease
          yield* become({ _tag: "Leading", fence: held.fence })
          return beat
        })

        const campaign = Effect.gen(function* () {
          while (true) {
            const aside = asideUntil - now()
            if (aside > 0) yield* Effect.sleep(aside)
            const left = until - now()
            const isLeading = (yield* SubscriptionRef.get(state))._tag === "Leading"
            if (isLeading && left <= 0) yield* become(unknown)
            const pause = yield* ask(isLeading && left > 0 ? Math.min(beat, left) : beat).pipe(
              Effect.catch((error) =>
                Effect.gen(function* () {
                  yield* Effect.logDebug("Nobody answers who leads", error)
                  const rest = until - now()
                  // Until its end the lease is held, whether the log answers or not.
                  if (rest <= 0) yield* become(unknown)
                  return Math.max(1, Math.min(beat / 4, rest > 0 ? rest : beat))
                })
              )
            )
            yield* Effect.sleep(pause)
          }
        })

        const meter = yield* Meter.make
        meter.observe(Instruments.leader, {}, () => Number(SubscriptionRef.getUnsafe(state)._tag === "Leading"))

        /** The next one need not wait for the lease to run out. */
        const resign = Effect.gen(function* () {
          const last = yield* SubscriptionRef.get(state)
          yield* SubscriptionRef.set(state, unknown)
          if (last._tag !== "Leading") return false
          yield* Effect.ignore(Effect.timeout(log.resign(last.fence), beat))
          return true
        })

        // Last of all, when what it led has ended.
        yield* Effect.addFinalizer(() => resign)
        yield* Effect.forkScoped(campaign)

        return Leadership.of({
          name,
          state: SubscriptionRef.get(state),
          isLeading: Effect.map(SubscriptionRef.get(state), ({ _tag }) => _tag === "Leading" && now() < until),
          changes: SubscriptionRef.changes(state),
          handOver: Effect.suspend(() => {
            asideUntil = now() + lease / 2
            return resign
          }),
          whileLeading: (work) =>
            SubscriptionRef.changes(state).pipe(
              Stream.switchMap((one) =>
                one._tag === "Leading"
                  ? Stream.fromEffect(Effect.asVoid(Effect.provideService(work, Fence, one.fence)))
                  : Stream.empty
              ),
              Stream.runDrain,
              Effect.andThen(Effect.never)
            )
        })
      })
    )
}
