/**
 * The clock by which histories are judged: CLOCK_MONOTONIC, which the processes of one machine share.
 */

/** Microseconds since a time zero (ns of the monotonic clock). */
export const since =
  (zero: bigint): (() => number) =>
  () =>
    Number((process.hrtime.bigint() - zero) / 1_000n)
