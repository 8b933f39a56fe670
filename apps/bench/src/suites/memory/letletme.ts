/**
 * The task "store" puts that many matches into Redis; "read" reads them into memory and answers the bytes of each;
 * "marks" invalidates that many tags and answers the bytes that each mark takes in the view.
 */
import { Tag } from "@letletme/cache"
import { Effect } from "effect"
import { main, stopwatch } from "../../contest/Contestant.ts"
import { open } from "../Ours.ts"
import { used } from "./Heap.ts"

const inChunks = (count: number, size: number) =>
  Array.from({ length: Math.ceil(count / size) }, (_, chunk) =>
    Array.from({ length: Math.min(size, count - chunk * size) }, (_, index) => chunk * size + index)
  )

main(
  Effect.fnUntraced(function* (port) {
    const writer = yield* open(port, { nearEntries: 1 })
    return {
      store: (count) =>
        Effect.gen(function* () {
          const stop = stopwatch()
          for (const ids of inChunks(count, 1_000)) yield* writer.matches.getMany(ids)
          return stop(count)
        }),
      read: (count) =>
        Effect.scoped(
          Effect.gen(function* () {
            // What a process makes once is there already; the slots of the near cache belong to the entries.
            yield* writer.matches.getMany([0, 1])
            const before = yield* used
            const stop = stopwatch()
            const { matches } = yield* open(port, { nearEntries: count, nearBytes: 2 ** 33 })
            for (const ids of inChunks(count, 1_000)) yield* matches.getMany(ids)
            return stop(count, { bytesEach: ((yield* used) - before) / count })
          })
        ),
      marks: (count) =>
        Effect.gen(function* () {
          // Nobody else's marks are in this namespace.
          const { live, manager } = yield* open(port, { namespace: `marks-${process.pid}`, nearEntries: 1 })
          yield* manager.invalidate({ primary: Tag.of("warm", "up") })
          const before = yield* used
          const stop = stopwatch()
          for (const ids of inChunks(count, 1_000)) {
            yield* manager.invalidate(ids.map((id) => ({ primary: Tag.of("player", "2030-31", `${id}`) })))
          }
          const after = yield* used
          return stop(count, { bytesEach: (after - before) / (live.view.size - 1), marks: live.view.size })
        }).pipe(Effect.scoped)
    }
  })
)
