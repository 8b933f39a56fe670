/**
 * How long an effect takes, by a clock that nobody sets.
 */
import { type Clock, Effect } from "effect"

/** Runs the effect, and records how many seconds it took, however it ended. */
export const timed = <A, E, R>(
  clock: Clock.Clock,
  effect: Effect.Effect<A, E, R>,
  record: (seconds: number) => void
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const startedAt = clock.monotonicTimeNanosUnsafe()
    return Effect.onExit(effect, () => {
      record(Number(clock.monotonicTimeNanosUnsafe() - startedAt) / 1e9)
      return Effect.void
    })
  })
