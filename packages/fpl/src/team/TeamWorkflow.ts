/**
 * Updating teams.
 */
import { Context, Effect, Layer } from "effect"
import { Committer } from "../season/Committer.ts"
import type { Season } from "../season/Season.ts"
import * as Workflow from "../season/Workflow.ts"
import { Team } from "./Team.ts"
import { TeamCache } from "./TeamCache.ts"
import { TeamRepository } from "./TeamRepository.ts"

type Fields = Omit<Team, "season" | "id">

/**
 * The workflow of teams. A team that is renamed keeps its code, and no two of a season have the same name. What breaks
 * a rule, or the database or the cache does not take, is an `UpdateError`, and nothing was changed.
 */
export class TeamWorkflow extends Context.Service<
  TeamWorkflow,
  {
    /** Updates teams of a season: all of the batch, in one transaction and one append, or none. */
    readonly update: (
      season: Season,
      updates: ReadonlyArray<Workflow.Update<Fields>>,
      options?: Workflow.UpdateOptions
    ) => Effect.Effect<Workflow.Updated, Workflow.UpdateError>
  }
>()("@letletme/fpl/TeamWorkflow") {
  static readonly layer: Layer.Layer<TeamWorkflow, never, Committer | TeamCache | TeamRepository> = Layer.effect(
    this,
    Effect.gen(function* () {
      const rows = yield* TeamRepository
      return TeamWorkflow.of({
        update: Workflow.make<Fields>()(yield* Committer, {
          name: "TeamWorkflow",
          cache: yield* TeamCache,
          rows,
          schema: Team,
          rules: Effect.fnUntraced(function* (season, changes) {
            const planned = new Map((yield* rows.ofSeason(season)).map(({ value }) => [value.id, value]))
            for (const { after } of changes) planned.set(after.id, after)
            return (before, after) => {
              const others = [...planned.values()].filter(({ id }) => id !== after.id)
              const namesake = others.find(({ name }) => name === after.name)
              const shortNamesake = others.find(({ shortName }) => shortName === after.shortName)
              return [
                ...(after.code === before.code ? [] : [`its code is ${before.code}, whatever its name`]),
                ...(after.name === "" || after.shortName === "" ? ["its name is empty"] : []),
                ...(namesake === undefined ? [] : [`team ${namesake.id} is called ${after.name} too`]),
                ...(shortNamesake === undefined ? [] : [`team ${shortNamesake.id} is ${after.shortName} too`])
              ]
            }
          })
        })
      })
    })
  )
}
