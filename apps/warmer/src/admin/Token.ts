/**
 * The token of the admin API: compared without telling by its time how much of a guess is right.
 */
import { Config, Context, Effect, Layer, Option, Redacted } from "effect"
import { createHash, timingSafeEqual } from "node:crypto"
import { SettingError } from "../Settings.ts"

/** The variable that the token comes from. A flag would be seen by all who list processes. */
export const variable = "LETLETME_ADMIN_TOKEN"

// One that is shorter could be guessed from its fingerprint.
const form = /^[\x21-\x7e]{32,}$/

const digest = (text: string) => createHash("sha256").update(text).digest()

/** The token that the environment names; none where it names none. One that could be guessed is refused. */
export const fromEnvironment = Effect.gen(function* () {
  const token = yield* Config.option(Config.Redacted(variable))
  if (Option.isSome(token) && !form.test(Redacted.value(token.value))) {
    const message = `${variable}: expected at least 32 characters of ASCII without blanks, as \`openssl rand -hex 32\` makes them.`
    return yield* new SettingError({ message })
  }
  return token
})

/** The token that a request has to bring. */
export class Token extends Context.Service<
  Token,
  {
    /** Names the token in logs: the first digits of its digest. */
    readonly fingerprint: string
    /** Whether it is the token; in a time that does not depend on what is the same. */
    readonly matches: (presented: Redacted.Redacted) => boolean
    /** The text without the token, for logs. */
    readonly redact: (text: string) => string
  }
>()("@letletme/warmer/admin/Token") {
  static readonly layer = (token: Redacted.Redacted): Layer.Layer<Token> =>
    Layer.sync(this, () => {
      const secret = Redacted.value(token)
      const expected = digest(secret)
      return Token.of({
        fingerprint: expected.toString("hex").slice(0, 8),
        matches: (presented) => timingSafeEqual(digest(Redacted.value(presented)), expected),
        redact: (text) => text.replaceAll(secret, "<token>")
      })
    })
}
