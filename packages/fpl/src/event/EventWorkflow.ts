/**
 * Updating gameweeks.
 */
import { Context, Effect, Layer } from "effect"
import { Committer } from "../season/Committer.ts"
import type { Season } from "../season/Season.ts"
import * as Workflow from "../season/Workflow.ts"
import { Event } from "./Event.ts"
import { EventCache } from "./EventCache.ts"
import { EventRepository } from "./EventRepository.ts"

type Fields = Omit<Event, "season" | "id">

/**
 * The workflow of gameweeks. A deadline moves only before it has passed, to a time that has not, and stays between its
 * neighbours'.
 *
 * What breaks a rule, or the database or the cache does not take, is an `UpdateError`, and nothing was changed.
 *
 * @example
 * ```ts
 * import { EventWorkflow } from "@letletme/fpl"
 * import { Effect } from "effect"
 *
 * const postpone = Effect.gen(function* () {
 *   const events = yield* EventWorkflow
 *   const deadline = Date.UTC(2031, 2, 15, 11)
 *   const { announcement, invalidated } = yield* events.update("2030-31", [{ id: 29, set: { deadline } }])
 *   return { announcement, invalidated }
 * })
 * ```
 */
export class EventWorkflow extends Context.Service<
  EventWorkflow,
  {
    /** Updates gameweeks of a season: all of the batch, in one transaction and one append, or none. */
    readonly update: (
      season: Season,
      updates: ReadonlyArray<Workflow.Update<Fields>>,
      options?: Workflow.UpdateOptions
    ) => Effect.Effect<Workflow.Updated, Workflow.UpdateError>
  }
>()("@letletme/fpl/EventWorkflow") {
  static readonly layer: Layer.Layer<EventWorkflow, never, Committer | EventCache | EventRepository> = Layer.effect(
    this,
    Effect.gen(function* () {
      const rows = yield* EventRepository
      return EventWorkflow.of({
        update: Workflow.make<Fields>()(yield* Committer, {
          name: "EventWorkflow",
          cache: yield* EventCache,
          rows,
          schema: Event,
          rules: Effect.fnUntraced(function* (season, changes, now) {
            const planned = new Map((yield* rows.ofSeason(season)).map(({ value }) => [value.id, value]))
            for (const { after } of changes) planned.set(after.id, after)
            const inOrder = [...planned.values()].toSorted((a, b) => a.id - b.id)
            return (before, after) => {
              const { deadline, id, name } = after
              const place = inOrder.findIndex((event) => event.id === id)
              const previous = inOrder[place - 1]
              const next = inOrder[place + 1]
              const problems = name === "" ? ["its name is empty"] : []
              if (before.deadline === deadline) return problems
              if (before.deadline <= now) problems.push("its deadline has passed, and cannot be moved")
              else if (deadline <= now) problems.push("its new deadline has passed already")
              if (previous !== undefined && deadline <= previous.deadline)
                problems.push(`its new deadline is not after that of event ${previous.id}`)
              if (next !== undefined && deadline >= next.deadline)
                problems.push(`its new deadline is not before that of event ${next.id}`)
              return problems
            }
          })
        })
      })
    })
  )
}
