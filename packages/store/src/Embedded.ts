/**
 * Postgres without a server: PGlite in this process, spoken to over the wire on a private socket, so that the same client
 * and the same SQL run as against a server.
 */
import { PGlite } from "@electric-sql/pglite"
import { PGLiteSocketServer } from "@electric-sql/pglite-socket"
import type { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Schema } from "effect"
import type { MigrationError } from "effect/sql/Migrator"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Postgres from "./Postgres.ts"

/**
 * The embedded database could not be opened.
 *
 * @experimental
 */
export class EmbeddedError extends Schema.TaggedError<EmbeddedError>()("EmbeddedError", {
  directory: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `The embedded database in ${this.directory} cannot be opened: ${String(this.cause)}. Check that the folder may be written, and that no other process has it open.`
  }
}

const open = (directory: string) =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: () => PGlite.create(directory),
      catch: (cause) => new EmbeddedError({ directory, cause })
    }),
    (database) => Effect.ignore(Effect.tryPromise(() => database.close()))
  )

/** A folder that only this user can enter: whoever reaches the socket owns the database. */
const privateFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "letletme-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

/**
 * Opens the database of a folder, or one in memory, and migrates it. One process at a time can have a folder open.
 *
 * Fails with `EmbeddedError` where the folder cannot be opened, with `SqlError` or `MigrationError` where the schema
 * cannot be brought up to date.
 *
 * @experimental
 *
 * @example
 * ```ts
 * import { Embedded } from "@letletme/store"
 *
 * const database = Embedded.layer({ directory: ".letletme/database" })
 * ```
 */
export const layer = (options: {
  /** Where the data is; without it the data is in memory, and gone with the process. */
  readonly directory?: string | undefined
}): Layer.Layer<PgClient.PgClient | SqlClient, EmbeddedError | SqlError | MigrationError> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const directory = options.directory ?? "memory://"
      const database = yield* open(directory)
      const path = join(yield* privateFolder, ".s.PGSQL.5432")
      yield* Effect.acquireRelease(
        Effect.tryPromise({
          try: async () => {
            const server = new PGLiteSocketServer({ db: database, path, maxConnections: 1 })
            await server.start()
            return server
          },
          catch: (cause) => new EmbeddedError({ directory, cause })
        }),
        (server) => Effect.ignore(Effect.tryPromise(() => server.stop()))
      )
      // It has one session: a second connection would find the first one's transaction open.
      return Postgres.over({ path, username: "postgres", database: "postgres", maxConnections: 1 })
    })
  )
