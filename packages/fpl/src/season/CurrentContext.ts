/**
 * Where the game is: the current season, its revision and its age, and its gameweeks by the clock.
 */
import { CacheManager, type CacheError } from "@letletme/cache"
import { Clock, Context, Effect, Layer, Option } from "effect"
import type { Event } from "../event/Event.ts"
import { EventCache, SeasonEvents } from "../event/EventCache.ts"
import type { DatabaseError } from "./Database.ts"
import { currentId, CurrentSeason, SeasonPublication } from "./SeasonCache.ts"
import type { Season } from "./Season.ts"
import { SeasonRepository } from "./SeasonRepository.ts"

/** The gameweeks at a moment, by their ids. */
export interface Gameweeks {
  /** Its deadline was the last to pass; none before the first. */
  readonly current: number | undefined
  /** Its deadline is the next to pass; none after the last. */
  readonly next: number | undefined
  readonly lastFinished: number | undefined
  /** Epoch milliseconds. */
  readonly nextDeadline: number | undefined
}

/**
 * Tells the gameweeks at a time (epoch ms). Deadlines and the clock decide, not the source's flags: it may lag or be
 * closed just then.
 */
export const at = (events: ReadonlyArray<Event>, now: number): Gameweeks => {
  const inOrder = events.toSorted((a, b) => a.deadline - b.deadline || a.id - b.id)
  const next = inOrder.find(({ deadline }) => deadline > now)
  return {
    current: inOrder.findLast(({ deadline }) => deadline <= now)?.id,
    next: next?.id,
    lastFinished: inOrder.findLast(({ finished }) => finished)?.id,
    nextDeadline: next?.deadline
  }
}

/** Where the game is. */
export interface Moment extends Gameweeks {
  readonly season: Season
  /** When the source stated what is published (epoch ms). */
  readonly revision: number
  /** When the source was last seen to say the same (epoch ms); unknown while the database does not answer. */
  readonly checkedAt: number | undefined
}

/**
 * The current context. Fails with `DatabaseError`, of the reason `Empty` where nothing was published yet, and with
 * `CacheError` where the cache does not answer.
 */
export class CurrentContext extends Context.Service<
  CurrentContext,
  {
    /**
     * Where the game is now. All but `checkedAt` is read from the caches, at one position, and rolls on by the clock while
     * the source is away.
     */
    readonly get: Effect.Effect<Moment, CacheError | DatabaseError>
  }
>()("@letletme/fpl/CurrentContext") {
  static readonly layer: Layer.Layer<
    CurrentContext,
    never,
    CacheManager | CurrentSeason | SeasonPublication | SeasonEvents | EventCache | SeasonRepository
  > = Layer.effect(
    this,
    Effect.gen(function* () {
      const manager = yield* CacheManager
      const currentSeason = yield* CurrentSeason
      const publications = yield* SeasonPublication
      const lists = yield* SeasonEvents
      const cache = yield* EventCache
      const seasons = yield* SeasonRepository
      const read = Effect.gen(function* () {
        const season = yield* currentSeason.get(currentId)
        const revision = yield* publications.get(season)
        const ids = yield* lists.get(season)
        const events = yield* cache.getMany(ids.map((id) => ({ season, id })))
        return { season, revision, events: events.flatMap(Option.toArray) }
      })
      return CurrentContext.of({
        get: Effect.gen(function* () {
          const { events, revision, season } = yield* manager.snapshot(read)
          // Each check renews it, and invalidates nothing: so it is kept by no cache.
          const publication = yield* Effect.orElseSucceed(seasons.publication(season), () => Option.none())
          const checkedAt = Option.getOrUndefined(Option.map(publication, (one) => one.checkedAt))
          return { season, revision, checkedAt, ...at(events, yield* Clock.currentTimeMillis) }
        }).pipe(Effect.withSpan("CurrentContext.get"))
      })
    })
  )
}
