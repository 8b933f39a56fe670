/**
 * Updating phases.
 */
import { Context, Effect, Layer, Option } from "effect"
import { EventRepository } from "../event/EventRepository.ts"
import { MatchCache } from "../match/MatchCache.ts"
import { MatchRepository } from "../match/MatchRepository.ts"
import { Committer } from "../season/Committer.ts"
import type { Season } from "../season/Season.ts"
import * as Workflow from "../season/Workflow.ts"
import { holds, Phase } from "./Phase.ts"
import { PhaseCache } from "./PhaseCache.ts"
import { PhaseRepository } from "./PhaseRepository.ts"

type Fields = Omit<Phase, "season" | "id">

/**
 * The workflow of phases. A range begins and ends with gameweeks that exist, in this order. Matches show the phases that
 * they are in: those that join or leave one are updated with it.
 *
 * What breaks a rule, or the database or the cache does not take, is an `UpdateError`, and nothing was changed.
 */
export class PhaseWorkflow extends Context.Service<
  PhaseWorkflow,
  {
    /** Updates phases of a season: all of the batch, in one transaction and one append, or none. */
    readonly update: (
      season: Season,
      updates: ReadonlyArray<Workflow.Update<Fields>>,
      options?: Workflow.UpdateOptions
    ) => Effect.Effect<Workflow.Updated, Workflow.UpdateError>
  }
>()("@letletme/fpl/PhaseWorkflow") {
  static readonly layer: Layer.Layer<
    PhaseWorkflow,
    never,
    Committer | PhaseCache | PhaseRepository | EventRepository | MatchCache | MatchRepository
  > = Layer.effect(
    this,
    Effect.gen(function* () {
      const events = yield* EventRepository
      const matches = yield* MatchRepository
      const matchCache = yield* MatchCache
      return PhaseWorkflow.of({
        update: Workflow.make<Fields>()(yield* Committer, {
          name: "PhaseWorkflow",
          cache: yield* PhaseCache,
          rows: yield* PhaseRepository,
          schema: Phase,
          rules: Effect.fnUntraced(function* (season) {
            const ids = new Set((yield* events.ofSeason(season)).map(({ value }) => value.id))
            return (_, { name, startEvent, stopEvent }) => [
              ...(name === "" ? ["its name is empty"] : []),
              ...(ids.has(startEvent) ? [] : [`it starts at event ${startEvent}, which does not exist`]),
              ...(ids.has(stopEvent) ? [] : [`it stops at event ${stopEvent}, which does not exist`]),
              ...(startEvent <= stopEvent ? [] : ["it stops before it starts"])
            ]
          }),
          along: Effect.fnUntraced(function* (changes, revision) {
            const { season } = changes[0].after
            const rows = yield* matches.ofSeason(season)
            const moved = rows.flatMap((row) => {
              const { event } = row.value
              if (event === null) return []
              const phases = changes.reduce<ReadonlyArray<number>>((ids, { after }) => {
                const others = ids.filter((id) => id !== after.id)
                return holds(after, event) ? [...others, after.id].toSorted((a, b) => a - b) : others
              }, row.value.phases)
              const isSame = phases.join() === row.value.phases.join()
              return isSame ? [] : [{ row, after: { ...row.value, phases } }]
            })
            yield* matches.save(
              moved.map(({ after, row }) => ({ value: after, revision: Math.max(row.revision, revision.time) }))
            )
            return yield* matchCache.changes(
              moved.map(({ after, row }) => ({
                id: { season, id: after.id },
                value: Option.some(after),
                before: Option.some(row.value)
              })),
              { revision: { ...revision, time: Math.max(revision.time, ...moved.map(({ row }) => row.revision)) } }
            )
          })
        })
      })
    })
  )
}
