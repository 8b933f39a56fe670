/**
 * What the page may change, behind the token. The token stays in the page's memory, and goes nowhere else.
 */
import { Schema } from "effect"
import { ask } from "./ask.ts"

/** What came of an action, in a sentence. */
export interface Said {
  readonly isRefused: boolean
  readonly text: string
}

const Invalidated = Schema.Struct({
  dryRun: Schema.Boolean,
  tags: Schema.Array(Schema.String),
  position: Schema.NullOr(Schema.Finite),
  reach: Schema.NullOr(Schema.Record(Schema.String, Schema.Finite))
})

const Begun = Schema.Struct({ kind: Schema.String })

/** Asks the admin API, and tells what it said. */
const post = async <A>(
  path: string,
  token: string,
  body: unknown,
  schema: Schema.Codec<A, unknown>,
  say: (answer: A) => string
): Promise<Said> => {
  const asked = await ask(path, schema, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
  return asked._tag === "Answered"
    ? { isRefused: false, text: say(asked.answer) }
    : { isRefused: true, text: asked.why }
}

const reached = ({ reach, tags }: typeof Invalidated.Type): string => {
  const counts = Object.entries(reach ?? {}).filter(([, count]) => count > 0)
  const entries = counts.map(([domain, count]) => `${count} of ${domain}`).join(", ")
  return `${tags.length} tags would reach ${entries === "" ? "no valid entry" : entries}. Nothing was changed.`
}

export const invalidate = (token: string, tag: string, cascade: boolean, dryRun: boolean): Promise<Said> =>
  post("/admin/invalidate", token, { tags: [tag], cascade, dryRun, cause: "dashboard" }, Invalidated, (answer) =>
    answer.dryRun ? reached(answer) : `${answer.tags.length} tags were invalidated at ${answer.position}.`
  )

export const begin = (token: string, action: "verify" | "repair" | "warm"): Promise<Said> =>
  post(`/admin/${action}`, token, undefined, Begun, () => `It began to ${action}: see how far it has come.`)
