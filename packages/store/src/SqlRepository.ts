/**
 * One domain's table: rows by season and id, each with its revision and its value.
 */
import type { PgClient } from "@effect/sql-pg"
import type { Repository, Season } from "@letletme/fpl"
import { Effect, Option, Schema } from "effect"
import * as Query from "./Query.ts"

/** The columns of a list of ids, as arrays for `unnest`. */
const columns = (ids: ReadonlyArray<Season.SeasonId>) => ({
  seasons: ids.map(({ season }) => season),
  numbers: ids.map(({ id }) => id)
})

/** The repository of a table. */
export const make = <A extends Season.SeasonId, I>(
  sql: PgClient.PgClient,
  table: string,
  value: Schema.Codec<A, I>
): Repository<A> => {
  const json = Schema.toCodecJson(value)
  const encode = Schema.encodeSync(json)
  const Row = Schema.Struct({ revision: Schema.FiniteFromString, value: json })
  return {
    byIds: (ids) => {
      const { numbers, seasons } = columns(ids)
      const found = Query.rows(
        `Reading ${table} rows by id`,
        Row,
        sql`
          SELECT revision::text, value FROM ${sql(table)}
          WHERE (season, id) IN (SELECT * FROM unnest(${seasons}::text[], ${numbers}::integer[]))`
      )
      return Effect.map(found, (rows) => {
        const byKey = new Map(rows.map((row) => [`${row.value.season}:${row.value.id}`, row]))
        return ids.map(({ id, season }) => Option.fromUndefinedOr(byKey.get(`${season}:${id}`)))
      })
    },
    ofSeason: (season) =>
      Query.rows(
        `Reading the ${table} rows of a season`,
        Row,
        sql`SELECT revision::text, value FROM ${sql(table)} WHERE season = ${season} ORDER BY id`
      ),
    naming: (fields, owners) => {
      const { numbers, seasons } = columns(owners)
      const found = Query.rows(
        `Reading ${table} rows by ${fields.join(", ")}`,
        Schema.Struct({ value: json }),
        // A number contains itself, as a list of numbers contains each.
        sql`
          SELECT value FROM ${sql(table)}
          WHERE season = ANY(${seasons}::text[]) AND EXISTS (
            SELECT FROM unnest(${seasons}::text[], ${numbers}::integer[]) AS wanted(season, owner),
              unnest(${[...fields]}::text[]) AS field
            WHERE ${sql(table)}.season = wanted.season AND value -> field @> to_jsonb(wanted.owner)
          )
          ORDER BY season, id`
      )
      return Effect.map(found, (rows) => rows.map((row) => row.value))
    },
    save: (rows) =>
      Query.run(
        `Saving ${table} rows`,
        Effect.suspend(() => {
          const records = rows.map((row) => {
            const { id, season } = row.value
            return { season, id, revision: row.revision, value: encode(row.value) }
          })
          return sql`
            INSERT INTO ${sql(table)} (season, id, revision, value)
            SELECT season, id, revision, value
            FROM jsonb_to_recordset(${sql.json(records)}) AS r(season text, id integer, revision bigint, value jsonb)
            ON CONFLICT (season, id) DO UPDATE SET revision = excluded.revision, value = excluded.value`
        })
      ),
    remove: (ids) => {
      const { numbers, seasons } = columns(ids)
      return Query.run(
        `Removing ${table} rows`,
        sql`
          DELETE FROM ${sql(table)}
          WHERE (season, id) IN (SELECT * FROM unnest(${seasons}::text[], ${numbers}::integer[]))`
      )
    }
  }
}
