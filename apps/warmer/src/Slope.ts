/**
 * Whether a series of measurements stays flat: its least-squares line, against its noise.
 *
 * @see https://en.wikipedia.org/wiki/Simple_linear_regression - the standard error of the slope
 */

/** A measurement: minutes since the beginning, and how much there was. */
export interface Sample {
  readonly minutes: number
  readonly bytes: number
}

export interface Slope {
  readonly mean: number
  /** Growth per minute (bytes), and how uncertain that is. */
  readonly perMinute: number
  readonly standardError: number
  /** What the line grows by over all samples, as a share of the mean. */
  readonly growth: number
  readonly isFlat: boolean
}

// Growth of this share over the whole run is none, nor is this much: a garbage collector keeps what it wants.
const negligible = 0.05
const least = 1024 * 1024
// How many standard errors a slope may be from none.
const noise = 3

/** The line through the samples. Fewer than three are flat. */
export const of = (samples: ReadonlyArray<Sample>): Slope => {
  const count = samples.length
  const mean = samples.reduce((sum, { bytes }) => sum + bytes, 0) / Math.max(1, count)
  const middle = samples.reduce((sum, { minutes }) => sum + minutes, 0) / Math.max(1, count)
  const spread = samples.reduce((sum, { minutes }) => sum + (minutes - middle) ** 2, 0)
  if (count < 3 || spread === 0) return { mean, perMinute: 0, standardError: 0, growth: 0, isFlat: true }
  const perMinute = samples.reduce((sum, { bytes, minutes }) => sum + (minutes - middle) * (bytes - mean), 0) / spread
  const rest = samples.reduce(
    (sum, { bytes, minutes }) => sum + (bytes - mean - perMinute * (minutes - middle)) ** 2,
    0
  )
  const standardError = Math.sqrt(rest / (count - 2) / spread)
  const length = Math.max(...samples.map(({ minutes }) => minutes)) - Math.min(...samples.map(({ minutes }) => minutes))
  const grown = perMinute * length
  return {
    mean,
    perMinute,
    standardError,
    growth: mean === 0 ? 0 : grown / mean,
    isFlat: grown <= Math.max(least, negligible * mean) || perMinute <= noise * standardError
  }
}
