/**
 * Lists of ids, cached: which of a domain's entities belong to a season, a gameweek, a phase or a team.
 */
import { type DependencyGraph, type Domain, Lookup } from "@letletme/cache"
import { Effect, Schema } from "effect"
import { graph } from "../graph.ts"
import type { SourceError } from "../source/SourceError.ts"
import { PrimaryData, revisionOf } from "./PrimaryData.ts"
import { Season, type SeasonId } from "./Season.ts"
import type { SeasonRevision } from "./SeasonRevision.ts"

type Name = DependencyGraph.Domain<typeof graph>
type IdList<Id> = Domain.Definition<Name, Id, ReadonlyArray<number>, SourceError, PrimaryData>

const idList = <Id, A extends { readonly id: number }>(options: {
  readonly domain: Name
  readonly of: string
  readonly id: Schema.Codec<Id, string>
  readonly seasonOf: (id: Id) => Season
  readonly entities: (revision: SeasonRevision) => ReadonlyArray<A>
  readonly belongs: (entity: A, id: Id) => boolean
}): IdList<Id> => ({
  graph,
  domain: options.domain,
  list: { of: options.of, name: "ids" },
  id: options.id,
  value: Schema.Array(Schema.Int),
  timeToLive: "metadata",
  lookupMany: (questions) =>
    PrimaryData.use(({ current }) =>
      Effect.map(current, (revision) =>
        questions.map(({ id }) => {
          // Nothing is known of another season: that is not the same as an empty list.
          if (options.seasonOf(id) !== revision.season) return Lookup.absent
          const members = options.entities(revision).filter((entity) => options.belongs(entity, id))
          return Lookup.found(
            members.map((entity) => entity.id),
            { revision: revisionOf(revision) }
          )
        })
      )
    )
})

/** The ids of a season's entities: all of them, or those that belong under another name, such as `unscheduled`. */
export const ofSeason = <A extends { readonly id: number }>(
  domain: Name,
  entities: (revision: SeasonRevision) => ReadonlyArray<A>,
  under: { readonly name: string; readonly belongs: (entity: A) => boolean } = { name: "season", belongs: () => true }
): IdList<Season> =>
  idList({ domain, of: under.name, id: Season, seasonOf: (season) => season, entities, belongs: under.belongs })

/** The ids of the entities that belong to an entity of another domain. */
export const ofEntity = <A extends { readonly id: number }>(
  domain: Name,
  of: Name,
  id: Schema.Codec<SeasonId, string>,
  entities: (revision: SeasonRevision) => ReadonlyArray<A>,
  belongs: (entity: A, owner: SeasonId) => boolean
): IdList<SeasonId> => idList({ domain, of, id, seasonOf: ({ season }) => season, entities, belongs })
