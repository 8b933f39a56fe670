/**
 * Gameweeks as a domain of the season.
 */
import { pipe } from "effect"
import * as SeasonDomain from "../season/SeasonDomain.ts"
import { Event } from "./Event.ts"
import { EventCache, SeasonEvents } from "./EventCache.ts"
import { EventRepository } from "./EventRepository.ts"

/** Gameweeks: their caches, their table and their warming, as one description. */
export const domain = pipe(
  SeasonDomain.make({
    name: "event",
    field: "events",
    value: Event,
    cache: EventCache,
    repository: EventRepository,
    since: 2
  }),
  SeasonDomain.listedBySeason(SeasonEvents, "events of the season")
)
