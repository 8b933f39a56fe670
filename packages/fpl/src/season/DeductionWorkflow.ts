/**
 * Taking points from teams: an input of its own, since the API does not know of it.
 */
import { Context, Effect, Equal, Layer, Option } from "effect"
import type { Deductions } from "../standing/Standing.ts"
import { TeamRepository } from "../team/TeamRepository.ts"
import { Committer, type Work } from "./Committer.ts"
import type { Season } from "./Season.ts"
import { SeasonDeductions } from "./SeasonCache.ts"
import { SeasonRepository } from "./SeasonRepository.ts"
import { type Updated, type UpdateError, ValidationError } from "./Workflow.ts"

/**
 * The workflow of deductions. What breaks a rule, or the database or the cache does not take, is an `UpdateError`, and
 * nothing was changed.
 */
export class DeductionWorkflow extends Context.Service<
  DeductionWorkflow,
  {
    /**
     * States the points taken from teams of a season, by the team's name or code: all of them, in place of those stated
     * before. The tables that count the whole season are computed anew.
     */
    readonly update: (season: Season, deductions: Deductions) => Effect.Effect<Updated, UpdateError>
  }
>()("@letletme/fpl/DeductionWorkflow") {
  static readonly layer: Layer.Layer<
    DeductionWorkflow,
    never,
    Committer | SeasonDeductions | SeasonRepository | TeamRepository
  > = Layer.effect(
    this,
    Effect.gen(function* () {
      const cache = yield* SeasonDeductions
      const committer = yield* Committer
      const seasons = yield* SeasonRepository
      const teams = yield* TeamRepository
      return DeductionWorkflow.of({
        update: Effect.fn("DeductionWorkflow.update")(function* (season, deductions) {
          const key = cache.key(season)
          const work = Effect.fnUntraced(function* (): Effect.fn.Return<Work<boolean>, UpdateError> {
            const rows = yield* teams.ofSeason(season)
            const names = new Set(rows.flatMap(({ value }) => [value.name, `${value.code}`]))
            const [first, ...rest] = Object.entries(deductions).flatMap(([name, points]) => [
              ...(names.has(name) ? [] : [{ key, detail: `no team of ${season} has the name or code ${name}` }]),
              ...(points >= 0 ? [] : [{ key, detail: `${points} points cannot be taken from ${name}` }])
            ])
            if (first !== undefined) return yield* new ValidationError({ problems: [first, ...rest] })
            const before = yield* seasons.deductions(season)
            if (Equal.equals(before, deductions)) return { changes: [], value: false }
            yield* seasons.deduct(season, deductions)
            const changes = yield* cache.changes([
              { id: season, value: Option.some(deductions), before: Option.some(before) }
            ])
            return { changes, value: true }
          })
          const committed = yield* committer.commit(season, "DeductionWorkflow.update", work)
          const { announcement, invalidated, value: hasChanged } = committed
          return {
            changed: hasChanged ? [key] : [],
            unchanged: hasChanged ? [] : [key],
            refused: [],
            announcement,
            invalidated
          }
        })
      })
    })
  )
}
