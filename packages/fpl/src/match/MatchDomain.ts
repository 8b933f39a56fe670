/**
 * Matches as a domain of the season.
 */
import { pipe } from "effect"
import * as SeasonDomain from "../season/SeasonDomain.ts"
import { Match } from "./Match.ts"
import { EventMatches, MatchCache, PhaseMatches, SeasonMatches, TeamMatches, UnscheduledMatches } from "./MatchCache.ts"
import { MatchRepository } from "./MatchRepository.ts"

/** Matches: their caches, their table and their warming, as one description. */
export const domain = pipe(
  SeasonDomain.make({
    name: "match",
    field: "matches",
    value: Match,
    cache: MatchCache,
    repository: MatchRepository,
    since: 2
  }),
  SeasonDomain.listedBySeason(SeasonMatches, "matches of the season"),
  SeasonDomain.listedByEach("events", EventMatches, "matches of events"),
  SeasonDomain.listedByEach("phases", PhaseMatches, "matches of phases"),
  SeasonDomain.listedByEach("teams", TeamMatches, "matches of teams"),
  SeasonDomain.listedBySeason(UnscheduledMatches, "unscheduled matches", "unscheduled")
)
