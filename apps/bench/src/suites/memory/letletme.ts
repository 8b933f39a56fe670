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
    const { live, manager, matches } = yield* open(port, { nearEntries: 1_000_000, nearBytes: 2 ** 33 })
    return {
      store: (count) =>
        Effect.gen(function* () {
          const stop = stopwatch()
          for (const ids of inChunks(count, 1_000)) yield* writer.matches.getMany(ids)
          return stop(count)
        }),
      read: (count) =>
        Effect.gen(function* () {
          // Everything that is made once is made before.
          yield* matches.getMany([count, count + 1])
          const before = yield* used
          const stop = stopwatch()
          for (const ids of inChunks(count, 1_000)) yield* matches.getMany(ids)
          return stop(count, { bytesEach: ((yield* used) - before) / count })
        }),
      marks: (count) =>
        Effect.gen(function* () {
          yield* manager.invalidate({ primary: Tag.of("warm", "up") })
          const before = yield* used
          const stop = stopwatch()
          for (const ids of inChunks(count, 1_000)) {
            yield* manager.invalidate(ids.map((id) => ({ primary: Tag.of("player", "2030-31", `${id}`) })))
          }
          const after = yield* used
          return stop(count, { bytesEach: (after - before) / live.view.size, marks: live.view.size })
        })
    }
  })
)
