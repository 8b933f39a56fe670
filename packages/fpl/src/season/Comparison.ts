/**
 * One domain of a revision, compared with the database: what differs is saved, and what that changes in the cache prepared.
 */
import type { CacheError, Domain, Tag } from "@letletme/cache"
import { Effect, Equal, Option } from "effect"
import type { DatabaseError } from "./Database.ts"
import type { Repository, Stored } from "./Repository.ts"
import type { Season, SeasonId } from "./Season.ts"

/** The revision that a domain is compared for. */
export interface Occasion {
  readonly season: Season
  /** When the source stated it (epoch ms), and its turn among the writers. */
  readonly time: number
  readonly sequence: number
  /**
   * `initial`: neither the database nor the cache holds anything of it. `first`: the database does not. `next`: it follows
   * another.
   */
  readonly mode: "initial" | "first" | "next"
}

/** What came of a comparison. */
export interface Compared {
  readonly changes: ReadonlyArray<Domain.Change>
  /** The keys of what a workflow has brought up to date since the source stated this revision. */
  readonly refused: ReadonlyArray<Tag.Tag>
}

interface Kind<A, E> {
  readonly cache: Domain.Domain<SeasonId, A, E>
  readonly rows: Repository<A>
}

/**
 * Saves what differs, and prepares what it changes in the cache. Fails with `DatabaseError` where the database does not
 * answer, with `CacheError` where the cache cannot prepare.
 */
export const compare = Effect.fnUntraced(function* <A extends SeasonId, E>(
  { cache, rows }: Kind<A, E>,
  entities: ReadonlyArray<A>,
  { mode, season, sequence, time }: Occasion
): Effect.fn.Return<Compared, CacheError | DatabaseError> {
  const held = new Map((yield* rows.ofSeason(season)).map((row) => [row.value.id, row]))
  const saved: Array<Stored<A>> = []
  const removed: Array<SeasonId> = []
  const refused: Array<SeasonId> = []
  const replacements: Array<Domain.Replacement<SeasonId, A>> = []
  const differs = (id: number, before: Stored<A> | undefined, after: A | undefined) => {
    if (before !== undefined && before.revision > time) {
      refused.push({ season, id })
      return
    }
    if (after === undefined) removed.push({ season, id })
    else saved.push({ value: after, revision: time })
    replacements.push({
      id: { season, id },
      value: Option.fromUndefinedOr(after),
      before: Option.map(Option.fromUndefinedOr(before), ({ value }) => value)
    })
  }
  for (const entity of entities) {
    const row = held.get(entity.id)
    held.delete(entity.id)
    if (row === undefined || !Equal.equals(row.value, entity)) differs(entity.id, row, entity)
  }
  for (const [id, row] of held) differs(id, row, undefined)
  if (saved.length > 0) yield* rows.save(saved)
  if (removed.length > 0) yield* rows.remove(removed)
  const options = { revision: { time, sequence } }
  const known = cache.changes(replacements, options)
  const changes =
    mode === "initial"
      ? []
      : mode === "next"
        ? yield* known
        : // The database knows of nothing before: what the cache holds is what there was, if it can tell.
          yield* Effect.catch(
            cache.changes(
              replacements.map(({ id, value }) => ({ id, value })),
              options
            ),
            () => known
          )
  return { changes, refused: refused.map(cache.key) }
})

/**
 * The revision states every entity: what a cascade reaches and the revision has unchanged is stamped anew. Fails with
 * `CacheError` where the cache cannot prepare.
 */
export const confirm = <A extends SeasonId, E>(
  cache: Domain.Domain<SeasonId, A, E>,
  entities: ReadonlyArray<A>,
  { changes, refused }: Compared,
  reachedBy: ReadonlyArray<Tag.Tag>,
  { sequence, time }: Occasion
) => {
  const apart = new Set(refused)
  for (const { key, verdict } of changes) if (verdict !== "unchanged") apart.add(key)
  const known = entities.map((value) => ({ id: { season: value.season, id: value.id }, value }))
  return cache.confirmations(
    known.filter(({ id }) => !apart.has(cache.key(id))),
    reachedBy,
    { revision: { time, sequence } }
  )
}
