/**
 * Lookups of entities in the primary data: many ids in one reading of it.
 */
import { type Array as Arr, Effect, Option } from "effect"
import { Lookup } from "@letletme/cache"
import { PrimaryData, revisionOf } from "./PrimaryData.ts"
import type { SeasonId } from "./Season.ts"
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
