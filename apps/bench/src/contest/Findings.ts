/**
 * What a contest's rounds come to: rows with their spread, and ratios that are medians of the rounds' own ratios.
 */
import type { Round } from "./Contest.ts"
import { placeOf } from "./Contest.ts"
import type { Sample } from "./Contestant.ts"

/** One measured thing. */
export interface Row {
  readonly name: string
  readonly metric: string
  readonly median: number
  readonly min: number
  readonly max: number
}

/** What is to be reached. */
export interface Bar {
  readonly atLeast?: number
  readonly atMost?: number
}

/** A ratio that stands for a claim. */
export interface Ratio extends Row {
  readonly bar: Bar | undefined
}

/** What a suite found. */
export interface Findings {
  readonly suite: string
  readonly rounds: number
  readonly rows: ReadonlyArray<Row>
  readonly ratios: ReadonlyArray<Ratio>
}

const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const high = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? Number.NaN) + high) / 2
}

export const rowOf = (name: string, metric: string, values: ReadonlyArray<number>): Row => ({
  name,
  metric,
  median: median(values),
  min: Math.min(...values),
  max: Math.max(...values)
})

/** Operations per second by the clock on the wall. */
const rate = ({ operations, wallMicros }: Sample) => (operations / wallMicros) * 1e6

/** Nanoseconds of this process's CPU time for one operation. */
const cpuNanos = ({ cpuMicros, operations }: Sample) => (cpuMicros / operations) * 1e3

/** Rates and CPU times of everything that took part. */
export const rowsOf = (rounds: ReadonlyArray<Round>): ReadonlyArray<Row> =>
  [...(rounds[0]?.keys() ?? [])].flatMap((place) => {
    const samples = rounds.flatMap((round) => round.get(place) ?? [])
    return [rowOf(place, "ops/s", samples.map(rate)), rowOf(place, "client CPU ns/op", samples.map(cpuNanos))]
  })

/** A contestant in a task. */
export type Entrant = readonly [contestant: string, task: string]

const sampleOf = (round: Round, [contestant, task]: Entrant): Sample => {
  const sample = round.get(placeOf(contestant, task))
  if (sample === undefined) throw new Error(`${contestant} did not take part in ${task}`)
  return sample
}

/**
 * How much faster one is than the fastest of others in the same round: by the clock, and by client CPU time. Nothing
 * where one of them did not take part.
 */
export const compare = (
  rounds: ReadonlyArray<Round>,
  name: string,
  one: Entrant,
  others: ReadonlyArray<Entrant>,
  bar?: Bar
): ReadonlyArray<Ratio> => {
  const isThere = ([contestant, task]: Entrant) => rounds.every((round) => round.has(placeOf(contestant, task)))
  if (![one, ...others].every(isThere)) return []
  const byRate = rounds.map(
    (round) => rate(sampleOf(round, one)) / Math.max(...others.map((other) => rate(sampleOf(round, other))))
  )
  const byCpu = rounds.map(
    (round) => Math.min(...others.map((other) => cpuNanos(sampleOf(round, other)))) / cpuNanos(sampleOf(round, one))
  )
  return [
    { ...rowOf(name, "× the rate", byRate), bar },
    { ...rowOf(`${name}.cpu`, "× by client CPU per operation", byCpu), bar: undefined }
  ]
}

/** Whether a ratio reaches its bar. */
export const reaches = ({ bar, median: value }: Ratio): boolean =>
  (bar?.atLeast === undefined || value >= bar.atLeast) && (bar?.atMost === undefined || value <= bar.atMost)
