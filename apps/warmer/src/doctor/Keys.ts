/**
 * The encryption keys: stated once, readable by us, and by nobody else.
 */
import { Advice, KeyRing } from "@letletme/cache"
import { Config, Effect, FileSystem, Option, Redacted } from "effect"

const { error, warning } = Advice.of("encryption keys")

const others = 0o077

const ofText = (text: Redacted.Redacted) =>
  Effect.match(KeyRing.fromText(text), {
    onFailure: ({ message }): ReadonlyArray<Advice.Finding> => [
      error(message, "Make one: echo k1:$(head -c 32 /dev/urandom | base64)")
    ],
    onSuccess: (): ReadonlyArray<Advice.Finding> => []
  })

const ofFile = Effect.fnUntraced(function* (path: string) {
  const files = yield* FileSystem.FileSystem
  const read = yield* Effect.result(files.readFileString(path))
  if (read._tag === "Failure") {
    return [error(`CACHE_ENCRYPTION_KEYS_FILE: ${path} cannot be read.`, "Mount it, or let this user read it.")]
  }
  const { mode } = yield* files.stat(path)
  return [
    ...(yield* ofText(Redacted.make(read.success))),
    ...Advice.when((mode & others) !== 0, () =>
      warning(
        `${path} is open to other users of this machine (mode ${(mode & 0o777).toString(8)}).`,
        `chmod 600 ${path}`
      )
    )
  ]
})

/** Looks at what the environment states of the keys. */
export const keys = Effect.gen(function* () {
  const text = yield* Config.option(Config.Redacted("CACHE_ENCRYPTION_KEYS"))
  const path = yield* Config.option(Config.String("CACHE_ENCRYPTION_KEYS_FILE"))
  if (Option.isNone(text)) return Option.isNone(path) ? [] : yield* ofFile(path.value)
  return [
    ...(yield* ofText(text.value)),
    ...Advice.when(Option.isSome(path), () =>
      warning(
        "CACHE_ENCRYPTION_KEYS and CACHE_ENCRYPTION_KEYS_FILE are both set: the file is not read.",
        "Take one of them away."
      )
    )
  ]
})
