/**
 * The databases that every suite runs over: PGlite in the process, and a real Postgres.
 */
import type { PgClient } from "@effect/sql-pg"
import { Outbox } from "@letletme/cache"
import { Embedded, Postgres, SqlOutbox } from "@letletme/store"
import { PostgresServer } from "@letletme/testing"
import { Layer, Redacted } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"

type Database = Layer.Layer<PgClient.PgClient | SqlClient | Outbox, unknown>

const embedded: Database = SqlOutbox.layer({ listens: false }).pipe(Layer.provideMerge(Embedded.layer({})))

/** The client of a server. */
const client = Layer.unwrap(
  PostgresServer.useSync(({ url }) => Postgres.layer({ url: Redacted.make(url), maxConnections: 4 }))
)

const server: Database = SqlOutbox.layer({ listens: true }).pipe(
  Layer.provideMerge(client),
  Layer.provide(PostgresServer.layer)
)

export const databases = { PGlite: embedded, Postgres: server }
