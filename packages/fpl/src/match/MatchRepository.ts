/**
 * The matches in the database.
 */
import { Context } from "effect"
import type { Repository } from "../season/Repository.ts"
import type { Match } from "./Match.ts"

/** The repository of matches. */
export class MatchRepository extends Context.Service<MatchRepository, Repository<Match>>()(
  "@letletme/fpl/MatchRepository"
) {}
