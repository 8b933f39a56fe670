/**
 * The teams in the database.
 */
import { Context } from "effect"
import type { Repository } from "../season/Repository.ts"
import type { Team } from "./Team.ts"

/** The repository of teams. */
export class TeamRepository extends Context.Service<TeamRepository, Repository<Team>>()(
  "@letletme/fpl/TeamRepository"
) {}
