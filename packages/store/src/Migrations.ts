/**
 * The database's schema, in steps that are never changed once released.
 */
import { Effect } from "effect"
import { Migrator, SqlClient } from "effect/sql"

const outbox = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE outbox (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      -- Given under a lock that is held until the commit: its order is the order of the commits.
      sequence bigint GENERATED ALWAYS AS IDENTITY,
      tags jsonb NOT NULL,
      cause text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      -- Where in the invalidation log it was appended.
      position bigint
    )`
  yield* sql`CREATE INDEX outbox_pending ON outbox (sequence) WHERE position IS NULL`
  yield* sql`CREATE INDEX outbox_delivered ON outbox (created_at) WHERE position IS NOT NULL`
})

/** Brings the database to the newest schema. Processes that start together take turns. */
export const run = Migrator.make({})({
  loader: Migrator.fromRecord({ "1_outbox": outbox }),
  table: "letletme_migrations"
})
