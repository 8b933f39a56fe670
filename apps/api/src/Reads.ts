/**
 * What each answer is read from: the caches of the game. Whoever runs a read runs it in one snapshot.
 */
import type { CacheError } from "@letletme/cache"
import {
  CurrentContext,
  currentId,
  CurrentSeason,
  type DatabaseError,
  type Event,
  EventCache,
  EventMatches,
  EventPhases,
  Lifecycle,
  type Match,
  MatchCache,
  type Phase,
  PhaseCache,
  PhaseMatches,
  type Season,
  SeasonEvents,
  SeasonMatches,
  SeasonPhases,
  SeasonTeams,
  type Standing,
  StandingCache,
  type Team,
  TeamCache,
  TeamMatches,
  UnscheduledMatches
} from "@letletme/fpl"
import { Clock, Context, Effect, Layer, Option } from "effect"
import type { Context as Where } from "./Api.ts"
import * as Answer from "./Answer.ts"

/** A read of a season; of the current one where none is stated. */
export type Read<A> = (season: Season.Season | undefined) => Effect.Effect<Answer.Found<A>, CacheError | DatabaseError>

/** A read of something in a season by its id. */
export type ReadById<A> = (
  season: Season.Season | undefined,
  id: number
) => Effect.Effect<Answer.Found<A>, CacheError | DatabaseError>

type Owner = Event.EventId

type Many<A> = (ids: ReadonlyArray<Owner>) => Effect.Effect<ReadonlyArray<Option.Option<A>>, CacheError | DatabaseError>

// When the source was checked last is known to no cache, and renewed without a word: it is read so often at most (ms).
const contextFor = 1_000

/** The reads, each of one kind of answer. */
export class Reads extends Context.Service<
  Reads,
  {
    /** Where the game is. */
    readonly context: Effect.Effect<Answer.Found<typeof Where.Type>, CacheError | DatabaseError>
    readonly events: Read<ReadonlyArray<Event.Event>>
    readonly event: ReadById<Event.Event>
    readonly phases: Read<ReadonlyArray<Phase.Phase>>
    readonly phase: ReadById<Phase.Phase>
    readonly phasesOfEvent: ReadById<ReadonlyArray<Phase.Phase>>
    readonly teams: Read<ReadonlyArray<Team.Team>>
    readonly team: ReadById<Team.Team>
    readonly match: ReadById<Match.Match>
    readonly matchesOfEvent: ReadById<ReadonlyArray<Match.Match>>
    readonly matchesOfPhase: ReadById<ReadonlyArray<Match.Match>>
    readonly matchesOfTeam: ReadById<ReadonlyArray<Match.Match>>
    readonly unscheduledMatches: Read<ReadonlyArray<Match.Match>>
    /** Those that are being played, by the clock or by what the source says. */
    readonly liveMatches: Read<ReadonlyArray<Match.Match>>
    /** A table of all matches, or of those at home or away. */
    readonly table: (scope: Standing.Scope & { readonly _tag: "Overall" | "Home" | "Away" }) => Read<Standing.Standing>
    readonly tableOfPhase: ReadById<Standing.Standing>
    /** The table as it was after a gameweek. */
    readonly tableAsOf: ReadById<Standing.Standing>
  }
>()("@letletme/api/Reads") {
  static readonly layer = Layer.effect(
    this,
    Effect.suspend(() => make)
  ).pipe(Layer.provide(CurrentContext.layer))
}

const make = Effect.gen(function* () {
  const context = yield* CurrentContext
  const current = yield* CurrentSeason
  const events = yield* EventCache
  const phases = yield* PhaseCache
  const teams = yield* TeamCache
  const matches = yield* MatchCache
  const standings = yield* StandingCache
  const seasonEvents = yield* SeasonEvents
  const seasonPhases = yield* SeasonPhases
  const seasonTeams = yield* SeasonTeams
  const seasonMatches = yield* SeasonMatches
  const eventPhases = yield* EventPhases
  const eventMatches = yield* EventMatches
  const phaseMatches = yield* PhaseMatches
  const teamMatches = yield* TeamMatches
  const unscheduledMatches = yield* UnscheduledMatches

  const named = (stated: Season.Season | undefined) =>
    stated === undefined ? current.get(currentId) : Effect.succeed(stated)

  /** Those of a season's entities that there are. */
  const many = <A>(cache: { readonly getMany: Many<A> }, season: Season.Season, ids: ReadonlyArray<number>) =>
    Effect.map(cache.getMany(ids.map((id) => ({ season, id }))), (found) => found.flatMap(Option.toArray))

  const eventsOf = Effect.fnUntraced(function* (season: Season.Season) {
    return yield* many(events, season, yield* seasonEvents.get(season))
  })

  const eventsIn = ({ season, startEvent, stopEvent }: Phase.Phase) =>
    many(
      events,
      season,
      Array.from({ length: stopEvent - startEvent + 1 }, (_, index) => startEvent + index)
    )

  /** What is known of a season as a whole goes on with its gameweeks. */
  const lifeOfSeason = Effect.fnUntraced(function* (season: Season.Season) {
    return Answer.ofEvents(yield* eventsOf(season), yield* Clock.currentTimeMillis)
  })

  const foundMatches = Effect.fnUntraced(function* (season: Season.Season, ids: ReadonlyArray<number>) {
    const data = yield* many(matches, season, ids)
    return { season, data, ...Answer.ofMatches(data, yield* Clock.currentTimeMillis) }
  })

  const foundPhases = Effect.fnUntraced(function* (season: Season.Season, ids: ReadonlyArray<number>) {
    const data = yield* many(phases, season, ids)
    const within = yield* Effect.forEach(data, eventsIn)
    return { season, data, ...Answer.ofEvents(within.flat(), yield* Clock.currentTimeMillis) }
  })

  /** A table, and the life of the matches that it counts. */
  const table = Effect.fnUntraced(function* (
    season: Season.Season,
    scope: Standing.Scope,
    counts: (match: Match.Match) => boolean
  ) {
    const data = yield* standings.get({ season, scope })
    const all = yield* many(matches, season, yield* seasonMatches.get(season))
    const { stage } = Answer.ofMatches(all.filter(counts), yield* Clock.currentTimeMillis)
    return { season, data, stage, provisional: data.provisional }
  })

  /** Matches that belong to something, which has to exist: a list of what does not is no empty one. */
  const matchesOf = (
    owners: { readonly get: (id: Owner) => Effect.Effect<unknown, CacheError | DatabaseError> },
    lists: { readonly get: (id: Owner) => Effect.Effect<ReadonlyArray<number>, CacheError | DatabaseError> }
  ): ReadById<ReadonlyArray<Match.Match>> =>
    Effect.fnUntraced(function* (stated, id) {
      const season = yield* named(stated)
      yield* owners.get({ season, id })
      return yield* foundMatches(season, yield* lists.get({ season, id }))
    })

  return Reads.of({
    context: Effect.gen(function* () {
      const { checkedAt = null, season, revision: statedAt, ...gameweeks } = yield* context.get
      const { current: at = null, lastFinished = null, next = null, nextDeadline = null } = gameweeks
      const now = yield* Clock.currentTimeMillis
      return {
        season,
        data: { current: at, next, lastFinished, nextDeadline, statedAt, checkedAt },
        ...Answer.ofEvents(yield* eventsOf(season), now),
        until: Math.min(now + contextFor, nextDeadline ?? Number.POSITIVE_INFINITY)
      }
    }),
    events: Effect.fnUntraced(function* (stated) {
      const season = yield* named(stated)
      const data = yield* eventsOf(season)
      return { season, data, ...Answer.ofEvents(data, yield* Clock.currentTimeMillis) }
    }),
    event: Effect.fnUntraced(function* (stated, id) {
      const season = yield* named(stated)
      const data = yield* events.get({ season, id })
      return { season, data, ...Answer.ofEvents([data], yield* Clock.currentTimeMillis) }
    }),
    phases: Effect.fnUntraced(function* (stated) {
      const season = yield* named(stated)
      return yield* foundPhases(season, yield* seasonPhases.get(season))
    }),
    phase: Effect.fnUntraced(function* (stated, id) {
      const season = yield* named(stated)
      const data = yield* phases.get({ season, id })
      return { season, data, ...Answer.ofEvents(yield* eventsIn(data), yield* Clock.currentTimeMillis) }
    }),
    phasesOfEvent: Effect.fnUntraced(function* (stated, id) {
      const season = yield* named(stated)
      yield* events.get({ season, id })
      return yield* foundPhases(season, yield* eventPhases.get({ season, id }))
    }),
    teams: Effect.fnUntraced(function* (stated) {
      const season = yield* named(stated)
      const data = yield* many(teams, season, yield* seasonTeams.get(season))
      return { season, data, ...(yield* lifeOfSeason(season)) }
    }),
    team: Effect.fnUntraced(function* (stated, id) {
      const season = yield* named(stated)
      const data = yield* teams.get({ season, id })
      return { season, data, ...(yield* lifeOfSeason(season)) }
    }),
    match: Effect.fnUntraced(function* (stated, id) {
      const season = yield* named(stated)
      const data = yield* matches.get({ season, id })
      return { season, data, ...Answer.ofMatches([data], yield* Clock.currentTimeMillis) }
    }),
    matchesOfEvent: matchesOf(events, eventMatches),
    matchesOfPhase: matchesOf(phases, phaseMatches),
    matchesOfTeam: matchesOf(teams, teamMatches),
    unscheduledMatches: Effect.fnUntraced(function* (stated) {
      const season = yield* named(stated)
      return yield* foundMatches(season, yield* unscheduledMatches.get(season))
    }),
    liveMatches: Effect.fnUntraced(function* (stated) {
      const season = yield* named(stated)
      const all = yield* many(matches, season, yield* seasonMatches.get(season))
      const now = yield* Clock.currentTimeMillis
      const data = all.filter((match) => Lifecycle.ofMatch(match, now) === "live")
      return { season, data, ...Answer.ofMatches(data, now) }
    }),
    table: (scope) =>
      Effect.fnUntraced(function* (stated) {
        return yield* table(yield* named(stated), scope, () => true)
      }),
    tableOfPhase: Effect.fnUntraced(function* (stated, id) {
      const season = yield* named(stated)
      yield* phases.get({ season, id })
      return yield* table(season, { _tag: "Phase", phase: id }, (match) => match.phases.includes(id))
    }),
    tableAsOf: Effect.fnUntraced(function* (stated, id) {
      const season = yield* named(stated)
      yield* events.get({ season, id })
      return yield* table(season, { _tag: "AsOf", event: id }, ({ event }) => event !== null && event <= id)
    })
  })
})
