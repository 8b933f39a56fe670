/**
 * Matches, cached: by id, and the ids by gameweek, phase, team and season, and of those in no gameweek.
 */
import { DomainCache } from "@letletme/cache"
import { graph } from "../graph.ts"
import * as idList from "../season/idList.ts"
import { matchFreshness } from "../season/Lifecycle.ts"
import { byId } from "../season/lookups.ts"
import * as tags from "../season/tags.ts"
import { Match, MatchId } from "./Match.ts"
import { MatchRepository } from "./MatchRepository.ts"

/** A match by id: it depends on its gameweek, its phases and its teams, and is listed under them. */
export class MatchCache extends DomainCache.Service<MatchCache>()("@letletme/fpl/MatchCache", {
  graph,
  domain: "match",
  lookupAnswers: "announced",
  id: MatchId,
  value: Match,
  timeToLive: "metadata",
  adaptive: matchFreshness,
  dependsOn: ({ away, event, home, phases, season }) => [
    ...(event === null ? [] : [tags.event(season, event)]),
    ...phases.map((phase) => tags.phase(season, phase)),
    tags.team(season, home),
    tags.team(season, away)
  ],
  listedUnder: ({ away, event, home, phases, season }) => [
    tags.season(season),
    event === null ? tags.unscheduled(season) : tags.event(season, event),
    ...phases.map((phase) => tags.phase(season, phase)),
    tags.team(season, home),
    tags.team(season, away)
  ],
  lookupMany: byId(MatchRepository)
}) {}

/** The ids of a gameweek's matches: none in a blank one. */
export class EventMatches extends DomainCache.Service<EventMatches>()(
  "@letletme/fpl/EventMatches",
  idList.ofEntity("match", "event", idList.naming(MatchRepository, "event"), (match, event) => match.event === event.id)
) {}

/** The ids of a phase's matches. */
export class PhaseMatches extends DomainCache.Service<PhaseMatches>()(
  "@letletme/fpl/PhaseMatches",
  idList.ofEntity("match", "phase", idList.naming(MatchRepository, "phases"), (match, phase) =>
    match.phases.includes(phase.id)
  )
) {}

/** The ids of a team's matches. */
export class TeamMatches extends DomainCache.Service<TeamMatches>()(
  "@letletme/fpl/TeamMatches",
  idList.ofEntity(
    "match",
    "team",
    idList.naming(MatchRepository, "home", "away"),
    (match, team) => match.home === team.id || match.away === team.id
  )
) {}

/** The ids of a season's matches. */
export class SeasonMatches extends DomainCache.Service<SeasonMatches>()(
  "@letletme/fpl/SeasonMatches",
  idList.ofSeason("match", MatchRepository)
) {}

/** The ids of a season's matches that are in no gameweek. */
export class UnscheduledMatches extends DomainCache.Service<UnscheduledMatches>()(
  "@letletme/fpl/UnscheduledMatches",
  idList.ofSeason("match", MatchRepository, { of: "unscheduled", belongs: ({ event }) => event === null })
) {}
