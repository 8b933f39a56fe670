import { assert, describe, it } from "@effect/vitest"
import { fromEnvironment, Token } from "@letletme/warmer/admin/Token"
import { ConfigProvider, Effect, Option, Redacted } from "effect"

const secret = "0123456789abcdef0123456789abcdef"

const read = (env: Record<string, string>) =>
  Effect.provideService(fromEnvironment, ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))

describe("Token", () => {
  it.effect("none means that the API is off; one that could be guessed is refused, and not repeated", () =>
    Effect.gen(function* () {
      assert.isTrue(Option.isNone(yield* read({})))
      const token = yield* read({ LETLETME_ADMIN_TOKEN: secret })
      assert.strictEqual(Option.isSome(token) && Redacted.value(token.value), secret)
      for (const weak of ["too-short", `${secret} with blanks`, `${secret}ü`]) {
        const error = yield* Effect.flip(read({ LETLETME_ADMIN_TOKEN: weak }))
        assert.include(error.message, "LETLETME_ADMIN_TOKEN: expected at least 32 characters")
        assert.notInclude(error.message, weak)
      }
    })
  )

  it.effect("only the whole token matches, whatever the length of a guess", () =>
    Effect.gen(function* () {
      const { fingerprint, matches, redact } = yield* Token
      assert.isTrue(matches(Redacted.make(secret)))
      for (const guess of ["", "0", secret.slice(1), `${secret}0`, secret.toUpperCase(), fingerprint]) {
        assert.isFalse(matches(Redacted.make(guess)))
      }
      assert.match(fingerprint, /^[0-9a-f]{8}$/)
      assert.strictEqual(redact(`a ${secret} b ${secret}`), "a <token> b <token>")
    }).pipe(Effect.provide(Token.layer(Redacted.make(secret))))
  )
})
