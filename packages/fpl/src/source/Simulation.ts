/**
 * What of a simulated season the domains draw on, to state their own part of it.
 */

/** A simulated season, as far as it is settled before it begins. Times are epoch milliseconds. */
export interface Simulation {
  readonly options: { readonly seed: number }
  readonly clubs: ReadonlyArray<{ readonly id: number; readonly code: number; readonly strength: number }>
  readonly start: number
}

/** Numbers from 0 to 1, the same for the same seed: mulberry32. */
export const random = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
