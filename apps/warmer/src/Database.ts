/**
 * The database that a flag or the environment names.
 */
import { MemoryDatabase } from "@letletme/fpl"
import { Embedded, Postgres, SqlOutbox, SqlSeasonStore } from "@letletme/store"
import { Config, Effect, Layer, Option, Redacted } from "effect"
import { SettingError } from "./Settings.ts"

/** Where the seasons are kept. */
export type Place =
  | { readonly _tag: "Memory" }
  | { readonly _tag: "Folder"; readonly directory: string }
  | { readonly _tag: "Server"; readonly url: Redacted.Redacted }

const isUrl = (text: string) => /^postgres(?:ql)?:\/\//.test(text)

/** The place that the flag names, else `DATABASE_URL`, else memory. */
export const placeOf = Effect.fnUntraced(function* (stated: Option.Option<string>) {
  if (Option.exists(stated, (text) => isUrl(text) && (URL.parse(text)?.password ?? "") !== "")) {
    const message = "--database: a password there is seen by all who list processes: state the URL in DATABASE_URL."
    return yield* new SettingError({ message })
  }
  const named = Option.isSome(stated)
    ? Option.map(stated, Redacted.make)
    : yield* Config.option(Config.Redacted("DATABASE_URL"))
  const text = Option.match(named, { onNone: () => "memory", onSome: Redacted.value })
  if (text === "memory") return { _tag: "Memory" } satisfies Place
  if (!isUrl(text) && text.includes("://")) {
    const message = "--database or DATABASE_URL: expected memory, a folder, or a URL such as postgres://localhost/fpl"
    return yield* new SettingError({ message })
  }
  return isUrl(text)
    ? ({ _tag: "Server", url: Redacted.make(text) } satisfies Place)
    : ({ _tag: "Folder", directory: text } satisfies Place)
})

/** The place in a few words, without its password. */
export const describe = (place: Place): string => {
  switch (place._tag) {
    case "Memory":
      return "memory"
    case "Folder":
      return `PGlite in ${place.directory}`
    case "Server":
      return `Postgres at ${URL.parse(Redacted.value(place.url))?.host ?? "an unknown host"}`
  }
}

const over = (listens: boolean) => Layer.merge(SqlSeasonStore.layer, SqlOutbox.layer({ listens }))

type Failure = Layer.Error<ReturnType<typeof Embedded.layer>> | Layer.Error<ReturnType<typeof over>>

/** The database of a place, its schema up to date. */
export const layer = (place: Place): Layer.Layer<MemoryDatabase.SeasonStore, Failure> => {
  switch (place._tag) {
    case "Memory":
      return MemoryDatabase.layer
    case "Folder":
      return over(false).pipe(Layer.provide(Embedded.layer({ directory: place.directory })))
    case "Server":
      return over(true).pipe(Layer.provide(Postgres.layer({ url: place.url })))
  }
}
