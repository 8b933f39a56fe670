/**
 * What a run found, as a document and as text.
 */
import { type Kind, kinds, type Outcome, type Round } from "./Run.ts"

const quantile = (values: ReadonlyArray<number>, part: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0)
}

const mostProblems = 20

const summary = (rounds: ReadonlyArray<Round>) => {
  const findings = rounds.flatMap((round) => round.findings)
  const caughtUp = findings.flatMap((one) => one.caughtUp ?? [])
  const agreed = findings.flatMap((one) => one.agreed ?? [])
  return {
    rounds: rounds.length,
    kills: rounds.reduce((sum, { isKilledAgain, killed }) => sum + killed * (isKilledAgain ? 2 : 1), 0),
    leftBehind: rounds.reduce((sum, round) => sum + round.leftBehind, 0),
    roundsThatLeft: rounds.filter((round) => round.leftBehind > 0).length,
    caughtUp: { p50: quantile(caughtUp, 0.5), most: quantile(caughtUp, 1) },
    agreed: { p50: quantile(agreed, 0.5), most: quantile(agreed, 1) },
    problems: rounds.reduce((sum, round) => sum + round.problems.length, 0)
  }
}

/** The document of a run. Times are milliseconds. */
export const make = ({ counts, rounds, seconds, settings }: Outcome) => {
  const findings = rounds.flatMap((round) => round.findings)
  const compared = findings.reduce((sum, one) => sum + one.compared, 0)
  return {
    ...settings,
    seconds: Math.round(seconds),
    operations: counts,
    compared,
    cached: compared - findings.reduce((sum, one) => sum + one.loaded, 0),
    total: summary(rounds),
    kinds: Object.fromEntries(
      kinds.map((kind): readonly [Kind, ReturnType<typeof summary>] => [
        kind,
        summary(rounds.filter((round) => round.kind === kind))
      ])
    ),
    firstProblems: rounds
      .flatMap(({ kind, problems }, index) => problems.map((text) => `round ${index + 1} (${kind}): ${text}`))
      .slice(0, mostProblems)
  }
}

export type Report = ReturnType<typeof make>

/** The report for people. */
export const toText = (report: Report): string => {
  const { acknowledged, appended, deferred, madeAnyway, undone } = report.operations
  const line = (name: string, { agreed, caughtUp, kills, leftBehind, problems, rounds }: ReturnType<typeof summary>) =>
    [
      name.padEnd(8),
      `${rounds}`.padStart(7),
      `${kills}`.padStart(6),
      `${leftBehind}`.padStart(12),
      `${caughtUp.p50} / ${caughtUp.most}`.padStart(16),
      `${agreed.p50} / ${agreed.most}`.padStart(16),
      `${problems}`.padStart(9)
    ].join(" ")
  return [
    `${report.rounds} rounds over ${report.database} in ${report.seconds} s, seed ${report.seed}`,
    "",
    "cut off   rounds  kills  left behind  caught up (ms)   all equal (ms)   problems",
    ...Object.entries(report.kinds).map(([kind, one]) => line(kind, one)),
    line("all", report.total),
    "",
    `${acknowledged} changes acknowledged, ${deferred} of them while Redis was out of reach.`,
    `${madeAnyway + undone} were cut off: ${madeAnyway} are committed and told, ${undone} are not there at all.`,
    `The log has ${appended} of them, each once. ${report.compared} values compared, ${report.cached} of them cached.`,
    "",
    ...(report.total.problems === 0
      ? ["No update was lost or told twice, and no cached value differs from the database."]
      : report.firstProblems)
  ].join("\n")
}
