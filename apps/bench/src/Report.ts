/**
 * What a suite found, for a person and for a machine.
 */
import { cpus, loadavg, release, totalmem } from "node:os"
import { canPin } from "./contest/Contest.ts"
import { type Bar, type Findings, type Ratio, reaches } from "./contest/Findings.ts"

/** Where it ran. */
export const host = (server: string) => ({
  redis: server,
  node: process.version,
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  isPinned: canPin,
  /** Of the last minute: above the number of cores, what is measured waits for what else runs. */
  load: Number((loadavg()[0] ?? 0).toFixed(2)),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  system: `${process.platform} ${release()}`
})

/** Lays out rows in columns, the first to the left, the others to the right. */
export const columns = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: ReadonlyArray<string>) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd()
  return [line(head), line(widths.map((width) => "─".repeat(width))), ...rows.map(line)].join("\n")
}

const number = (value: number) =>
  value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 3 })

const barText = ({ atLeast, atMost }: Bar) =>
  [atLeast === undefined ? "" : `≥ ${number(atLeast)}`, atMost === undefined ? "" : `≤ ${number(atMost)}`].join("")

const verdict = (ratio: Ratio) =>
  ratio.bar === undefined ? "" : `${reaches(ratio) ? "reached" : "missed"}: ${barText(ratio.bar)}`

/** The tables of a suite: ratios first. */
export const text = ({ ratios, rounds, rows, suite }: Findings): string =>
  [
    columns(
      [`${suite}: ratios of ${rounds} rounds`, "", "median", "min", "max", "bar"],
      ratios.map((ratio) => [
        ratio.name,
        ratio.metric,
        number(ratio.median),
        number(ratio.min),
        number(ratio.max),
        verdict(ratio)
      ])
    ),
    columns(
      [`${suite}: rows`, "", "median", "min", "max"],
      rows.map((row) => [row.name, row.metric, number(row.median), number(row.min), number(row.max)])
    )
  ].join("\n\n")

/** The same for a machine: `ratios` are the medians by name. */
export const document = ({ ratios, rounds, rows, suite }: Findings, server: string) => ({
  suite,
  host: host(server),
  rounds,
  rows: [...ratios.map(({ max, median, metric, min, name }) => ({ name, metric, median, min, max })), ...rows],
  ratios: Object.fromEntries(ratios.map(({ median, name }) => [name, median])),
  missed: ratios.filter((ratio) => !reaches(ratio)).map(({ name }) => name)
})
