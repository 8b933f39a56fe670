/**
 * Gameweeks, cached: by id, and the ids of a season.
 */
import { DomainCache, Lookup } from "@letletme/cache"
import { Effect, Schema } from "effect"
import { graph } from "../graph.ts"
import { PrimaryData, revisionOf } from "../season/PrimaryData.ts"
import * as idList from "../season/idList.ts"
import { eventFreshness } from "../season/Lifecycle.ts"
import { byId } from "../season/lookups.ts"
import { Season } from "../season/Season.ts"
import * as tags from "../season/tags.ts"
import { Event, EventId } from "./Event.ts"

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
  lookupMany: byId(({ events }) => events)
}) {}

/** The ids of a season's gameweeks. */
export class SeasonEvents extends DomainCache.Service<SeasonEvents>()(
  "@letletme/fpl/SeasonEvents",
  idList.ofSeason("event", ({ events }) => events)
) {}

/** Which revision of a season was published last, by whichever process: its source time (epoch ms). */
export class SeasonPublication extends DomainCache.Service<SeasonPublication>()("@letletme/fpl/SeasonPublication", {
  graph,
  domain: "event",
  list: { of: "season", name: "publication" },
  id: Season,
  value: Schema.Int,
  timeToLive: "metadata",
  lookup: (season: Season) =>
    PrimaryData.use(({ current }) =>
      Effect.map(current, (revision) =>
        revision.season === season ? Lookup.found(revision.time, { revision: revisionOf(revision) }) : Lookup.absent
      )
    )
}) {}
