/**
 * A Postgres server: its connections, bounded in number and in time, and its schema, brought up to date.
 */
import { PgClient } from "@effect/sql-pg"
import { Duration, Effect, Layer, Redacted, Schedule } from "effect"
import type { MigrationError } from "effect/sql/Migrator"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as Migrations from "./Migrations.ts"

/**
 * How to reach a server.
 *
 * @experimental
 */
export interface Options {
  /** `postgres://user:password@host:port/database`, with `?sslmode=` as libpq has it. */
  readonly url: Redacted.Redacted
  /** Connections at once; one more listens. Default: 8. */
  readonly maxConnections?: number | undefined
  /** How long one statement may take at the server. Default: 10 seconds. */
  readonly statementTimeout?: Duration.Input | undefined
}

/**
 * Connects to a server and migrates it.
 *
 * Fails with `SqlError` where the server does not answer, with `MigrationError` where a step of the schema fails.
 *
 * @experimental
 *
 * @example
 * ```ts
 * import { Postgres } from "@letletme/store"
 * import { Redacted } from "effect"
 *
 * const database = Postgres.layer({ url: Redacted.make("postgres://fpl:secret@localhost/fpl") })
 * ```
 */
export const layer = ({
  maxConnections = 8,
  statementTimeout = "10 seconds",
  url
}: Options): Layer.Layer<PgClient.PgClient | SqlClient, SqlError | MigrationError> => {
  const millis = `${Duration.toMillis(Duration.fromInputUnsafe(statementTimeout))}`
  return over({
    url,
    maxConnections,
    startupParameters: {
      statement_timeout: millis,
      lock_timeout: millis,
      idle_in_transaction_session_timeout: millis
    }
  })
}

const client = (config: PgClient.PgPoolConfig) =>
  PgClient.layer({ applicationName: "letletme", connectTimeout: "5 seconds", ...config })

/**
 * How far a server's database is migrated. It is asked, and not changed; 5 seconds are all that it has to answer. Fails
 * with `SqlError`.
 *
 * @experimental
 */
export const status = ({ url }: Pick<Options, "url">): Effect.Effect<Migrations.Status, SqlError> =>
  Migrations.status.pipe(
    Effect.provide(client({ url, maxConnections: 1, startupParameters: { statement_timeout: "5000" } }))
  )

/**
 * A client over this configuration, with the newest schema.
 *
 * Fails with `SqlError` where the server does not answer, with `MigrationError` where a step of the schema fails.
 *
 * @experimental
 */
export const over = (
  config: PgClient.PgPoolConfig
): Layer.Layer<PgClient.PgClient | SqlClient, SqlError | MigrationError> =>
  Layer.effectDiscard(
    Migrations.run.pipe(
      // Another process migrates.
      Effect.retry({
        while: (error) => error._tag === "MigrationError" && error.kind === "Locked",
        schedule: Schedule.spaced("100 millis").pipe(Schedule.upTo({ duration: "30 seconds" }))
      })
    )
  ).pipe(Layer.provideMerge(client(config)))
