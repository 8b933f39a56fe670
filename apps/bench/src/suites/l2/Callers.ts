/**
 * Ten thousand matches in Redis, and callers that each read one after the other.
 */
import { uniform, zipf } from "../Data.ts"

export const count = 10_000
export const ids = Array.from({ length: count }, (_, id) => id)
export const callers = [1, 64, 512]
export const draws = { uniform: uniform(count), zipf: zipf(count) }
export type Draw = keyof typeof draws
export const drawNames: ReadonlyArray<Draw> = ["uniform", "zipf"]

export const taskOf = (calling: number, draw: Draw) => `${calling} callers, ${draw}`
