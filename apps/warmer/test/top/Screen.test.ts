import { assert, describe, it } from "@effect/vitest"
import type { LogEntry } from "@letletme/warmer/live/LogEntry"
import { lines, type State } from "@letletme/warmer/top/Screen"
import { CliOutput } from "effect/cli"
import { overview } from "./overview.ts"

const entry = (position: number): LogEntry => ({
  position,
  at: 1_000,
  cause: "update",
  by: "w1",
  tags: ["match:2030-31:17", "match:event:2030-31:28:*"],
  more: 3,
  domains: ["match"]
})

const state = (changes: Partial<State> = {}): State => ({
  now: overview(10_000, 90),
  before: undefined,
  log: [],
  progress: "",
  trouble: "",
  ...changes
})

const plain = { columns: 80, rows: 24, canColor: false }

describe("the screen of top", () => {
  it("has rates since the process began, and then since the overview before", () => {
    const first = lines(state(), plain).join("\n")
    assert.match(first, /^match +90\.9 +9\.0 +1\.0 +1\.0 +1\.0 +4\.0 +38 +12\.1 KiB$/m)
    assert.match(first, /^standing +100\.0 +0 +1\.0/m)
    const next = lines(state({ now: overview(11_000, 290), before: overview(10_000, 90) }), plain).join("\n")
    assert.match(next, /^match +100\.0 +200 +0 +0 +0 +– /m)
    assert.match(next, /^standing +– +0 +0/m)
  })

  it("tells health with its reasons, lag, memory, hottest keys, progress and the end of the log", () => {
    const now = {
      ...overview(10_000, 90),
      health: { status: "degraded", reasons: ["The log does not answer."] }
    } as const
    const text = lines(
      state({ now, log: [1, 2, 3].map(entry), progress: "warm: 50 of 575 entries, at matches", trouble: "No answer." }),
      { ...plain, rows: 40 }
    ).join("\n")
    assert.match(text, /^w1\.3f0c9a52 {3}2030-31 {3}leading {3}up 10 s/)
    assert.match(text, /^health degraded {3}source 2 s ago/m)
    assert.include(text, "\n! The log does not answer.\n! No answer.\n")
    assert.match(text, /^log at 1795449461212752 {3}lag 3 {3}712 tags {3}trusted$/m)
    assert.match(text, /^memory 124 MiB {3}heap 38\.1 MiB {3}Redis 2\.9 MiB of 256 MiB$/m)
    assert.match(text, /^ +42\.3 {2}standing:2030-31:overall$/m)
    assert.include(text, "\nwarm: 50 of 575 entries, at matches\n")
    assert.match(text, /^00:00:01 {2}3 {2}update by w1: match:2030-31:17 match:event:2030-31:28:\* and 3 more$/m)
  })

  it("fits every size: no line is wider, there are no more than rows, and what matters most stays", () => {
    const full = state({ log: Array.from({ length: 100 }, (_, index) => entry(index)) })
    for (const columns of [20, 40, 80, 200]) {
      for (const rows of [1, 5, 12, 24, 60]) {
        const drawn = lines(full, { columns, rows, canColor: true })
        assert.isAtMost(drawn.length, rows)
        for (const line of drawn) assert.isAtMost(CliOutput.displayWidth(line), columns)
        assert.isTrue(drawn[0]?.startsWith("\u001b[1mw1.3f0c9a52"))
      }
    }
    assert.strictEqual(lines(full, plain).length, 24)
    assert.match(lines(full, plain).at(-1) ?? "", /^00:00:01 {2}99 {2}/)
  })

  it("is coloured only where it may be", () => {
    const now = { ...overview(10_000, 90), health: { status: "degraded", reasons: ["Why."] } } as const
    assert.notInclude(lines(state({ now }), plain).join("\n"), "\u001b")
    assert.include(lines(state({ now }), { ...plain, canColor: true }).join("\n"), "\u001b[31m! Why.\u001b[0m")
  })
})
