/**
 * The database: whether there is one that stays, it answers, and its schema is the one that this program knows.
 */
import { Advice } from "@letletme/cache"
import { type Migrations, Postgres } from "@letletme/store"
import { Effect, FileSystem } from "effect"
import { describe, type Place } from "../Database.ts"

const { error, warning } = Advice.of("database")

/** Whether the schema of a database is the one that this program knows. */
export const ofSchema = (name: string, { applied, known }: Migrations.Status): ReadonlyArray<Advice.Finding> => [
  ...Advice.when(applied > known, () =>
    error(
      `${name} has the schema ${applied}, and this program knows ${known}: a newer one migrated it.`,
      "Run the newer version of this program, or a database of its own."
    )
  ),
  ...Advice.when(applied > 0 && applied < known, () =>
    warning(
      `${name} has the schema ${applied}, and this program needs ${known}.`,
      "Start the warmer: it migrates the database. Back it up before, if it matters."
    )
  )
]

const ofServer = (place: Extract<Place, { readonly _tag: "Server" }>) =>
  Effect.match(Postgres.status({ url: place.url }), {
    onFailure: ({ message }): ReadonlyArray<Advice.Finding> => [
      error(`${describe(place)} does not answer: ${message}`, "Check that it runs, and DATABASE_URL with its password.")
    ],
    onSuccess: (status) => ofSchema(describe(place), status)
  })

const ofFolder = Effect.fnUntraced(function* (directory: string) {
  const files = yield* FileSystem.FileSystem
  const isThere = yield* Effect.orElseSucceed(files.exists(directory), () => false)
  const parts = directory.split("/")
  // It is made where it is not there: then the nearest folder above has to let us.
  const above = parts.map((_, index) => parts.slice(0, parts.length - index).join("/") || "/")
  const existing = yield* Effect.findFirst(isThere ? [directory] : above, (path) =>
    Effect.orElseSucceed(files.exists(path), () => false)
  )
  const isWritable =
    existing._tag === "Some" &&
    (yield* Effect.match(files.access(existing.value, { writable: true }), {
      onFailure: () => false,
      onSuccess: () => true
    })) &&
    (yield* Effect.match(files.stat(existing.value), {
      onFailure: () => false,
      onSuccess: ({ type }) => type === "Directory"
    }))
  return Advice.when(!isWritable, () =>
    error(`${directory} is no folder that this user may write.`, "Set DATABASE_URL or --database to one that is.")
  )
})

/** Looks at the database of a place. It changes nothing, and opens no folder that a warmer may have open. */
export const database = (place: Place, isShared: boolean) => {
  switch (place._tag) {
    case "Memory":
      return Effect.succeed(
        // Entries that others read outlive it then.
        Advice.when(isShared, () =>
          warning(
            "The season is kept in memory: what was changed and not announced yet is lost with the process.",
            "Set DATABASE_URL or --database to a folder, or to a Postgres."
          )
        )
      )
    case "Folder":
      return ofFolder(place.directory)
    case "Server":
      return ofServer(place)
  }
}
