/**
 * What the source is asked for now, in lookups.
 */
export interface Load {
  /** At most `maxLookups` at once. */
  readonly running: number
  /** At most ten times as many. */
  readonly waiting: number
  /** Load is shed: none waits, and nothing is refreshed for which nobody waits. */
  readonly isShedding: boolean
}
