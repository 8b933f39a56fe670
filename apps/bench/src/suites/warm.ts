/**
 * Filling an empty cache.
 */
import { Effect } from "effect"
import { type Contestant, run, Scales } from "../contest/Contest.ts"
import { compare, type Findings, rowsOf } from "../contest/Findings.ts"

const contestants: ReadonlyArray<Contestant> = [
  { name: "LetLetMe", module: "warm/letletme" },
  { name: "SET, 4 × 200", module: "warm/ioredis", args: ["200", "4"] },
  { name: "SET, 1 × 1,000", module: "warm/ioredis", args: ["1000", "1"], isExtra: true }
]

export const warm = Effect.gen(function* () {
  const { isQuick } = yield* Scales
  const tasks = isQuick ? ["10,000 entries"] : ["10,000 entries", "100,000 entries"]
  const rounds = yield* run(
    contestants,
    tasks.map((task) => ({ task, contestants: contestants.map(({ name }) => name) }))
  )
  const largest = tasks[tasks.length - 1]
  const findings: Findings = {
    suite: "warm",
    rounds: rounds.length,
    rows: rowsOf(rounds),
    ratios: tasks.flatMap((task) =>
      compare(
        rounds,
        task === largest ? "warm.pipelinedSet" : "warm.pipelinedSet.10k",
        ["LetLetMe", task],
        contestants
          .filter(({ isExtra = false, name }) => name !== "LetLetMe" && !(isQuick && isExtra))
          .map(({ name }) => [name, task] as const),
        task === largest ? { atLeast: 0.6 } : undefined
      )
    )
  }
  return findings
})
