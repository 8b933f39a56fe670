/**
 * One request, and what was answered.
 */
import { Effect } from "effect"

/** Headers and bytes of an answer. */
export interface Answer {
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Buffer
}

// What each server says of its own connection.
const own = new Set(["connection", "date", "keep-alive"])

export const ask = (port: number, path: string): Effect.Effect<Answer> =>
  Effect.promise(async (signal) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      signal,
      headers: { "accept-encoding": "identity" }
    })
    if (response.status !== 200) throw new Error(`${path} was answered with ${response.status}`)
    return {
      headers: Object.fromEntries([...response.headers].filter(([name]) => !own.has(name))),
      bytes: Buffer.from(await response.arrayBuffer())
    }
  })
