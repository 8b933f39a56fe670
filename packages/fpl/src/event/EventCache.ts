/**
 * Gameweeks, cached: by id, and the ids of a season.
 */
import { DomainCache } from "@letletme/cache"
import { graph } from "../graph.ts"
import * as idList from "../season/idList.ts"
import { eventFreshness } from "../season/Lifecycle.ts"
import { byId } from "../season/lookups.ts"
import * as tags from "../season/tags.ts"
import { Event, EventId } from "./Event.ts"
import { EventRepository } from "./EventRepository.ts"

/** A gameweek by id. Its deadline is what dependents see: a new average score reaches nothing but the gameweek. */
export class EventCache extends DomainCache.Service<EventCache>()("@letletme/fpl/EventCache", {
  graph,
  domain: "event",
  lookupAnswers: "announced",
  id: EventId,
  value: Event,
  timeToLive: "metadata",
  adaptive: eventFreshness,
  listedUnder: (event) => [tags.season(event.season)],
  cascadeOn: (event) => event.deadline,
  lookupMany: byId(EventRepository)
}) {}

/** The ids of a season's gameweeks. */
export class SeasonEvents extends DomainCache.Service<SeasonEvents>()(
  "@letletme/fpl/SeasonEvents",
  idList.ofSeason("event", EventRepository)
) {}
