/**
 * What changed between two revisions of a season, entity by entity.
 */
import { Equal } from "effect"
import type { Event } from "../event/Event.ts"
import type { Match } from "../match/Match.ts"
import type { Phase } from "../phase/Phase.ts"
import type { Team } from "../team/Team.ts"
import type { SeasonRevision } from "./SeasonRevision.ts"

/** An entity that was added (no `before`), changed, or removed (no `after`). */
export interface Difference<A> {
  readonly id: number
  readonly before: A | undefined
  readonly after: A | undefined
}

/** The differences of each domain, by id. */
export interface SeasonDiff {
  readonly event: ReadonlyArray<Difference<Event>>
  readonly phase: ReadonlyArray<Difference<Phase>>
  readonly team: ReadonlyArray<Difference<Team>>
  readonly match: ReadonlyArray<Difference<Match>>
}

const compare = <A extends { readonly id: number }>(
  before: ReadonlyArray<A>,
  after: ReadonlyArray<A>
): ReadonlyArray<Difference<A>> => {
  const old = new Map(before.map((entity) => [entity.id, entity]))
  const differences: Array<Difference<A>> = []
  for (const entity of after) {
    const known = old.get(entity.id)
    old.delete(entity.id)
    if (!Equal.equals(known, entity)) differences.push({ id: entity.id, before: known, after: entity })
  }
  for (const [id, entity] of old) differences.push({ id, before: entity, after: undefined })
  return differences.toSorted((a, b) => a.id - b.id)
}

/** Compares two revisions; without a previous one everything was added. */
export const make = (before: SeasonRevision | undefined, after: SeasonRevision): SeasonDiff => ({
  event: compare(before?.events ?? [], after.events),
  phase: compare(before?.phases ?? [], after.phases),
  team: compare(before?.teams ?? [], after.teams),
  match: compare(before?.matches ?? [], after.matches)
})

/** How many entities differ. */
export const size = (diff: SeasonDiff): number =>
  diff.event.length + diff.phase.length + diff.team.length + diff.match.length
