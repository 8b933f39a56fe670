/**
 * The database's schema, in steps that are never changed once released.
 */
import { SeasonRevision } from "@letletme/fpl"
import { Effect } from "effect"
import { Migrator, SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"

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

/** A domain's table. */
const domain = Effect.fnUntraced(function* (name: string) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE ${sql(name)} (
      season text NOT NULL,
      id integer NOT NULL,
      -- When its source stated it: epoch milliseconds.
      revision bigint NOT NULL,
      value jsonb NOT NULL,
      PRIMARY KEY (season, id)
    )`
})

const seasons = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  for (const name of ["event", "phase", "team", "match"]) yield* domain(name)
  // Read by the versions that had queries of their own for matches; `naming` reads the values.
  yield* sql`
    ALTER TABLE match
      ADD COLUMN event integer GENERATED ALWAYS AS ((value ->> 'event')::integer) STORED,
      ADD COLUMN home integer GENERATED ALWAYS AS ((value ->> 'home')::integer) STORED,
      ADD COLUMN away integer GENERATED ALWAYS AS ((value ->> 'away')::integer) STORED`
  yield* sql`CREATE INDEX match_event ON match (season, event)`
  yield* sql`CREATE INDEX match_home ON match (season, home)`
  yield* sql`CREATE INDEX match_away ON match (season, away)`
  yield* sql`CREATE INDEX match_phases ON match USING gin ((value -> 'phases'))`
  yield* sql`
    CREATE TABLE publication (
      season text NOT NULL,
      time bigint NOT NULL,
      checked_at bigint NOT NULL,
      hash text NOT NULL,
      -- The last one of a season counts.
      sequence bigint GENERATED ALWAYS AS IDENTITY,
      PRIMARY KEY (season, time)
    )`
  yield* sql`
    CREATE TABLE deduction (
      season text NOT NULL,
      team text NOT NULL,
      points integer NOT NULL,
      PRIMARY KEY (season, team)
    )`
  // Of each the writers' turn, and which of them is current.
  yield* sql`
    CREATE TABLE season (
      name text PRIMARY KEY,
      turn bigint NOT NULL DEFAULT 0,
      is_current boolean NOT NULL DEFAULT false
    )`
  yield* sql`CREATE UNIQUE INDEX season_current ON season (is_current) WHERE is_current`
})

// Of an older process it stays empty: an announcement without a trace is an announcement.
const traces = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`ALTER TABLE outbox ADD COLUMN trace text`
})

/** Each domain that came later has a step of its own. */
const later = Object.entries(SeasonRevision.domains.since)
  .filter(([, step]) => step > 2)
  .map(([name, step]) => [`${step}_${name}`, domain(name)] as const)

const steps = { "1_outbox": outbox, "2_seasons": seasons, "3_traces": traces, ...Object.fromEntries(later) }
const table = "letletme_migrations"

/**
 * How far a database is migrated, and how far this program would. 0: it holds none of our tables.
 *
 * @experimental
 */
export interface Status {
  readonly applied: number
  readonly known: number
}

/**
 * Looks, and changes nothing. Fails with `SqlError`.
 *
 * @experimental
 */
export const status: Effect.Effect<Status, SqlError, SqlClient.SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const known = Object.keys(steps).length
  const [found] = yield* sql<{ exists: boolean }>`SELECT to_regclass(${table}) IS NOT NULL AS exists`
  if (found?.exists !== true) return { applied: 0, known }
  const [last] = yield* sql<{ id: number | null }>`SELECT max(migration_id)::integer AS id FROM ${sql(table)}`
  return { applied: last?.id ?? 0, known }
})

/**
 * Brings the database to the newest schema. Processes that start together take turns.
 *
 * Fails with `SqlError` where the database does not answer, with `MigrationError` where a step fails.
 *
 * @experimental
 */
export const run = Migrator.make({})({
  loader: Migrator.fromRecord(steps),
  table
})
