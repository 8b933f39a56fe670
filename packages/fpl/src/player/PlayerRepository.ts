/**
 * The players in the database.
 */
import { Context } from "effect"
import type { Repository } from "../season/Repository.ts"
import type { Player } from "./Player.ts"

/** The repository of players. */
export class PlayerRepository extends Context.Service<PlayerRepository, Repository<Player>>()(
  "@letletme/fpl/PlayerRepository"
) {}
