/**
 * The matches in the database.
 */
import { Context, type Effect } from "effect"
import type { DatabaseError } from "../season/Database.ts"
import type { Repository } from "../season/Repository.ts"
import type { Season, SeasonId } from "../season/Season.ts"
import type { Match } from "./Match.ts"

type Found = Effect.Effect<ReadonlyArray<Match>, DatabaseError>

/** The repository of matches. Each list comes by season and id, every match once. */
export class MatchRepository extends Context.Service<
  MatchRepository,
  Repository<Match> & {
    /** Those in any of these gameweeks. */
    readonly inEvents: (events: ReadonlyArray<SeasonId>) => Found
    /** Those in a gameweek of any of these phases. */
    readonly inPhases: (phases: ReadonlyArray<SeasonId>) => Found
    /** Those that any of these teams plays in. */
    readonly ofTeams: (teams: ReadonlyArray<SeasonId>) => Found
    /** Those in no gameweek. */
    readonly unscheduled: (season: Season) => Found
  }
>()("@letletme/fpl/MatchRepository") {}
