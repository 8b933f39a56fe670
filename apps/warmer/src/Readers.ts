/**
 * Every cache of the game by the keys of its entries: for what looks at keys and does not know whose they are.
 */
import type { CacheError, Domain, Tag } from "@letletme/cache"
import {
  CurrentSeason,
  EventCache,
  EventMatches,
  EventPhases,
  MatchCache,
  PhaseCache,
  PhaseMatches,
  PlayerCache,
  PositionPlayers,
  SeasonDeductions,
  SeasonEvents,
  SeasonMatches,
  SeasonPhases,
  SeasonPlayers,
  SeasonTeams,
  StandingCache,
  TeamCache,
  TeamMatches,
  TeamPlayers,
  UnscheduledMatches
} from "@letletme/fpl"
import { Effect, Option } from "effect"

/** What a cache can say of one key. */
interface Reading<E> {
  /** The value, loaded where the cache does not have it; none where the source says that there is none. */
  readonly find: Effect.Effect<Option.Option<unknown>, E | CacheError>
  /** The value that the cache has, if it is fresh; none where there is none, or the source said that there is none. */
  readonly peek: Effect.Effect<Option.Option<unknown>, CacheError>
  /** What the store holds. */
  readonly condition: Effect.Effect<Domain.Condition, CacheError>
}

const reader =
  <Id, A, E>(cache: Domain.Domain<Id, A, E>) =>
  (key: Tag.Tag): Option.Option<Reading<E>> =>
    Option.map(cache.parse(key), (id) => ({
      find: cache.find(id),
      peek: cache.peek(id),
      condition: Effect.map(cache.inspect([id]), ([condition = "missing"]) => condition)
    }))

/** Finds the cache that a key belongs to. When a season was published is left out: each process knows of its own. */
export const readers = Effect.gen(function* () {
  const all = [
    reader(yield* EventCache),
    reader(yield* SeasonEvents),
    reader(yield* CurrentSeason),
    reader(yield* PhaseCache),
    reader(yield* SeasonPhases),
    reader(yield* EventPhases),
    reader(yield* TeamCache),
    reader(yield* SeasonTeams),
    reader(yield* SeasonDeductions),
    reader(yield* MatchCache),
    reader(yield* EventMatches),
    reader(yield* PhaseMatches),
    reader(yield* TeamMatches),
    reader(yield* SeasonMatches),
    reader(yield* UnscheduledMatches),
    reader(yield* PlayerCache),
    reader(yield* SeasonPlayers),
    reader(yield* TeamPlayers),
    reader(yield* PositionPlayers),
    reader(yield* StandingCache)
  ]
  return (key: Tag.Tag) => Option.firstSomeOf(all.map((one) => one(key)))
})
