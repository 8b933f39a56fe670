/**
 * The last five minutes: hit rate, reads, and how long loads take.
 */
import type { Overview } from "@letletme/warmer/live/Overview"
import { steps } from "./rates.ts"
import { duration, number, percent } from "./words.ts"

interface Line {
  readonly name: string
  readonly values: ReadonlyArray<number | undefined>
  readonly say: (value: number | undefined) => string
  /** What the scale reaches at least. */
  readonly top: number
}

const width = 300
const height = 72
const span = 300

const Chart = ({ name, say, top, values }: Line) => {
  const most = Math.max(top, ...values.map((value) => value ?? 0))
  const points = values.flatMap((value, index) =>
    value === undefined
      ? []
      : [`${((span - values.length + index) / span) * width},${height - (value / most) * (height - 6) - 2}`]
  )
  const last = values.findLast((value) => value !== undefined)
  return (
    <figure>
      <figcaption>
        {name} <strong>{say(last)}</strong>
        <small>at most {say(most)}</small>
      </figcaption>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${name}: ${say(last)} now`}
      >
        <line x1="0" y1={height - 1} x2={width} y2={height - 1} />
        <polyline points={points.join(" ")} />
      </svg>
    </figure>
  )
}

export const Charts = ({ overviews }: { overviews: ReadonlyArray<Overview> }) => {
  const rates = steps(overviews)
  const lines: ReadonlyArray<Line> = [
    { name: "Hit rate", values: rates.map(({ rates: one }) => one.hitShare), say: percent, top: 1 },
    {
      name: "Reads a second",
      values: rates.map(({ rates: one }) => one.readsPerSecond),
      say: (value) => number(value ?? 0),
      top: 10
    },
    { name: "A load takes", values: rates.map(({ rates: one }) => one.loadMillis), say: duration, top: 1 }
  ]
  return (
    <section class="panel charts" aria-labelledby="charts-title">
      <h2 id="charts-title">Last five minutes</h2>
      {lines.map((line) => (
        <Chart key={line.name} {...line} />
      ))}
    </section>
  )
}
