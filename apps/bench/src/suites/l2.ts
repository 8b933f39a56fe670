/**
 * Hits in Redis by 1, 64 and 512 callers of one process, all values alike and by Zipf's law.
 */
import { Effect } from "effect"
import { type Contestant, run } from "../contest/Contest.ts"
import { compare, type Findings, rowsOf } from "../contest/Findings.ts"
import { callers, drawNames, taskOf } from "./l2/Callers.ts"

const contestants: ReadonlyArray<Contestant> = [
  { name: "LetLetMe", module: "l2/letletme" },
  { name: "ioredis", module: "l2/ioredis" },
  { name: "ioredis, auto-pipelined", module: "l2/ioredis", args: ["auto"] },
  { name: "bentocache", module: "l2/bentocache", isExtra: true }
]

export const l2 = Effect.gen(function* () {
  const rounds = yield* run(
    contestants,
    callers.flatMap((calling) =>
      drawNames.map((draw) => ({ task: taskOf(calling, draw), contestants: contestants.map(({ name }) => name) }))
    )
  )
  const against = (name: string, calling: number, others: ReadonlyArray<string>, atLeast?: number) =>
    drawNames.flatMap((draw) => {
      const task = taskOf(calling, draw)
      return compare(
        rounds,
        // The figure without a word is that of the harder draw for a client: no key is asked for twice at once.
        draw === "uniform" ? name : `${name}.${draw}`,
        ["LetLetMe", task],
        others.map((other) => [other, task]),
        atLeast === undefined ? undefined : { atLeast }
      )
    })
  const best = ["ioredis", "ioredis, auto-pipelined"]
  const findings: Findings = {
    suite: "l2",
    rounds: rounds.length,
    rows: rowsOf(rounds),
    ratios: [
      ...against("l2.c1.ioredisGet", 1, ["ioredis"], 0.9),
      ...against("l2.c64.ioredisBest", 64, best, 1.4),
      ...against("l2.c512.ioredisBest", 512, best, 1.4),
      ...callers.flatMap((calling) => against(`l2.c${calling}.bentocache`, calling, ["bentocache"]))
    ]
  }
  return findings
})
