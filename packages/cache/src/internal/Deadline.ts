/**
 * A bound on how long each of many calls may take, without a timer or an error for each.
 */
import { Clock, Effect, Fiber, FiberSet, type Scope } from "effect"
import { settled } from "./settled.ts"

/**
 * A class, for the sake of the garbage collector: V8 makes a function that is the value of a field in the old generation,
 * and all that it could reach lives on with it, here the whole answer.
 */
class Call {
  readonly until: bigint
  private readonly late: () => void

  constructor(until: bigint, late: () => void) {
    this.until = until
    this.late = late
  }

  expire(): void {
    this.late()
  }
}

/**
 * Makes `inTime(name, call)`: the call, interrupted if it takes longer than `patience` milliseconds, and failed with
 * what `late` makes of its name. All wait equally long, so that they run out in the order in which they began: one fiber
 * watches the first of them.
 */
export const make = <E>(
  patience: number,
  late: (name: string) => E
): Effect.Effect<<A, E2>(name: string, call: Effect.Effect<A, E2>) => Effect.Effect<A, E | E2>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const run = yield* FiberSet.makeRuntime()
    const length = BigInt(Math.ceil(patience * 1e6))
    const calls = new Set<Call>()
    let isWatched = false

    const watch: Effect.Effect<void> = Effect.suspend(() => {
      const [first] = calls
      if (first === undefined) {
        isWatched = false
        return Effect.void
      }
      const left = Number(first.until - clock.monotonicTimeNanosUnsafe()) / 1e6
      // Once more round the event loop: an answer that came while the process was busy is an answer.
      return Effect.sleep(Math.max(0, left)).pipe(
        Effect.andThen(Effect.yieldNow),
        Effect.andThen(
          Effect.sync(() => {
            const now = clock.monotonicTimeNanosUnsafe()
            for (const call of calls) {
              if (call.until > now) break
              call.expire()
            }
          })
        ),
        Effect.andThen(watch)
      )
    })

    return <A, E2>(name: string, effect: Effect.Effect<A, E2>) =>
      Effect.callback<A, E | E2>((resume) => {
        const call = new Call(clock.monotonicTimeNanosUnsafe() + length, () => {
          calls.delete(call)
          resume(Effect.suspend(() => Effect.fail(late(name))))
          fiber.interruptUnsafe()
        })
        calls.add(call)
        const fiber = run(
          settled(effect, (exit) => {
            calls.delete(call)
            resume(exit)
          })
        )
        if (!isWatched) {
          isWatched = true
          run(watch)
        }
        return Effect.suspend(() => {
          calls.delete(call)
          return Effect.asVoid(Fiber.interrupt(fiber))
        })
      })
  })
