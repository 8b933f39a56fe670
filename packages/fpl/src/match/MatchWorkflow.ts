/**
 * Updating matches.
 */
import { Context, Effect, Layer } from "effect"
import { EventRepository } from "../event/EventRepository.ts"
import { holds } from "../phase/Phase.ts"
import { PhaseRepository } from "../phase/PhaseRepository.ts"
import { Committer } from "../season/Committer.ts"
import type { Season } from "../season/Season.ts"
import * as Workflow from "../season/Workflow.ts"
import { TeamRepository } from "../team/TeamRepository.ts"
import { Match } from "./Match.ts"
import { MatchCache } from "./MatchCache.ts"
import { MatchRepository } from "./MatchRepository.ts"

type Fields = Omit<Match, "season" | "id" | "phases">

/**
 * The workflow of matches. Two teams that exist play, in a gameweek that exists or in none; a match that is moved keeps
 * its code, and is in the phases of its new gameweek; what has a result has two scores.
 *
 * What breaks a rule, or the database or the cache does not take, is an `UpdateError`, and nothing was changed.
 */
export class MatchWorkflow extends Context.Service<
  MatchWorkflow,
  {
    /** Updates matches of a season: all of the batch, in one transaction and one append, or none. */
    readonly update: (
      season: Season,
      updates: ReadonlyArray<Workflow.Update<Fields>>,
      options?: Workflow.UpdateOptions
    ) => Effect.Effect<Workflow.Updated, Workflow.UpdateError>
  }
>()("@letletme/fpl/MatchWorkflow") {
  static readonly layer: Layer.Layer<
    MatchWorkflow,
    never,
    Committer | MatchCache | MatchRepository | EventRepository | PhaseRepository | TeamRepository
  > = Layer.effect(
    this,
    Effect.gen(function* () {
      const events = yield* EventRepository
      const phases = yield* PhaseRepository
      const teams = yield* TeamRepository
      return MatchWorkflow.of({
        update: Workflow.make<Fields>()(yield* Committer, {
          name: "MatchWorkflow",
          cache: yield* MatchCache,
          rows: yield* MatchRepository,
          schema: Match,
          rules: Effect.fnUntraced(function* (season) {
            const eventIds = new Set((yield* events.ofSeason(season)).map(({ value }) => value.id))
            const teamIds = new Set((yield* teams.ofSeason(season)).map(({ value }) => value.id))
            return (before, { away, awayScore, code, event, finished, finishedProvisional, home, homeScore }) => [
              ...(code === before.code ? [] : [`its code is ${before.code}, wherever it is moved`]),
              ...(event === null || eventIds.has(event) ? [] : [`it is in event ${event}, which does not exist`]),
              ...[home, away].flatMap((id) => (teamIds.has(id) ? [] : [`team ${id} does not exist`])),
              ...(home === away ? [`team ${home} plays against itself`] : []),
              ...((finished || finishedProvisional) && (homeScore === null || awayScore === null)
                ? ["it is over, and has no result"]
                : []),
              ...((homeScore ?? 0) < 0 || (awayScore ?? 0) < 0 ? ["its score is below 0"] : [])
            ]
          }),
          derive: Effect.fnUntraced(function* (season) {
            const all = (yield* phases.ofSeason(season)).map(({ value }) => value)
            return (match) => {
              const { event } = match
              return {
                ...match,
                phases: event === null ? [] : all.filter((phase) => holds(phase, event)).map(({ id }) => id)
              }
            }
          })
        })
      })
    })
  )
}
