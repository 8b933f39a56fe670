/**
 * A cache by the keys of its entries: for what looks at keys and does not know whose they are.
 */
import type { CacheError, Domain, Tag } from "@letletme/cache"
import { Effect, Option } from "effect"
import type { DatabaseError } from "./Database.ts"

/**
 * What a cache can say of one key. The store or the log that does not answer is a `CacheError`, the database that a lookup
 * asks a `DatabaseError`.
 */
export interface Reading {
  /** The value, loaded where the cache does not have it; none where the source says that there is none. */
  readonly find: Effect.Effect<Option.Option<unknown>, CacheError | DatabaseError>
  /** The value that the cache has, if it is fresh; none where there is none, or the source said that there is none. */
  readonly peek: Effect.Effect<Option.Option<unknown>, CacheError>
  /** What the store holds. */
  readonly condition: Effect.Effect<Domain.Condition, CacheError>
}

/** Reads a key; none where it is not one of this cache. */
export type Reader = (key: Tag.Tag) => Option.Option<Reading>

/** The reader of a cache. */
export const make =
  <Id, A>(cache: Domain.Domain<Id, A, CacheError | DatabaseError>): Reader =>
  (key) =>
    Option.map(cache.parse(key), (id) => ({
      find: cache.find(id),
      peek: cache.peek(id),
      condition: Effect.map(cache.inspect([id]), ([condition = "missing"]) => condition)
    }))
