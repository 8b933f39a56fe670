/**
 * A large cache: a million entries, a hundred thousand marks, sixteen processes that follow a thousand appends a second.
 */
import { RedisServer } from "@letletme/testing"
import { Effect, Fiber } from "effect"
import { Scales, start } from "../contest/Contest.ts"
import type { Sample } from "../contest/Contestant.ts"
import { type Findings, type Row, rowOf } from "../contest/Findings.ts"
import { info } from "../contest/Server.ts"

export const scale = Effect.gen(function* () {
  const { isQuick } = yield* Scales
  const { port } = yield* RedisServer
  const [entries, marks, processes, appends] = isQuick ? [20_000, 10_000, 3, 1_000] : [1_000_000, 100_000, 16, 10_000]
  const writer = yield* start({ name: "writer", module: "scale/writer" }, port)
  const filled = yield* writer.run("fill", entries)
  const bytes = Number(yield* info("used_memory"))
  yield* writer.run("mark", marks)
  const followers = yield* Effect.forEach(
    Array.from({ length: processes }, (_, index) => `follower ${index + 1}`),
    (name) => start({ name, module: "scale/follower" }, port)
  )
  const bootstraps = yield* Effect.forEach(followers, (follower) => follower.run("bootstrap", 0))
  const listening = yield* Effect.forkChild(
    Effect.forEach(followers, (follower) => follower.run("listen", appends), { concurrency: "unbounded" })
  )
  yield* Effect.sleep("500 millis")
  const appended = yield* writer.run("append", appends)
  const heard = yield* Fiber.join(listening)
  const values = (samples: ReadonlyArray<Sample>, name: string) =>
    samples.map((sample) => sample.values[name] ?? Number.NaN)
  const rows: ReadonlyArray<Row> = [
    rowOf(`filling ${entries.toLocaleString("en")} entries`, "µs/entry", [filled.wallMicros / filled.operations]),
    rowOf("Redis' memory with them", "MiB", [bytes / 2 ** 20]),
    rowOf(`bootstrap of a view of ${marks.toLocaleString("en")} marks`, "ms", values(bootstraps, "millis")),
    rowOf("appends", "a second", [(appended.operations / appended.wallMicros) * 1e6]),
    rowOf("appends without an answer in time", "of all", [appended.values["failed"] ?? 0]),
    rowOf(
      `applied by each of ${processes} processes`,
      "appends",
      heard.map(({ operations }) => operations)
    ),
    rowOf("from append to applied elsewhere, median", "ms", values(heard, "p50")),
    rowOf("from append to applied elsewhere, 99 of 100", "ms", values(heard, "p99")),
    rowOf("from append to applied elsewhere, longest", "ms", values(heard, "max"))
  ]
  const findings: Findings = {
    suite: "scale",
    rounds: 1,
    rows,
    ratios: [
      { ...rowOf("scale.bootstrapMillis", "ms", values(bootstraps, "millis")), bar: undefined },
      { ...rowOf("scale.appliedP99Millis", "ms, over the processes", values(heard, "p99")), bar: undefined },
      {
        ...rowOf("scale.missed", "appends that a process did not apply", [
          // What had no answer in time may have been appended all the same.
          Math.max(
            0,
            ...heard.map(({ operations }) => appended.operations - (appended.values["failed"] ?? 0) - operations)
          )
        ]),
        bar: { atMost: 0 }
      }
    ]
  }
  return findings
})
