/**
 * The database of seasons in Postgres: transactions, readings of one state, and the repositories.
 */
import { PgClient } from "@effect/sql-pg"
import { type Outbox, Position } from "@letletme/cache"
import {
  Database,
  DatabaseError,
  type MemoryDatabase,
  Season,
  SeasonRepository,
  SeasonRevision,
  Unavailable
} from "@letletme/fpl"
import { Duration, Effect, Layer, Option, Schema } from "effect"
import { isSqlError } from "effect/sql/SqlError"
import * as Query from "./Query.ts"
import * as SqlRepository from "./SqlRepository.ts"

// What a transaction may take as a whole, waiting for a connection and for others' locks.
const patience = Duration.seconds(30)

const State = Schema.Struct({ isPending: Schema.Boolean, position: Position.Position })

const database = (sql: PgClient.PgClient) => {
  const transaction = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | DatabaseError, R> => {
    const operation = "A transaction"
    const cause = `it took longer than ${Duration.format(patience)}`
    return sql.withTransaction(effect).pipe(
      Effect.mapError((error) => (isSqlError(error) ? Query.toDatabaseError(operation)(error) : error)),
      Effect.timeoutOrElse({
        duration: patience,
        orElse: () => Effect.fail(new DatabaseError({ reason: new Unavailable({ operation, cause }) }))
      })
    )
  }

  // In the same state as what was read: a row that is seen has its announcement seen with it.
  const announced = Effect.map(
    Query.rows(
      "Reading how far announcements have come",
      State,
      sql`
        SELECT
          EXISTS (SELECT FROM outbox WHERE position IS NULL) AS "isPending",
          (SELECT coalesce(max(position), 0)::text FROM outbox) AS position`
    ),
    ([state]) => state ?? { isPending: false, position: 0 }
  )

  return Database.of({
    transaction,
    reading: (effect) =>
      Effect.flatMap(Effect.serviceOption(sql.transactionService), (outer) => {
        const both = Effect.flatMap(effect, (value) => Effect.map(announced, (state) => ({ value, ...state })))
        if (Option.isSome(outer)) return both
        const begin = sql`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY`
        return transaction(Effect.andThen(Query.run("Beginning a reading", begin), both))
      })
  })
}

const Publication = Schema.Struct({
  season: Season.Season,
  time: Schema.FiniteFromString,
  checkedAt: Schema.FiniteFromString,
  hash: Schema.String
})

const seasons = (sql: PgClient.PgClient, { transaction }: Database["Service"]) =>
  SeasonRepository.of({
    current: Effect.map(
      Query.rows(
        "Reading the current season",
        Schema.Struct({ name: Season.Season }),
        sql`SELECT name FROM season WHERE is_current`
      ),
      ([row]) => Option.map(Option.fromUndefinedOr(row), ({ name }) => name)
    ),
    makeCurrent: (season) =>
      transaction(
        Effect.andThen(
          Query.run("Ending the season before", sql`UPDATE season SET is_current = false WHERE is_current`),
          Query.run(
            "Making a season current",
            sql`
              INSERT INTO season (name, is_current) VALUES (${season}, true)
              ON CONFLICT (name) DO UPDATE SET is_current = true`
          )
        )
      ),
    publication: (season) =>
      Effect.map(
        Query.rows(
          "Reading a publication",
          Publication,
          sql`
            SELECT season, time::text, checked_at::text AS "checkedAt", hash FROM publication
            WHERE season = ${season} ORDER BY sequence DESC LIMIT 1`
        ),
        ([row]) => Option.fromUndefinedOr(row)
      ),
    publish: ({ checkedAt, hash, season, time }) =>
      Query.run(
        "Noting a publication",
        sql`
          INSERT INTO publication (season, time, checked_at, hash)
          VALUES (${season}, ${time}::bigint, ${checkedAt}::bigint, ${hash})
          ON CONFLICT (season, time) DO UPDATE
          SET checked_at = excluded.checked_at, hash = excluded.hash, sequence = DEFAULT`
      ),
    deductions: (season) =>
      Effect.map(
        Query.rows(
          "Reading deductions",
          Schema.Struct({ team: Schema.String, points: Schema.Int }),
          sql`SELECT team, points FROM deduction WHERE season = ${season} ORDER BY team`
        ),
        (rows) => Object.fromEntries(rows.map(({ points, team }) => [team, points]))
      ),
    deduct: (season, deductions) =>
      transaction(
        Effect.andThen(
          Query.run("Taking deductions back", sql`DELETE FROM deduction WHERE season = ${season}`),
          Query.run(
            "Noting deductions",
            sql`
              INSERT INTO deduction (season, team, points)
              SELECT ${season}, key, value::integer FROM jsonb_each_text(${sql.json(deductions)})`
          )
        )
      ),
    lock: (season) =>
      Effect.map(
        Query.rows(
          "Waiting for a season's turn",
          Schema.Struct({ turn: Schema.FiniteFromString }),
          sql`
            INSERT INTO season (name, turn) VALUES (${season}, 1)
            ON CONFLICT (name) DO UPDATE SET turn = season.turn + 1
            RETURNING turn::text`
        ),
        ([row]) => row?.turn ?? 0
      )
  })

/** The database and its repositories over the client in context; `SqlOutbox.layer` is the outbox beside them. */
export const layer: Layer.Layer<Exclude<MemoryDatabase.SeasonStore, Outbox>, never, PgClient.PgClient> = Layer.unwrap(
  Effect.map(PgClient.PgClient, (sql) => {
    const transactions = database(sql)
    return Layer.mergeAll(
      Layer.succeed(Database, transactions),
      Layer.succeed(SeasonRepository, seasons(sql, transactions)),
      SeasonRevision.domains.repositories((name, value) => SqlRepository.make(sql, name, value))
    )
  })
)
