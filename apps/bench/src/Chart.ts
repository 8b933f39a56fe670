/**
 * A picture of how much faster, or slower, this cache is than others: a bar from 1 for each ratio of rates.
 */
import type { Findings } from "./contest/Findings.ts"

const width = 760
const labels = 300
const row = 24
const top = 44
const margin = 56
const grid = [0.01, 0.1, 1, 10, 100]

const escape = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

const times = (value: number) => `${value >= 10 ? value.toFixed(0) : value.toFixed(2)}×`

/** Draws the ratios of rates, each with the spread of its rounds. The scale is logarithmic. */
export const svg = (suites: ReadonlyArray<Findings>): string => {
  const ratios = suites
    .flatMap((findings) => findings.ratios)
    .filter(({ median, metric }) => metric === "× the rate" && median > 0)
  const lowest = Math.min(0.1, ...ratios.map(({ min }) => min))
  const highest = Math.max(10, ...ratios.map(({ max }) => max))
  const x = (value: number) =>
    labels + (Math.log(value / lowest) / Math.log(highest / lowest)) * (width - labels - margin)
  const height = top + ratios.length * row + 16
  const lines = grid
    .filter((value) => value >= lowest && value <= highest)
    .map(
      (value) =>
        `<line class="${value === 1 ? "one" : "grid"}" x1="${x(value).toFixed(1)}" x2="${x(value).toFixed(1)}" y1="${top - 8}" y2="${height - 12}"/>` +
        `<text class="axis" x="${x(value).toFixed(1)}" y="${top - 14}">${value}×</text>`
    )
  const bars = ratios.map(({ max, median, min, name }, index) => {
    const y = top + index * row
    const [from, to] = median < 1 ? [x(median), x(1)] : [x(1), x(median)]
    return (
      `<text class="label" x="${labels - 10}" y="${y + 13}">${escape(name)}</text>` +
      `<rect class="${median < 1 ? "slower" : "faster"}" x="${from.toFixed(1)}" y="${y + 2}" width="${Math.max(1, to - from).toFixed(1)}" height="14"/>` +
      `<line class="spread" x1="${x(min).toFixed(1)}" x2="${x(max).toFixed(1)}" y1="${y + 9}" y2="${y + 9}"/>` +
      `<text class="value" x="${(x(Math.max(max, 1)) + 6).toFixed(1)}" y="${y + 13}">${times(median)}</text>`
    )
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="Rates of LetLetMe Cache as multiples of others'">`,
    "<style>",
    "text{font:12px system-ui,sans-serif;fill:#24292f}.label{text-anchor:end}.axis{text-anchor:middle;fill:#6e7781}",
    ".grid{stroke:#d0d7de}.one,.spread{stroke:#57606a}.faster{fill:#2da44e}.slower{fill:#d4a72c}",
    "@media(prefers-color-scheme:dark){text{fill:#c9d1d9}.axis{fill:#8b949e}.grid{stroke:#30363d}.one,.spread{stroke:#8b949e}}",
    "</style>",
    `<text x="${labels}" y="14">The rate as a multiple of the other's: medians, and the spread of the rounds</text>`,
    ...lines,
    ...bars,
    "</svg>",
    ""
  ].join("\n")
}
