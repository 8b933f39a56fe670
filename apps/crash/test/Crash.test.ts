import { assert, describe, it } from "@effect/vitest"
import * as Report from "@letletme/crash/Report"
import * as Run from "@letletme/crash/Run"
import { Effect } from "effect"

const run = (settings: Pick<Run.Settings, "rounds" | "database" | "mistake">) =>
  Effect.scoped(
    Effect.map(
      Run.run({ ...settings, seed: 1 }, () => Effect.void),
      Report.make
    )
  )

describe("a short run", () => {
  it.live(
    "loses nothing, tells nothing twice, and leaves nothing stale",
    () =>
      Effect.gen(function* () {
        const report = yield* run({ rounds: 4, database: "postgres", mistake: "none" })
        assert.deepStrictEqual(report.firstProblems, [])
        assert.isAtLeast(report.total.kills, 4)
        assert.isAbove(report.operations.acknowledged, 0)
        // Of so few kills not each comes between a commit and its announcement.
        assert.isAbove(report.total.leftBehind, 0)
        assert.isAbove(report.cached, 100)
        assert.include(Report.toText(report), "No update was lost")
      }),
    120_000
  )

  it.live(
    "finds a relay that sees nothing, over the embedded database",
    () =>
      Effect.gen(function* () {
        const report = yield* run({ rounds: 1, database: "embedded", mistake: "relay" })
        const problems = report.firstProblems.join("\n")
        assert.include(problems, "announcements are pending still")
        assert.include(problems, "is committed, and was never told")
        assert.match(problems, /\(relay\): \w+ \{.*\} is \{.*, not \{/)
      }),
    120_000
  )
})
