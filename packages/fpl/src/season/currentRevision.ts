/**
 * A season as the database has it, whole.
 */
import { Effect, Option } from "effect"
import { EventRepository } from "../event/EventRepository.ts"
import { MatchRepository } from "../match/MatchRepository.ts"
import { PhaseRepository } from "../phase/PhaseRepository.ts"
import { TeamRepository } from "../team/TeamRepository.ts"
import { Database } from "./Database.ts"
import type { Stored } from "./Repository.ts"
import type { Season } from "./Season.ts"
import { SeasonRepository } from "./SeasonRepository.ts"
import type { SeasonRevision } from "./SeasonRevision.ts"

const values = <A>(rows: ReadonlyArray<Stored<A>>): ReadonlyArray<A> => rows.map(({ value }) => value)

/** What was published of a season, in one reading; none where nothing was. */
export const revisionOf = Effect.fn("revisionOf")(function* (season: Season) {
  const database = yield* Database
  const read = Effect.gen(function* () {
    const publication = yield* SeasonRepository.use((seasons) => seasons.publication(season))
    if (Option.isNone(publication)) return Option.none<SeasonRevision>()
    return Option.some<SeasonRevision>({
      season,
      time: publication.value.time,
      events: values(yield* EventRepository.use((events) => events.ofSeason(season))),
      phases: values(yield* PhaseRepository.use((phases) => phases.ofSeason(season))),
      teams: values(yield* TeamRepository.use((teams) => teams.ofSeason(season))),
      matches: values(yield* MatchRepository.use((matches) => matches.ofSeason(season)))
    })
  })
  return (yield* database.reading(read)).value
})

/** What was published of the current season; none before the first publication. */
export const currentRevision = Effect.gen(function* () {
  const current = yield* SeasonRepository.use((seasons) => seasons.current)
  return Option.isNone(current) ? Option.none<SeasonRevision>() : yield* revisionOf(current.value)
})
