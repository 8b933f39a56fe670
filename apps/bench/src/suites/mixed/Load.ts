/**
 * Ten thousand matches, 64 callers; one call of twenty invalidates what it would otherwise read. Popular ones are asked
 * for, and invalidated, more often.
 */
import { Effect } from "effect"
import { stopwatch, type Task } from "../../contest/Contestant.ts"
import { random, zipf } from "../Data.ts"

export const count = 10_000
export const ids = Array.from({ length: count }, (_, id) => id)
export const callers = 64
export const next = zipf(count)
const dice = random(7)
export const invalidates = () => dice() < 0.05

/** The callers of a cache whose calls are promises. */
export const callersOf =
  (read: (id: number) => Promise<unknown>, invalidate: (id: number) => Promise<unknown>): Task =>
  (millis) =>
    Effect.promise(async () => {
      const until = performance.now() + millis
      const stop = stopwatch()
      let operations = 0
      const caller = async () => {
        while (performance.now() < until) {
          const id = next()
          await (invalidates() ? invalidate(id) : read(id))
          operations++
        }
      }
      await Promise.all(Array.from({ length: callers }, caller))
      return stop(operations)
    })
