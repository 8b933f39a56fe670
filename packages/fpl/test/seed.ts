/**
 * Puts a revision into the database as if it had always been there: nothing is announced.
 */
import { Database, SeasonRepository, SeasonRevision } from "@letletme/fpl"
import { Effect } from "effect"

/** Replaces the season of this revision with it, and makes it the current one. */
export const seed = Effect.fn("seed")(function* (revision: SeasonRevision.SeasonRevision) {
  const { season, time } = revision
  const database = yield* Database
  const seasons = yield* SeasonRepository
  const tables = yield* SeasonRevision.domains.tables
  yield* database.transaction(
    Effect.gen(function* () {
      for (const { rows, save } of tables) {
        yield* rows.remove((yield* rows.ofSeason(season)).map(({ value }) => value))
        yield* save(revision)
      }
      yield* seasons.publish({ season, time, checkedAt: time, hash: "" })
      yield* seasons.makeCurrent(season)
    })
  )
})
