/**
 * Reads and invalidations in one process: 95 to 5, by Zipf's law, memory before Redis.
 */
import { Effect } from "effect"
import { type Contestant, run } from "../contest/Contest.ts"
import { compare, type Findings, rowsOf } from "../contest/Findings.ts"

const contestants: ReadonlyArray<Contestant> = [
  { name: "LetLetMe", module: "mixed/letletme" },
  { name: "bentocache", module: "mixed/bentocache" },
  { name: "cacheable", module: "mixed/cacheable", isExtra: true }
]

export const mixed = Effect.gen(function* () {
  const rounds = yield* run(contestants, [{ task: "mixed", contestants: contestants.map(({ name }) => name) }])
  const findings: Findings = {
    suite: "mixed",
    rounds: rounds.length,
    rows: rowsOf(rounds),
    ratios: [
      ...compare(rounds, "mixed.bentocache", ["LetLetMe", "mixed"], [["bentocache", "mixed"]]),
      ...compare(rounds, "mixed.cacheable", ["LetLetMe", "mixed"], [["cacheable", "mixed"]])
    ]
  }
  return findings
})
