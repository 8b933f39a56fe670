/**
 * What a run found, as a document and as tables.
 */
import type { Tally } from "./Judge.ts"
import type { Kind } from "./Messages.ts"
import { margin, maxAtOnce, maxStaleness, type Outcome, readTimeout } from "./Run.ts"

const millis = (value: number): number => Math.round(value * 10) / 10

/** The share that was answered, in percent. */
const share = ({ answered, asked }: Pick<Tally, "answered" | "asked">): number =>
  asked === 0 ? 100 : Math.floor((answered / asked) * 100_000) / 1_000

const summary = (tally: Tally) => ({
  reads: tally.asked,
  answeredPercent: share(tally),
  unanswered: Object.fromEntries(tally.unanswered),
  p50: millis(tally.took.quantile(0.5)),
  p99: millis(tally.took.quantile(0.99)),
  stale: tally.stale,
  mostLag: millis(tally.mostLag)
})

/** Reads that wait for a position cannot be answered without the log, and say so: they are not counted. */
const whileAway = (byKind: ReadonlyMap<Kind, Tally>) => {
  const tallies = [...byKind].filter(([kind]) => kind !== "after")
  const sum = (of: (tally: Tally) => number) => tallies.reduce((total, [, tally]) => total + of(tally), 0)
  return {
    reads: sum(({ asked }) => asked),
    answeredPercent: share({ answered: sum(({ answered }) => answered), asked: sum(({ asked }) => asked) }),
    byKind: Object.fromEntries(Array.from(byKind, ([kind, tally]) => [kind, summary(tally)]))
  }
}

/** The document of a run. Times are milliseconds. */
export const make = (outcome: Outcome) => {
  const { converged, judge, settings } = outcome
  const { acknowledged, heldBack, judged, violations } = judge.count()
  return {
    topology: settings.topology,
    seed: settings.seed,
    seconds: Math.round(outcome.seconds),
    processes: settings.writers + settings.readers,
    bounds: { maxStaleness, margin, readTimeout, lookupsAtOnce: maxAtOnce },
    reads: judged,
    readsPerSecond: Math.round(judged / Math.max(1, outcome.seconds)),
    heldBack,
    acknowledged,
    lookups: outcome.lookups,
    lookupsAtOnce: outcome.mostAtOnce,
    evicted: outcome.evicted,
    violations,
    firstViolations: judge.violations(),
    faults: Object.fromEntries(
      Array.from(judge.byFault, ([name, tally]) => {
        const times = converged.get(name) ?? []
        return [
          name,
          { count: times.length, ...summary(tally), convergedWithin: millis(Math.max(0, ...times)) }
        ] as const
      })
    ),
    kinds: Object.fromEntries(Array.from(judge.byKind, ([kind, tally]) => [kind, summary(tally)])),
    whileRedisIsAway: whileAway(judge.whileAway)
  }
}

export type Report = ReturnType<typeof make>

const columns = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string | number>>): string => {
  const texts = rows.map((row) => row.map(String))
  const widths = head.map((name, column) => Math.max(name.length, ...texts.map((row) => row[column]?.length ?? 0)))
  const isNumeric = head.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === "number"))
  const line = (cells: ReadonlyArray<string>) =>
    cells
      .map((cell, column) =>
        isNumeric[column] === true ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)
      )
      .join("  ")
      .trimEnd()
  return [line(head), line(widths.map((width) => "─".repeat(width))), ...texts.map(line)].join("\n")
}

type Summary = Report["kinds"][string]

const cells = ({ answeredPercent, mostLag, p50, p99, reads, stale }: Summary) => [
  reads,
  answeredPercent,
  p50,
  p99,
  stale,
  mostLag
]
const head = ["reads", "answered %", "p50 ms", "p99 ms", "stale", "oldest ms"]

/** The tables of a run, for a person. */
export const toText = (report: Report): string => {
  const { faults, kinds, whileRedisIsAway } = report
  return [
    columns(
      ["fault", "times", ...head, "all well ms"],
      Object.entries(faults).map(([name, fault]) => [name, fault.count, ...cells(fault), fault.convergedWithin])
    ),
    "",
    columns(
      ["kind of read", ...head],
      Object.entries(kinds).map(([kind, tally]) => [kind, ...cells(tally)])
    ),
    "",
    columns(
      ["while Redis is away", ...head],
      Object.entries(whileRedisIsAway.byKind).map(([kind, tally]) => [kind, ...cells(tally)])
    ),
    "",
    `${report.reads} reads checked in ${report.seconds} s (${report.readsPerSecond}/s, ${report.heldBack} held back), ` +
      `against ${report.acknowledged} acknowledged writes, by ${report.processes} processes.`,
    `While Redis was away ${whileRedisIsAway.answeredPercent} % of ${whileRedisIsAway.reads} reads were answered. ` +
      `The source was asked ${report.lookups} times, at most ${report.lookupsAtOnce} at once by one process. ` +
      `Redis evicted ${report.evicted} keys.`,
    report.violations === 0
      ? "No promise was broken."
      : `${report.violations} VIOLATIONS. The first:\n${report.firstViolations
          .slice(0, 10)
          .map(({ at, detail, during, promise }) => `  ${(at / 1_000).toFixed(1)} s, ${during}: ${promise}: ${detail}`)
          .join("\n")}`
  ].join("\n")
}
