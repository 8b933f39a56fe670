/**
 * The seasons in the database: which is the current one, what was published of each, and points taken away.
 */
import { Context, type Effect, type Option } from "effect"
import type { Deductions } from "../standing/Standing.ts"
import type { DatabaseError } from "./Database.ts"
import type { Season } from "./Season.ts"

/** What was published of a season last. */
export interface Publication {
  readonly season: Season
  /** The revision: when the source stated it (epoch ms). */
  readonly time: number
  /** When the source was last seen to say the same (epoch ms). */
  readonly checkedAt: number
  /** Of the content: an equal one needs no comparison. */
  readonly hash: string
}

/** The repository of seasons. What the database does not answer is a `DatabaseError`. */
export class SeasonRepository extends Context.Service<
  SeasonRepository,
  {
    /** The current season; none before the first publication. */
    readonly current: Effect.Effect<Option.Option<Season>, DatabaseError>
    readonly makeCurrent: (season: Season) => Effect.Effect<void, DatabaseError>
    readonly publication: (season: Season) => Effect.Effect<Option.Option<Publication>, DatabaseError>
    /** Notes a publication in place of the one before. */
    readonly publish: (publication: Publication) => Effect.Effect<void, DatabaseError>
    /** Points taken away, by the team's name or code; without any it is empty. */
    readonly deductions: (season: Season) => Effect.Effect<Deductions, DatabaseError>
    readonly deduct: (season: Season, deductions: Deductions) => Effect.Effect<void, DatabaseError>
    /**
     * Waits until no other transaction writes to the season, and keeps others out until this one ends. Answers a number
     * that is higher each time, so that the order of commits is known.
     */
    readonly lock: (season: Season) => Effect.Effect<number, DatabaseError>
  }
>()("@letletme/fpl/SeasonRepository") {}
