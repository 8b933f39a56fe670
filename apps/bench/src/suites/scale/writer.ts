/**
 * Fills the store, marks tags, and appends at a steady rate: each append says when it was made.
 */
import { Tag } from "@letletme/cache"
import { Effect } from "effect"
import { main, stopwatch } from "../../contest/Contestant.ts"
import { open } from "../Ours.ts"

// Marks must not be compacted away while they are counted.
const settings = { nearEntries: 1, maxTags: 1_000_000 }

const from = (start: number, size: number, end: number) =>
  Array.from({ length: Math.min(size, end - start) }, (_, index) => start + index)

main(
  Effect.fnUntraced(function* (port) {
    const { manager, matches } = yield* open(port, settings)
    const now = () => performance.timeOrigin + performance.now()
    return {
      fill: (count) =>
        Effect.gen(function* () {
          const stop = stopwatch()
          for (let start = 0; start < count; start += 1_000) yield* matches.getMany(from(start, 1_000, count))
          return stop(count)
        }),
      mark: (count) =>
        Effect.gen(function* () {
          const stop = stopwatch()
          for (let start = 0; start < count; start += 1_000) {
            yield* manager.invalidate(
              from(start, 1_000, count).map((id) => ({ primary: Tag.of("player", "2030-31", `${id}`) }))
            )
          }
          return stop(count)
        }),
      /** That many appends, one due every millisecond; at most 64 are under way, so a slow machine makes fewer a second. */
      append: (count) =>
        Effect.gen(function* () {
          const stop = stopwatch()
          const startedAt = performance.now()
          let failed = 0
          const append = (index: number) =>
            Effect.gen(function* () {
              const early = index - (performance.now() - startedAt)
              if (early > 0) yield* Effect.sleep(early)
              yield* Effect.catch(
                manager.invalidate({ primary: Tag.of("clock", `${index % 1_000}`) }, { cause: `at ${now()}` }),
                () =>
                  Effect.sync(() => {
                    failed++
                  })
              )
            })
          yield* Effect.forEach(
            Array.from({ length: count }, (_, index) => index),
            append,
            { concurrency: 64, discard: true }
          )
          return stop(count, { failed })
        })
    }
  })
)
