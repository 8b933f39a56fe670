/**
 * Phases, cached: by id, the ids of a season, and the ids of the phases that a gameweek belongs to.
 */
import { DomainCache } from "@letletme/cache"
import { graph } from "../graph.ts"
import * as idList from "../season/idList.ts"
import { byId } from "../season/lookups.ts"
import * as tags from "../season/tags.ts"
import { holds, Phase, PhaseId } from "./Phase.ts"
import { PhaseRepository } from "./PhaseRepository.ts"

const eventsOf = ({ season, startEvent, stopEvent }: Phase) =>
  Array.from({ length: stopEvent - startEvent + 1 }, (_, index) => tags.event(season, startEvent + index))

/** A phase by id: it depends on the gameweeks of its range, and its range is what dependents see. */
export class PhaseCache extends DomainCache.Service<PhaseCache>()("@letletme/fpl/PhaseCache", {
  graph,
  domain: "phase",
  lookupAnswers: "announced",
  id: PhaseId,
  value: Phase,
  timeToLive: "metadata",
  dependsOn: eventsOf,
  listedUnder: (phase) => [tags.season(phase.season), ...eventsOf(phase)],
  cascadeOn: ({ startEvent, stopEvent }) => [startEvent, stopEvent],
  lookupMany: byId(PhaseRepository)
}) {}

/** The ids of a season's phases. */
export class SeasonPhases extends DomainCache.Service<SeasonPhases>()(
  "@letletme/fpl/SeasonPhases",
  idList.ofSeason("phase", PhaseRepository)
) {}

/** The ids of the phases that a gameweek belongs to. */
export class EventPhases extends DomainCache.Service<EventPhases>()(
  "@letletme/fpl/EventPhases",
  idList.ofEntity("phase", "event", idList.inSeasonsOf(PhaseRepository), (phase, event) => holds(phase, event.id))
) {}
