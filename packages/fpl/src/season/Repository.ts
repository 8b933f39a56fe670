/**
 * What every domain's repository does.
 */
import type { Effect, Option } from "effect"
import type { DatabaseError } from "./Database.ts"
import type { Season, SeasonId } from "./Season.ts"

/** A row: an entity, and when its source stated it (epoch ms). */
export interface Stored<A> {
  readonly value: A
  readonly revision: number
}

/** A repository of one kind of entity. What the database does not answer, or nobody can read, is a `DatabaseError`. */
export interface Repository<A> {
  /** The rows of these ids, in their order; none for those that do not exist. */
  readonly byIds: (
    ids: ReadonlyArray<SeasonId>
  ) => Effect.Effect<ReadonlyArray<Option.Option<Stored<A>>>, DatabaseError>
  /** All rows of a season, by id. */
  readonly ofSeason: (season: Season) => Effect.Effect<ReadonlyArray<Stored<A>>, DatabaseError>
  /**
   * Those of which one of these fields names an owner of the same season by its id, or lists it among others: the matches
   * whose `home` or `away` is one of these teams. By season and id, each once.
   */
  readonly naming: (
    fields: ReadonlyArray<keyof A & string>,
    owners: ReadonlyArray<SeasonId>
  ) => Effect.Effect<ReadonlyArray<A>, DatabaseError>
  /** Inserts rows, or replaces those of the same ids. */
  readonly save: (rows: ReadonlyArray<Stored<A>>) => Effect.Effect<void, DatabaseError>
  /** Removes rows, those that there are. */
  readonly remove: (ids: ReadonlyArray<SeasonId>) => Effect.Effect<void, DatabaseError>
}
