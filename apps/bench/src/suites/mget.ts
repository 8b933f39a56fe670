/**
 * Many values of Redis in one call.
 */
import { Effect } from "effect"
import { type Contestant, run } from "../contest/Contest.ts"
import { compare, type Findings, rowsOf } from "../contest/Findings.ts"
import { sizes } from "./mget/Sizes.ts"

const contestants: ReadonlyArray<Contestant> = [
  { name: "LetLetMe", module: "mget/letletme" },
  { name: "ioredis", module: "mget/ioredis" }
]

export const mget = Effect.gen(function* () {
  const rounds = yield* run(
    contestants,
    sizes.map((size) => ({ task: `${size} keys`, contestants: contestants.map(({ name }) => name) }))
  )
  const findings: Findings = {
    suite: "mget",
    rounds: rounds.length,
    rows: rowsOf(rounds),
    ratios: sizes.flatMap((size) =>
      compare(
        rounds,
        `mget.k${size}.ioredisMget`,
        ["LetLetMe", `${size} keys`],
        [["ioredis", `${size} keys`]],
        size === 1_000 ? { atLeast: 0.8 } : undefined
      )
    )
  }
  return findings
})
