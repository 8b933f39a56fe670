/**
 * From bytes to a value.
 */
import { Effect } from "effect"
import { type Contestant, run } from "../contest/Contest.ts"
import { compare, type Findings, rowsOf } from "../contest/Findings.ts"

const contestants: ReadonlyArray<Contestant> = [
  { name: "LetLetMe", module: "decode/letletme" },
  { name: "JSON.parse", module: "decode/json" },
  { name: "At rest", module: "decode/atRest" }
]

const forms = ["plain", "compressed", "encrypted", "compressed and encrypted"] as const

export const decode = Effect.gen(function* () {
  const rounds = yield* run(contestants, [
    { task: "decode", contestants: ["LetLetMe", "JSON.parse"] },
    { task: "decode by schema", contestants: ["JSON.parse"] },
    ...forms.flatMap((form) =>
      ["encode", "decode"].map((way) => ({ task: `${way} ${form}`, contestants: ["At rest"] }))
    )
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
