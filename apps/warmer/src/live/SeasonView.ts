/**
 * The season as a fan sees it, read from the caches at one position.
 */
import { CacheManager, type CacheError } from "@letletme/cache"
import {
  CurrentSeason,
  currentId,
  type DatabaseError,
  EventCache,
  EventMatches,
  gameweeksAt,
  MatchCache,
  SeasonEvents,
  SeasonTeams,
  StandingCache,
  TeamCache
} from "@letletme/fpl"
import { Clock, Context, Effect, Layer, Option } from "effect"
import type { SeasonNow } from "./Answers.ts"

/** The season at hand. */
export class SeasonView extends Context.Service<
  SeasonView,
  { readonly now: Effect.Effect<typeof SeasonNow.Type, CacheError | DatabaseError> }
>()("@letletme/warmer/live/SeasonView") {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const manager = yield* CacheManager
      const seasons = yield* CurrentSeason
      const eventLists = yield* SeasonEvents
      const events = yield* EventCache
      const lists = yield* EventMatches
      const matches = yield* MatchCache
      const teamLists = yield* SeasonTeams
      const teams = yield* TeamCache
      const standings = yield* StandingCache

      const read = Effect.gen(function* () {
        const season = yield* seasons.get(currentId)
        const eventIds = yield* eventLists.get(season)
        const all = (yield* events.getMany(eventIds.map((id) => ({ season, id })))).flatMap(Option.toArray)
        const { current, next, nextDeadline } = gameweeksAt(all, yield* Clock.currentTimeMillis)
        // A simulated season is played years before its deadlines.
        const gameweek = current ?? all.find(({ finished }) => !finished)?.id ?? next
        const event = all.find(({ id }) => id === gameweek)
        const ids = gameweek === undefined ? [] : yield* lists.get({ season, id: gameweek })
        const played = yield* matches.getMany(ids.map((id) => ({ season, id })))
        const teamIds = yield* teamLists.get(season)
        const found = yield* teams.getMany(teamIds.map((id) => ({ season, id })))
        return {
          season,
          gameweek:
            event === undefined
              ? null
              : { id: event.id, name: event.name, deadline: event.deadline, finished: event.finished },
          nextDeadline: nextDeadline ?? null,
          teams: found.flatMap(Option.toArray).map(({ id, name, shortName }) => ({ id, name, shortName })),
          matches: played.flatMap(Option.toArray),
          table: yield* standings.get({ season, scope: { _tag: "Overall" } })
        }
      })
      return SeasonView.of({ now: manager.snapshot(read) })
    })
  )
}
