import { assert, describe, it } from "@effect/vitest"
import * as Judge from "@letletme/chaos/Judge"
import { type Kind, kinds } from "@letletme/chaos/Messages"
import { seenOf } from "@letletme/chaos/Model"

const ms = 1_000

/** A judge whose time stands at ten seconds, and two processes that tell. */
const court = () => {
  let time = 10_000 * ms
  const judge = Judge.make({ now: () => time, maxStaleness: 500, margin: 5, readTimeout: 1_500 })
  judge.begin("writer")
  judge.begin("reader")
  const hear = (process: string, numbers: ReadonlyArray<number>, oldest = -1) =>
    judge.hear(process, { _tag: "Reads", clock: time, numbers, oldest, heldBack: 0 })
  /** A read of item 7, as numbers. Times are those of the run. */
  const read = (options: {
    readonly kind: Kind
    readonly at: number
    readonly version: number
    readonly took?: number
    readonly view?: number
    readonly after?: number
    readonly outcome?: number
  }) => {
    const { after = 0, at, kind, outcome = 0, took = 0, version, view = 0 } = options
    const seen = outcome === 0 ? [7, version] : []
    return [kinds.indexOf(kind), 7, at * ms, took * ms, view, after, outcome, seen.length, ...seen]
  }
  return {
    judge,
    read,
    hear,
    setTime: (to: number) => {
      time = to * ms
    },
    /** Item 7 was announced at position 40: version 3 to the writer, 9 seconds into the run. */
    acknowledge: () =>
      judge.acknowledge("writer", {
        _tag: "Acknowledged",
        startedAt: 8_990 * ms,
        at: 9_000 * ms,
        position: 40,
        seen: [7, 3],
        update: 77
      }),
    /** Hears a read of one process, and that the other has nothing to add. */
    tell: (process: string, numbers: ReadonlyArray<number>) => {
      hear(process, numbers)
      hear(process === "writer" ? "reader" : "writer", [])
      return judge.violations().map(({ promise }) => promise)
    }
  }
}

describe("Judge", () => {
  it("a read within the bound may be old; past it, it may not", () => {
    const { acknowledge, judge, read, tell } = court()
    acknowledge()
    assert.deepStrictEqual(tell("reader", read({ kind: "default", at: 9_504, version: 2 })), [])
    assert.strictEqual(judge.byKind.get("default")?.stale, 1)
    assert.strictEqual(judge.byKind.get("default")?.mostLag, 504)
    assert.deepStrictEqual(tell("reader", read({ kind: "default", at: 9_506, version: 2 })), ["3 bounded staleness"])
  })

  it("a strong read may not be old at all, nor one in the process that was told, nor one past its view or its wish", () => {
    for (const [process, kind, promise, where] of [
      ["reader", "strong", "4 strong reads", {}],
      ["writer", "own write", "2 read your writes", {}],
      ["reader", "default", "1 no stale fill", { view: 40 }],
      ["reader", "snapshot", "5 snapshot reads", { view: 41 }],
      ["reader", "after", "10 session reads", { after: 40 }]
    ] as const) {
      const { acknowledge, read, tell } = court()
      acknowledge()
      assert.deepStrictEqual(tell(process, read({ kind, at: 8_999, version: 3, ...where })), [])
      assert.deepStrictEqual(tell(process, read({ kind, at: 9_001, version: 2, ...where })), [promise])
    }
  })

  it("a lenient read may be of any age, and a failed one has seen nothing", () => {
    const { acknowledge, judge, read, tell } = court()
    acknowledge()
    tell("reader", read({ kind: "lenient", at: 9_900, version: 1, view: 41 }))
    assert.deepStrictEqual(tell("reader", read({ kind: "strong", at: 9_900, version: 1, outcome: 2 })), [])
    assert.deepStrictEqual([...(judge.byKind.get("strong")?.unanswered ?? [])], [["Timeout", 1]])
  })

  it("who saw in a snapshot what an update wrote has seen the update", () => {
    const { acknowledge, judge, tell } = court()
    judge.acknowledge("writer", {
      _tag: "Acknowledged",
      startedAt: 0,
      at: 9_000 * ms,
      position: 39,
      seen: [8, 2],
      update: 0
    })
    acknowledge()
    const snapshot = (update: number) => [
      kinds.indexOf("snapshot"),
      7,
      9_001 * ms,
      0,
      30,
      0,
      0,
      4,
      ...seenOf({ seen: [7, 3], update }),
      8,
      1
    ]
    // Item 7 as it was loaded, as an update wrote it that nobody was told of, and as that wrote it which was.
    assert.deepStrictEqual(tell("reader", snapshot(0)), [])
    assert.deepStrictEqual(tell("reader", snapshot(76)), [])
    assert.deepStrictEqual(tell("reader", snapshot(77)), ["5 snapshot reads"])
  })

  it("waits with its judgement until all have told what was acknowledged to them, or are dead", () => {
    for (const inTheEnd of ["tells", "dies"] as const) {
      const { acknowledge, hear, judge, read, setTime } = court()
      setTime(10_001)
      hear("reader", read({ kind: "strong", at: 9_001, version: 2 }))
      assert.strictEqual(judge.count().judged, 0)
      acknowledge()
      if (inTheEnd === "tells") hear("writer", [])
      else judge.end("writer")
      assert.deepStrictEqual(
        judge.violations().map(({ promise }) => promise),
        ["4 strong reads"]
      )
    }
  })

  it("no read takes longer than its time-out, but for the time in which its process stood still", () => {
    const { hear, judge, read, setTime, tell } = court()
    assert.deepStrictEqual(tell("reader", read({ kind: "bounded", at: 5_000, took: 2_501, version: 1 })), [
      "9 progress"
    ])
    setTime(11_000)
    const goesOn = judge.standingStill("reader")
    setTime(13_000)
    goesOn()
    assert.strictEqual(tell("reader", read({ kind: "bounded", at: 10_500, took: 2_600, version: 1 })).length, 1)
    // A read that does not end is told of once.
    setTime(30_000)
    for (const oldest of [21_000, 15_000, 15_000]) hear("writer", [], oldest * ms)
    assert.strictEqual(judge.count().violations, 2)
  })

  it("counts by what was being done, and while Redis was away", () => {
    const { judge, read, setTime, tell } = court()
    const over = judge.during("FLUSHALL")
    const back = judge.away()
    setTime(11_000)
    back()
    setTime(12_000)
    over()
    setTime(13_000)
    tell(
      "reader",
      [9_500, 10_500, 11_500, 12_500].flatMap((at) => read({ kind: "default", at, version: 1 }))
    )
    assert.strictEqual(judge.byFault.get("FLUSHALL")?.asked, 2)
    assert.strictEqual(judge.whileAway.get("default")?.asked, 1)
    assert.strictEqual(judge.count().judged, 4)
  })
})
