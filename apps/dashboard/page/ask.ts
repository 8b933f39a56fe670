/**
 * Asks the warmer, and reads what it answers.
 */
import { Option, Schema } from "effect"

/** What came of a question: an answer, or why there is none. */
export type Asked<A> =
  | { readonly _tag: "Answered"; readonly answer: A }
  | { readonly _tag: "Failed"; readonly why: string }

const Problem = Schema.Struct({ detail: Schema.String })
const problemOf = Schema.decodeUnknownOption(Problem)

// The longest that anything takes (ms).
const patience = 15_000

const failed = (why: string) => ({ _tag: "Failed", why }) as const

/** Asks, at most for 15 seconds, or until the signal says that nobody wants to know any more. */
export const ask = async <A>(
  path: string,
  schema: Schema.Codec<A, unknown>,
  { signal, ...init }: RequestInit = {}
): Promise<Asked<A>> => {
  try {
    const limit = AbortSignal.timeout(patience)
    const response = await fetch(path, { ...init, signal: signal ? AbortSignal.any([signal, limit]) : limit })
    const body: unknown = await response.json()
    if (!response.ok) {
      const { detail } = Option.getOrElse(problemOf(body), () => ({ detail: `It was refused (${response.status}).` }))
      return failed(detail)
    }
    const answer = Schema.decodeUnknownOption(schema)(body)
    return Option.isSome(answer)
      ? { _tag: "Answered", answer: answer.value }
      : failed("What the warmer answered is not understood: load the page again.")
  } catch {
    return failed("The warmer does not answer. Is it running?")
  }
}
