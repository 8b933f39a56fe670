/**
 * The gameweeks in the database.
 */
import { Context } from "effect"
import type { Repository } from "../season/Repository.ts"
import type { Event } from "./Event.ts"

/** The repository of gameweeks. */
export class EventRepository extends Context.Service<EventRepository, Repository<Event>>()(
  "@letletme/fpl/EventRepository"
) {}
