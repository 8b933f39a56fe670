/**
 * From bytes to a value.
 */
import { Effect } from "effect"
import { type Contestant, run } from "../contest/Contest.ts"
import { compare, type Findings, rowsOf } from "../contest/Findings.ts"

const contestants: ReadonlyArray<Contestant> = [
  { name: "LetLetMe", module: "decode/letletme" },
  { name: "JSON.parse", module: "decode/json" }
]

export const decode = Effect.gen(function* () {
  const rounds = yield* run(contestants, [
    { task: "decode", contestants: ["LetLetMe", "JSON.parse"] },
    { task: "decode by schema", contestants: ["JSON.parse"] }
  ])
  const findings: Findings = {
    suite: "decode",
    rounds: rounds.length,
    rows: rowsOf(rounds),
    ratios: [
      ...compare(rounds, "decode.jsonParse", ["LetLetMe", "decode"], [["JSON.parse", "decode"]]),
      ...compare(rounds, "decode.schema", ["LetLetMe", "decode"], [["JSON.parse", "decode by schema"]])
    ]
  }
  return findings
})
