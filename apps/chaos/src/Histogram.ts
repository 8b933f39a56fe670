/**
 * Counts of lengths of time in buckets, eight to each doubling: quantiles of millions, in little memory.
 */
export interface Histogram {
  readonly add: (value: number) => void
  /** The bound that this share of all values does not exceed; 0 where there is none. */
  readonly quantile: (share: number) => number
  readonly max: () => number
}

const perDoubling = 8
// The first bucket's bound: what is shorter is not told apart.
const least = 1 / 64

export const make = (): Histogram => {
  const buckets: Array<number> = []
  let count = 0
  let max = 0
  return {
    add: (value) => {
      const index = Math.max(0, Math.ceil(Math.log2(value / least) * perDoubling))
      buckets[index] = (buckets[index] ?? 0) + 1
      count++
      if (value > max) max = value
    },
    quantile: (share) => {
      let left = Math.ceil(count * share)
      for (const [index, size = 0] of buckets.entries()) {
        left -= size
        if (left <= 0 && size > 0) return Math.min(max, least * 2 ** (index / perDoubling))
      }
      return max
    },
    max: () => max
  }
}
