/**
 * What every contestant of this suite reads: a thousand matches at hand, all alike.
 */
import { uniform } from "../Data.ts"

export const count = 1_000
export const ids = Array.from({ length: count }, (_, id) => id)
export const keys = ids.map((id) => `match:${id}`)
/** Reads in one chunk: the clock is asked once for all of them. */
export const chunk = 1_000

const next = uniform(count)
export const nextId = next
export const nextKey = (): string => keys[next()] ?? ""
