/**
 * Many seeds, spread over the cores.
 */
import { Clock, Effect, Ref } from "effect"
import { availableParallelism } from "node:os"
import * as Crew from "./Crew.ts"
import type { Story } from "./Task.ts"

/** What came of many seeds. */
export interface Summary {
  readonly seeds: number
  readonly reads: number
  readonly acknowledged: number
  readonly millis: number
  readonly seedsPerSecond: number
  readonly broken: ReadonlyArray<{ readonly seed: number; readonly promise: string; readonly detail: string }>
  /** The shortest story of the first seed that broke a promise. */
  readonly story: Story | undefined
}

// Seeds that a thread carries out between two reports.
const batch = 20

/** Carries out `count` seeds from `from` on; `onProgress` is told how far they have come. */
export const run = (options: {
  readonly from: number
  readonly count: number
  readonly onProgress: (done: number, broken: number) => Effect.Effect<void>
}) =>
  Effect.gen(function* () {
    const { count, from, onProgress } = options
    const startedAt = yield* Clock.currentTimeMillis
    const threads = Math.min(availableParallelism(), Math.ceil(count / batch))
    const next = yield* Ref.make(from)
    const total = { seeds: 0, reads: 0, acknowledged: 0 }
    const broken: Array<Summary["broken"][number]> = []

    const work = Effect.gen(function* () {
      const thread = yield* Crew.start({ fault: undefined })
      while (true) {
        const first = yield* Ref.getAndUpdate(next, (seed) => seed + batch)
        const size = Math.min(batch, from + count - first)
        if (size <= 0) return
        const ran = yield* thread.run({ _tag: "Run", from: first, count: size, stopsAtFirst: false })
        total.seeds += ran.seeds
        total.reads += ran.reads
        total.acknowledged += ran.acknowledged
        broken.push(...ran.broken)
        yield* onProgress(total.seeds, broken.length)
      }
    }).pipe(Effect.scoped)
    yield* Effect.all(
      Array.from({ length: threads }, () => work),
      { concurrency: "unbounded", discard: true }
    )

    const millis = (yield* Clock.currentTimeMillis) - startedAt
    broken.sort((a, b) => a.seed - b.seed)
    const [first] = broken
    const story =
      first === undefined
        ? undefined
        : yield* Effect.scoped(Effect.flatMap(Crew.start({ fault: undefined }), (thread) => thread.story(first.seed)))
    const summary: Summary = { ...total, millis, seedsPerSecond: (total.seeds * 1000) / millis, broken, story }
    return summary
  })
