/**
 * Phases as a domain of the season.
 */
import { pipe } from "effect"
import * as SeasonDomain from "../season/SeasonDomain.ts"
import { Phase } from "./Phase.ts"
import { EventPhases, PhaseCache, SeasonPhases } from "./PhaseCache.ts"
import { PhaseRepository } from "./PhaseRepository.ts"

/** Phases: their caches, their table and their warming, as one description. */
export const domain = pipe(
  SeasonDomain.make({
    name: "phase",
    field: "phases",
    value: Phase,
    cache: PhaseCache,
    repository: PhaseRepository,
    since: 2
  }),
  SeasonDomain.listedBySeason(SeasonPhases, "phases of the season"),
  SeasonDomain.listedByEach("events", EventPhases, "phases of events")
)
