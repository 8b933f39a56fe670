/**
 * A season for commands that only look: the source's revision goes into an empty database in memory, and no cache is told.
 */
import {
  Database,
  EventRepository,
  FplSource,
  MatchRepository,
  PhaseRepository,
  SeasonRepository,
  type Stored,
  TeamRepository
} from "@letletme/fpl"
import { Effect, Option } from "effect"

/** Takes the source's revision into the database, where that is empty. */
export const adopt = Effect.gen(function* () {
  const database = yield* Database
  const seasons = yield* SeasonRepository
  if (Option.isSome(yield* seasons.current)) return
  const source = yield* FplSource
  const { events, matches, phases, season, teams, time } = yield* source.fetch()
  const rows = <A>(values: ReadonlyArray<A>): ReadonlyArray<Stored<A>> =>
    values.map((value): Stored<A> => ({ value, revision: time }))
  yield* database.transaction(
    Effect.gen(function* () {
      yield* EventRepository.use((repository) => repository.save(rows(events)))
      yield* PhaseRepository.use((repository) => repository.save(rows(phases)))
      yield* TeamRepository.use((repository) => repository.save(rows(teams)))
      yield* MatchRepository.use((repository) => repository.save(rows(matches)))
      yield* seasons.publish({ season, time, checkedAt: time, hash: "" })
      yield* seasons.makeCurrent(season)
    })
  )
})
