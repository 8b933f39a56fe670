/**
 * How much is held: the heap and what hangs on it, after everything else was collected.
 */
import { Effect } from "effect"

export const used: Effect.Effect<number> = Effect.gen(function* () {
  for (let pass = 0; pass < 3; pass++) {
    globalThis.gc?.()
    // What finalizers let go of is collected in the next pass.
    yield* Effect.sleep("20 millis")
  }
  const { arrayBuffers, external, heapUsed } = process.memoryUsage()
  return heapUsed + external + arrayBuffers
})
