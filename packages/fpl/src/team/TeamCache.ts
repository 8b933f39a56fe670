/**
 * Teams, cached: by id, and the ids of a season.
 */
import { DomainCache } from "@letletme/cache"
import { graph } from "../graph.ts"
import * as idList from "../season/idList.ts"
import { byId } from "../season/lookups.ts"
import * as tags from "../season/tags.ts"
import { Team, TeamId } from "./Team.ts"
import { TeamRepository } from "./TeamRepository.ts"

/**
 * A team by id. Its strengths are rated anew as gameweeks go by, so it depends on any gameweek of its season; its name
 * and code are what dependents see.
 */
export class TeamCache extends DomainCache.Service<TeamCache>()("@letletme/fpl/TeamCache", {
  graph,
  domain: "team",
  lookupAnswers: "announced",
  id: TeamId,
  value: Team,
  timeToLive: "metadata",
  dependsOn: (team) => [tags.anyEvent(team.season)],
  listedUnder: (team) => [tags.season(team.season)],
  cascadeOn: ({ code, name, shortName }) => [code, name, shortName],
  lookupMany: byId(TeamRepository)
}) {}

/** The ids of a season's teams. */
export class SeasonTeams extends DomainCache.Service<SeasonTeams>()(
  "@letletme/fpl/SeasonTeams",
  idList.ofSeason("team", TeamRepository)
) {}
