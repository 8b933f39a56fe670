/**
 * Lookups of the caches in the primary data: many ids in one reading of it.
 */
import { type Array as Arr, Effect, Option } from "effect"
import { Lookup } from "@letletme/cache"
import { PrimaryData, revisionOf } from "./PrimaryData.ts"
import type { Season, SeasonId } from "./Season.ts"
import type { SeasonRevision } from "./SeasonRevision.ts"

type Questions<Id, A> = Arr.NonEmptyReadonlyArray<Lookup.Question<Id, A>>

/** Finds entities by id; one that the revision does not hold, or of another season, is absent. */
export const byId =
  <A extends { readonly id: number }>(entities: (revision: SeasonRevision) => ReadonlyArray<A>) =>
  (questions: Questions<SeasonId, A>) =>
    PrimaryData.use(({ current }) =>
      Effect.map(current, (revision) => {
        const found = new Map(entities(revision).map((entity) => [entity.id, entity]))
        return questions.map(({ id }) =>
          Lookup.fromOption(Option.fromUndefinedOr(id.season === revision.season ? found.get(id.id) : undefined), {
            revision: revisionOf(revision)
          })
        )
      })
    )

/** Lists the ids of the entities that belong to something; nothing belongs to what is not of the revision's season. */
export const idsOf =
  <Id, A extends { readonly id: number }>(
    seasonOf: (id: Id) => Season,
    entities: (revision: SeasonRevision) => ReadonlyArray<A>,
    belongs: (entity: A, id: Id) => boolean
  ) =>
  (questions: Questions<Id, ReadonlyArray<number>>) =>
    PrimaryData.use(({ current }) =>
      Effect.map(current, (revision) =>
        questions.map(({ id }) =>
          seasonOf(id) === revision.season
            ? Lookup.found(
                entities(revision)
                  .filter((entity) => belongs(entity, id))
                  .map((entity) => entity.id),
                { revision: revisionOf(revision) }
              )
            : Lookup.absent
        )
      )
    )
