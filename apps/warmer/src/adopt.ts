/**
 * A season for commands that only look: the source's revision goes into an empty database in memory, and no cache is told.
 */
import { Database, FplSource, SeasonRepository, SeasonRevision } from "@letletme/fpl"
import { Effect, Option } from "effect"

/** Takes the source's revision into the database, where that is empty. */
export const adopt = Effect.gen(function* () {
  const database = yield* Database
  const seasons = yield* SeasonRepository
  if (Option.isSome(yield* seasons.current)) return
  const source = yield* FplSource
  const revision = yield* source.fetch()
  const { season, time } = revision
  const tables = yield* SeasonRevision.domains.tables
  yield* database.transaction(
    Effect.gen(function* () {
      yield* Effect.forEach(tables, ({ save }) => save(revision))
      yield* seasons.publish({ season, time, checkedAt: time, hash: "" })
      yield* seasons.makeCurrent(season)
    })
  )
})
