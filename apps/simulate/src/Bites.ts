/**
 * Whether the checker bites: each fault has to be caught.
 */
import { Effect } from "effect"
import { availableParallelism } from "node:os"
import * as Crew from "./Crew.ts"
import type { Fault } from "./Fault.ts"

/** What became of a fault. */
export interface Bite {
  readonly name: string
  readonly mistake: string
  /** How many seeds it took, or `undefined` if none caught it. */
  readonly seeds: number | undefined
  /** The seed that caught it, and the promise that it broke. */
  readonly seed: number | undefined
  readonly promise: string | undefined
}

/** Runs the seeds from `from` on against every fault, until it is caught or `count` seeds have not caught it. */
export const run = (options: {
  readonly from: number
  readonly count: number
  readonly faults: ReadonlyArray<Fault>
  readonly onProgress: (done: number, missed: number) => Effect.Effect<void>
}) => {
  const { count, faults, from, onProgress } = options
  let done = 0
  let missed = 0
  return Effect.forEach(
    faults,
    Effect.fnUntraced(function* ({ mistake, name }) {
      const thread = yield* Crew.start({ fault: name })
      const { broken, seeds } = yield* thread.run({ _tag: "Run", from, count, stopsAtFirst: true })
      const [first] = broken
      done++
      if (first === undefined) missed++
      yield* onProgress(done, missed)
      const bite: Bite = {
        name,
        mistake,
        seeds: first === undefined ? undefined : seeds,
        seed: first?.seed,
        promise: first?.promise
      }
      return bite
    }, Effect.scoped),
    { concurrency: availableParallelism() }
  )
}
