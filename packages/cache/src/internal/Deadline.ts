/**
 * A bound on how long each of many calls may take, without a timer or an error for each.
 */
import { Clock, Effect, Fiber, FiberSet, type Scope } from "effect"

interface Call {
  readonly until: bigint
  readonly expire: () => void
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
        const fiber = run(effect)
        const call: Call = {
          until: clock.monotonicTimeNanosUnsafe() + length,
          expire: () => {
            calls.delete(call)
            resume(Effect.suspend(() => Effect.fail(late(name))))
            fiber.interruptUnsafe()
          }
        }
        calls.add(call)
        fiber.addObserver((exit) => {
          calls.delete(call)
          resume(exit)
        })
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
