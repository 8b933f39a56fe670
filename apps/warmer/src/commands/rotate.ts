/**
 * `rotate`: brings every entry under the key that writes now.
 */
import { Cipher, Rotation } from "@letletme/cache"
import { Effect, Option, Stream } from "effect"
import { answer, columns, Failed } from "../Output.ts"

/** Encrypts anew what is under an older key; says how far it is on standard error, and what came of it. */
export const rotate = Effect.fn("rotate")(function* (json: boolean) {
  const cipher = yield* Effect.serviceOption(Cipher.Cipher)
  if (Option.isNone(cipher)) {
    return yield* new Failed({
      message: "Entries are not encrypted: state CACHE_ENCRYPTION_KEYS or CACHE_ENCRYPTION_KEYS_FILE."
    })
  }
  const key = cipher.value.current()
  const last = yield* Rotation.rotate.pipe(
    Stream.provideService(Cipher.Cipher, cipher.value),
    Stream.tap(({ renewed, seen }) =>
      seen === 0 ? Effect.void : Effect.logInfo(`Rotating: ${seen} entries seen, ${renewed} encrypted anew`)
    ),
    Stream.runLast
  )
  const progress = Option.getOrThrow(last)
  yield* answer(json, { key, ...progress }, () =>
    [
      `The key that writes is ${key}.`,
      "",
      columns(
        ["entries", "were current", "encrypted anew", "deleted", "replaced meanwhile"],
        [[progress.seen, progress.current, progress.renewed, progress.removed, progress.overtaken]]
      )
    ].join("\n")
  )
})
