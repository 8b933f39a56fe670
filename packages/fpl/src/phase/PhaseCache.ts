/**
 * Phases, cached: by id, the ids of a season, and the ids of the phases that a gameweek belongs to.
 */
import { DomainCache } from "@letletme/cache"
import { Schema } from "effect"
import { EventId } from "../event/Event.ts"
import { graph } from "../graph.ts"
import { byId, idsOf } from "../season/lookups.ts"
import { Season } from "../season/Season.ts"
import * as tags from "../season/tags.ts"
import { holds, Phase, PhaseId } from "./Phase.ts"

const eventsOf = ({ season, startEvent, stopEvent }: Phase) =>
  Array.from({ length: stopEvent - startEvent + 1 }, (_, index) => tags.event(season, startEvent + index))

/** A phase by id: it depends on the gameweeks of its range, and its range is what dependents see. */
export class PhaseCache extends DomainCache.Service<PhaseCache>()("@letletme/fpl/PhaseCache", {
  graph,
  domain: "phase",
  id: PhaseId,
  value: Phase,
  timeToLive: "metadata",
  dependsOn: eventsOf,
  listedUnder: (phase) => [tags.season(phase.season), ...eventsOf(phase)],
  cascadeOn: ({ startEvent, stopEvent }) => [startEvent, stopEvent],
  lookupMany: byId(({ phases }) => phases)
}) {}

/** The ids of a season's phases. */
export class SeasonPhases extends DomainCache.Service<SeasonPhases>()("@letletme/fpl/SeasonPhases", {
  graph,
  domain: "phase",
  list: { of: "season", name: "ids" },
  id: Season,
  value: Schema.Array(Schema.Int),
  timeToLive: "metadata",
  lookupMany: idsOf(
    (season: Season) => season,
    ({ phases }) => phases,
    () => true
  )
}) {}

/** The ids of the phases that a gameweek belongs to. */
export class EventPhases extends DomainCache.Service<EventPhases>()("@letletme/fpl/EventPhases", {
  graph,
  domain: "phase",
  list: { of: "event", name: "ids" },
  id: EventId,
  value: Schema.Array(Schema.Int),
  timeToLive: "metadata",
  lookupMany: idsOf(
    (event: EventId) => event.season,
    ({ phases }) => phases,
    (phase, event) => holds(phase, event.id)
  )
}) {}
