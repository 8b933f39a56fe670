/**
 * The databases that every suite runs over: PGlite in the process, and a real Postgres.
 */
import type { PgClient } from "@effect/sql-pg"
import type { MemoryDatabase } from "@letletme/fpl"
import { Embedded, Postgres, SqlOutbox, SqlSeasonStore } from "@letletme/store"
import { PostgresServer } from "@letletme/testing"
import { Layer, Redacted } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"

type Database = Layer.Layer<PgClient.PgClient | SqlClient | MemoryDatabase.SeasonStore, unknown>

const embedded: Database = Layer.merge(SqlSeasonStore.layer, SqlOutbox.layer({ listens: false })).pipe(
  Layer.provideMerge(Embedded.layer({}))
)

/** The client of a server. */
const client = Layer.unwrap(
  PostgresServer.useSync(({ url }) => Postgres.layer({ url: Redacted.make(url), maxConnections: 4 }))
)

/** Over a server that the test may mistreat. */
export const mistreated = Layer.merge(SqlSeasonStore.layer, SqlOutbox.layer({ listens: true })).pipe(
  Layer.provideMerge(client),
  Layer.provideMerge(PostgresServer.layer)
)
const server: Database = mistreated

export const databases = { PGlite: embedded, Postgres: server }
