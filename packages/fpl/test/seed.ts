/**
 * Puts a revision into the database as if it had always been there: nothing is announced.
 */
import {
  Database,
  EventRepository,
  MatchRepository,
  PhaseRepository,
  type Repository,
  SeasonRepository,
  type SeasonRevision,
  TeamRepository
} from "@letletme/fpl"
import { Effect } from "effect"

const replace = Effect.fnUntraced(function* <A extends { readonly season: string; readonly id: number }>(
  repository: Repository<A>,
  { season, time }: SeasonRevision.SeasonRevision,
  values: ReadonlyArray<A>
) {
  yield* repository.remove((yield* repository.ofSeason(season)).map(({ value }) => value))
  yield* repository.save(values.map((value) => ({ value, revision: time })))
})

/** Replaces the season of this revision with it, and makes it the current one. */
export const seed = Effect.fn("seed")(function* (revision: SeasonRevision.SeasonRevision) {
  const { season, time } = revision
  const database = yield* Database
  const seasons = yield* SeasonRepository
  yield* database.transaction(
    Effect.gen(function* () {
      yield* replace(yield* EventRepository, revision, revision.events)
      yield* replace(yield* PhaseRepository, revision, revision.phases)
      yield* replace(yield* TeamRepository, revision, revision.teams)
      yield* replace(yield* MatchRepository, revision, revision.matches)
      yield* seasons.publish({ season, time, checkedAt: time, hash: "" })
      yield* seasons.makeCurrent(season)
    })
  )
})
