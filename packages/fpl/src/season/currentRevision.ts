/**
 * A season as the database has it, whole.
 */
import { Effect, Option } from "effect"
import { Database } from "./Database.ts"
import type { Season } from "./Season.ts"
import { SeasonRepository } from "./SeasonRepository.ts"
import { domains, empty, type SeasonRevision } from "./SeasonRevision.ts"

/** What was published of a season, in one reading; none where nothing was. Fails with `DatabaseError`. */
export const revisionOf = Effect.fn("revisionOf")(function* (season: Season) {
  const database = yield* Database
  const tables = yield* domains.tables
  const read = Effect.gen(function* () {
    const publication = yield* SeasonRepository.use((seasons) => seasons.publication(season))
    if (Option.isNone(publication)) return Option.none<SeasonRevision>()
    let revision = empty(season, publication.value.time)
    for (const table of tables) revision = yield* table.read(revision)
    return Option.some(revision)
  })
  return (yield* database.reading(read)).value
})

/** What was published of the current season; none before the first publication. Fails with `DatabaseError`. */
export const currentRevision = Effect.gen(function* () {
  const current = yield* SeasonRepository.use((seasons) => seasons.current)
  return Option.isNone(current) ? Option.none<SeasonRevision>() : yield* revisionOf(current.value)
})
