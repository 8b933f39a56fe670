/**
 * Teams as a domain of the season.
 */
import { pipe } from "effect"
import * as SeasonDomain from "../season/SeasonDomain.ts"
import { Team } from "./Team.ts"
import { SeasonTeams, TeamCache } from "./TeamCache.ts"
import { TeamRepository } from "./TeamRepository.ts"

/** Teams: their caches, their table and their warming, as one description. */
export const domain = pipe(
  SeasonDomain.make({
    name: "team",
    field: "teams",
    value: Team,
    cache: TeamCache,
    repository: TeamRepository,
    since: 2
  }),
  SeasonDomain.listedBySeason(SeasonTeams, "teams of the season")
)
