/**
 * Invalidating what a thousand, and what a million entries depend on; and what is kept for 48 hours of it.
 */
import { RedisServer } from "@letletme/testing"
import { Effect } from "effect"
import { Scales, start } from "../contest/Contest.ts"
import type { Sample } from "../contest/Contestant.ts"
import { type Findings, type Row, rowOf } from "../contest/Findings.ts"
import { info } from "../contest/Server.ts"

// A sync every ten seconds.
const appendsIn48Hours = (48 * 3_600) / 10

const micros = ({ operations, wallMicros }: Sample) => wallMicros / operations

const name = (size: number) => size.toLocaleString("en")

export const invalidate = Effect.gen(function* () {
  const { isQuick, rounds } = yield* Scales
  const { port } = yield* RedisServer
  const sizes = isQuick ? [1_000, 10_000] : [1_000, 10_000, 100_000, 1_000_000]
  const smallest = sizes[0] ?? 0
  const largest = sizes[sizes.length - 1] ?? 0
  const ours = yield* start({ name: "LetLetMe", module: "invalidate/letletme" }, port)
  const bento = yield* start({ name: "bentocache", module: "invalidate/bentocache" }, port)

  const rows: Array<Row> = []
  for (const size of sizes) {
    rows.push(rowOf(`LetLetMe · filling ${name(size)}`, "µs/entry", [micros(yield* ours.run("fill", size))]))
  }
  for (const size of isQuick ? [] : sizes) {
    rows.push(rowOf(`bentocache · filling ${name(size)}`, "µs/entry", [micros(yield* bento.run("fill", size))]))
  }

  const byPeer = (isQuick ? [ours] : [ours, bento]).map((running) => ({
    running,
    found: sizes.map((size) => ({ size, times: Array<number>() }))
  }))
  for (let round = -1; round < rounds; round++) {
    for (const { found, running } of byPeer) {
      // Up in one round and down in the next: nothing that grows with time falls on the largest alone.
      for (const { size, times } of round % 2 === 0 ? found : found.toReversed()) {
        const sample = yield* running.run("invalidate", size)
        if (round >= 0) times.push(micros(sample))
      }
    }
    yield* Effect.logInfo(`Round ${round + 1} of ${rounds}`)
  }
  for (const { found, running } of byPeer) {
    for (const { size, times } of found) {
      rows.push(rowOf(`${running.name} · ${name(size)} dependents`, "µs/invalidation", times))
    }
  }
  // It deletes every dependent: a million would take minutes a round.
  const dedupe = yield* start({ name: "async-cache-dedupe", module: "invalidate/asyncCacheDedupe" }, port)
  for (const size of isQuick ? [] : sizes.filter((one) => one <= 100_000)) {
    const times: Array<number> = []
    for (let round = 0; round < Math.min(rounds, 3); round++) times.push(micros(yield* dedupe.run("invalidate", size)))
    rows.push(rowOf(`async-cache-dedupe · ${name(size)} dependents`, "µs/invalidation", times))
  }

  const timesOf = (size: number) => byPeer[0]?.found.find((one) => one.size === size)?.times ?? []
  const small = timesOf(smallest)
  const flatness = timesOf(largest).map((time, round) => time / (small[round] ?? Number.NaN))
  const checked = yield* Effect.forEach(sizes, (size) => ours.run("check", size))
  const stale = checked.reduce((sum, { values }) => sum + (values["stale"] ?? 0), 0)

  // Entries that such a cache holds. Every one of them is as likely to change as any other, which is the worst case: what
  // changes again and again has one mark.
  const held = isQuick ? 10_000 : 1_000_000
  const dataset = Effect.map(info("used_memory_dataset"), Number)
  const before = yield* dataset
  yield* ours.run("season", held)
  const seasonBytes = (yield* dataset) - before
  const { operations, values, wallMicros } = yield* ours.run("churn", isQuick ? 2_000 : appendsIn48Hours)
  const bookkeeping = (values["tableBytes"] ?? 0) + (values["logBytes"] ?? 0)
  rows.push(
    rowOf("LetLetMe · first and last of each group, stale in the store", `of ${2 * sizes.length}`, [stale]),
    rowOf("LetLetMe · table after the churn", "bytes", [values["tableBytes"] ?? 0]),
    rowOf("LetLetMe · log after the churn", "bytes", [values["logBytes"] ?? 0]),
    rowOf("LetLetMe · appends of the churn", "µs/append, 16 at once", [wallMicros / operations])
  )
  const findings: Findings = {
    suite: "invalidate",
    rounds,
    rows,
    ratios: [
      {
        ...rowOf("invalidate.flatness", `time of ${name(largest)} ÷ time of ${name(smallest)} dependents`, flatness),
        bar: { atMost: 1.5 }
      },
      {
        ...rowOf("invalidate.bookkeepingShare", `table and log after 48 h ÷ data of ${name(held)} matches`, [
          bookkeeping / seasonBytes
        ]),
        // Of ten thousand it says nothing: the log is as long for a small cache.
        bar: isQuick ? undefined : { atMost: 0.01 }
      }
    ]
  }
  return findings
})
