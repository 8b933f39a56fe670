/**
 * Lists of ids, cached: which of a domain's entities belong to a season, a gameweek, a phase or a team.
 */
import { type DependencyGraph, type Domain, type InvalidationLog, Lookup, type OutboxRelay } from "@letletme/cache"
import { type Context, Effect, Schema } from "effect"
import { graph } from "../graph.ts"
import type { Database, DatabaseError } from "./Database.ts"
import { announced, notEmpty } from "./lookups.ts"
import type { Repository } from "./Repository.ts"
import { Season, SeasonId } from "./Season.ts"
import { SeasonRepository } from "./SeasonRepository.ts"

type Name = DependencyGraph.Domain<typeof graph>
type IdList<Id, R> = Domain.Definition<
  Name,
  Id,
  ReadonlyArray<number>,
  DatabaseError,
  R | Database | InvalidationLog | OutboxRelay | SeasonRepository
>

/** Where a list's entities are found, for several owners at once. */
type Find<Id, A, R> = (owners: ReadonlyArray<Id>) => Effect.Effect<ReadonlyArray<A>, DatabaseError, R>

const idList = <Id, A extends SeasonId, R>(options: {
  readonly domain: Name
  readonly of: string
  readonly id: Schema.Codec<Id, string>
  readonly seasonOf: (id: Id) => Season
  readonly find: Find<Id, A, R>
  readonly belongs: (entity: A, id: Id) => boolean
}): IdList<Id, R> => ({
  graph,
  domain: options.domain,
  list: { of: options.of, name: "ids" },
  id: options.id,
  value: Schema.Array(Schema.Int),
  timeToLive: "metadata",
  lookupMany: (questions) =>
    announced(
      Effect.gen(function* () {
        const entities = yield* options.find(questions.map(({ id }) => id))
        const seasons = yield* SeasonRepository
        const names = [...new Set(questions.map(({ id }) => options.seasonOf(id)))]
        const publications = yield* Effect.forEach(names, seasons.publication)
        const isKnown = new Map(names.map((name, index) => [name, publications[index]?._tag === "Some"]))
        if (![...isKnown.values()].every(Boolean)) yield* notEmpty
        return questions.map(({ id }) => {
          const season = options.seasonOf(id)
          // Nothing is known of the season: that is not the same as an empty list.
          if (isKnown.get(season) !== true) return Lookup.absent
          const members = entities.filter((entity) => entity.season === season && options.belongs(entity, id))
          return Lookup.found(members.map((entity) => entity.id))
        })
      })
    )
})

/** Finds entities of the seasons that some ids are of, all of them. */
export const inSeasonsOf =
  <I, A extends SeasonId>(repository: Context.Key<I, Repository<A>>): Find<{ readonly season: Season }, A, I> =>
  (owners) =>
    Effect.gen(function* () {
      const { ofSeason } = yield* repository
      const rows = yield* Effect.forEach(new Set(owners.map(({ season }) => season)), ofSeason)
      return rows.flat().map(({ value }) => value)
    })

/** Finds entities that name their owners, in any of these fields. */
export const naming =
  <I, A extends SeasonId>(
    repository: Context.Key<I, Repository<A>>,
    ...fields: ReadonlyArray<keyof A & string>
  ): Find<SeasonId, A, I> =>
  (owners) =>
    Effect.flatMap(repository, (rows) => rows.naming(fields, owners))

/** The ids of a season's entities: all of them, or those that belong under another name, such as `unscheduled`. */
export const ofSeason = <I, A extends SeasonId>(
  domain: Name,
  repository: Context.Key<I, Repository<A>>,
  part?: { readonly of: string; readonly belongs: (entity: A) => boolean }
): IdList<Season, I> =>
  idList({
    domain,
    of: part?.of ?? "season",
    id: Season,
    seasonOf: (season) => season,
    find: (seasons) => inSeasonsOf(repository)(seasons.map((season) => ({ season }))),
    belongs: part?.belongs ?? (() => true)
  })

/** The ids of the entities that belong to one of another domain, or to a number such as that of a position. */
export const ofEntity = <A extends SeasonId, R>(
  domain: Name,
  of: string,
  find: Find<SeasonId, A, R>,
  belongs: (entity: A, owner: SeasonId) => boolean
): IdList<SeasonId, R> => idList({ domain, of, id: SeasonId, seasonOf: ({ season }) => season, find, belongs })
