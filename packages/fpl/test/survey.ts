/**
 * Warms every cache of the game with a revision, and afterwards tells which entries are no longer fresh.
 */
import type { CacheError, Domain } from "@letletme/cache"
import {
  EventCache,
  EventMatches,
  EventPhases,
  MatchCache,
  PhaseCache,
  PhaseMatches,
  SeasonEvents,
  SeasonMatches,
  SeasonPhases,
  type SeasonRevision,
  SeasonTeams,
  StandingCache,
  type StandingId,
  TeamCache,
  TeamMatches,
  UnscheduledMatches
} from "@letletme/fpl"
import { Effect, Option } from "effect"
import { seed } from "./seed.ts"

/** The keys of the entries that are not fresh, sorted; `lists` are the keys of lists of ids. */
export interface Reached {
  readonly event: ReadonlyArray<string>
  readonly phase: ReadonlyArray<string>
  readonly team: ReadonlyArray<string>
  readonly match: ReadonlyArray<string>
  readonly standing: ReadonlyArray<string>
  readonly lists: ReadonlyArray<string>
}

export const nothing: Reached = { event: [], phase: [], team: [], match: [], standing: [], lists: [] }

interface Part {
  readonly of: keyof Reached
  readonly warm: Effect.Effect<number, unknown>
  readonly stale: Effect.Effect<ReadonlyArray<string>, CacheError>
}

const part = <Id, A, E>(of: keyof Reached, cache: Domain.Domain<Id, A, E>, ids: ReadonlyArray<Id>): Part => ({
  of,
  warm: Effect.map(cache.getMany(ids), (values) => values.filter(Option.isSome).length),
  stale: Effect.map(Effect.forEach(ids, cache.explain, { concurrency: 64 }), (explanations) =>
    explanations.flatMap(({ key, state }) =>
      state === "fresh" ? [] : [state === "invalidated" ? key : `${state} ${key}`]
    )
  )
})

/** The tables that a survey keeps: overall, home, away, of each phase, and as of two gameweeks. */
const tablesOf = ({ phases, season }: SeasonRevision.SeasonRevision): ReadonlyArray<StandingId> => [
  { season, scope: { _tag: "Overall" } },
  { season, scope: { _tag: "Home" } },
  { season, scope: { _tag: "Away" } },
  ...phases.map(({ id }): StandingId => ({ season, scope: { _tag: "Phase", phase: id } })),
  { season, scope: { _tag: "AsOf", event: 2 } },
  { season, scope: { _tag: "AsOf", event: 28 } }
]

/** Publishes the revision, reads every entity, list and table of it, and answers how to see what is reached after. */
export const survey = Effect.fn("survey")(function* (revision: SeasonRevision.SeasonRevision) {
  const ids = (entities: ReadonlyArray<{ readonly id: number }>) =>
    entities.map(({ id }) => ({ season: revision.season, id }))
  const events = ids(revision.events)
  const phases = ids(revision.phases)
  const teams = ids(revision.teams)
  const season = [revision.season]
  const parts = [
    part("event", yield* EventCache, events),
    part("phase", yield* PhaseCache, phases),
    part("team", yield* TeamCache, teams),
    part("match", yield* MatchCache, ids(revision.matches)),
    part("lists", yield* SeasonEvents, season),
    part("lists", yield* SeasonPhases, season),
    part("lists", yield* SeasonTeams, season),
    part("lists", yield* SeasonMatches, season),
    part("lists", yield* UnscheduledMatches, season),
    part("lists", yield* EventPhases, events),
    part("lists", yield* EventMatches, events),
    part("lists", yield* PhaseMatches, phases),
    part("lists", yield* TeamMatches, teams),
    part("standing", yield* StandingCache, tablesOf(revision))
  ]
  yield* seed(revision)
  let warmed = 0
  for (const { warm } of parts) warmed += yield* warm
  const reached: Effect.Effect<Reached, CacheError> = Effect.gen(function* () {
    const all = { ...nothing }
    for (const { of, stale } of parts) all[of] = [...all[of], ...(yield* stale)].toSorted()
    return all
  })
  return { warmed, reached }
})
