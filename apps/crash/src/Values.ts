/**
 * Everything that the caches hold of both seasons.
 */
import {
  CurrentSeason,
  currentId,
  EventCache,
  EventMatches,
  EventPhases,
  MatchCache,
  PhaseCache,
  PhaseMatches,
  SeasonDeductions,
  SeasonEvents,
  SeasonMatches,
  SeasonPhases,
  SeasonPublication,
  SeasonTeams,
  type Standing,
  StandingCache,
  TeamCache,
  TeamMatches,
  UnscheduledMatches
} from "@letletme/fpl"
import { Effect, Option } from "effect"
import { counts, ids, type Kind, published, updated } from "./Model.ts"

const seasons = [updated, published]

const of = (kind: Kind) => seasons.flatMap((season) => ids(counts[kind]).map((id) => ({ season, id })))

const scopes: ReadonlyArray<Standing.Scope> = [
  { _tag: "Overall" },
  { _tag: "Home" },
  { _tag: "Away" },
  ...ids(counts.phase).map((phase) => ({ _tag: "Phase", phase }) as const),
  ...ids(counts.event).map((event) => ({ _tag: "AsOf", event }) as const)
]

/** Reads some values of a cache; each is named by the cache and its id. */
const all = <Id, A, E>(
  name: string,
  cache: { readonly getMany: (wanted: ReadonlyArray<Id>) => Effect.Effect<ReadonlyArray<Option.Option<A>>, E> },
  wanted: ReadonlyArray<Id>
) =>
  Effect.map(cache.getMany(wanted), (values) =>
    values.map((value, index): readonly [string, unknown] => [
      `${name} ${JSON.stringify(wanted[index])}`,
      Option.getOrNull(value)
    ])
  )

/** All values, by name. */
export const read = Effect.gen(function* () {
  const parts = [
    yield* all("event", yield* EventCache, of("event")),
    yield* all("phase", yield* PhaseCache, of("phase")),
    yield* all("team", yield* TeamCache, of("team")),
    yield* all("match", yield* MatchCache, of("match")),
    yield* all("events of season", yield* SeasonEvents, seasons),
    yield* all("phases of season", yield* SeasonPhases, seasons),
    yield* all("teams of season", yield* SeasonTeams, seasons),
    yield* all("matches of season", yield* SeasonMatches, seasons),
    yield* all("phases of event", yield* EventPhases, of("event")),
    yield* all("matches of event", yield* EventMatches, of("event")),
    yield* all("matches of phase", yield* PhaseMatches, of("phase")),
    yield* all("matches of team", yield* TeamMatches, of("team")),
    yield* all("unscheduled matches", yield* UnscheduledMatches, seasons),
    yield* all("deductions", yield* SeasonDeductions, seasons),
    yield* all("publication", yield* SeasonPublication, seasons),
    yield* all("current season", yield* CurrentSeason, [currentId]),
    yield* all(
      "table",
      yield* StandingCache,
      seasons.flatMap((season) => scopes.map((scope) => ({ season, scope })))
    )
  ]
  return new Map(parts.flat())
})
