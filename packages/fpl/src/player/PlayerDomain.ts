/**
 * Players as a domain of the season.
 */
import { pipe } from "effect"
import type { Season } from "../season/Season.ts"
import * as SeasonDomain from "../season/SeasonDomain.ts"
import { Player } from "./Player.ts"
import { PlayerCache, PositionPlayers, SeasonPlayers, TeamPlayers } from "./PlayerCache.ts"
import { PlayerRepository } from "./PlayerRepository.ts"
import { simulatedPlayers } from "./simulatedPlayers.ts"

/** The positions that some player has: no other list is asked for. */
const positions = ({ players, season }: { readonly players: ReadonlyArray<Player>; readonly season: Season }) =>
  [...new Set(players.map(({ position }) => position))].map((id) => ({ season, id }))

/** Players: their caches, their table and their warming, as one description. */
export const domain = pipe(
  SeasonDomain.make({
    name: "player",
    field: "players",
    value: Player,
    cache: PlayerCache,
    repository: PlayerRepository,
    since: 4,
    simulated: simulatedPlayers
  }),
  SeasonDomain.listedBySeason(SeasonPlayers, "players of the season"),
  SeasonDomain.listedByEach("teams", TeamPlayers, "players of teams"),
  SeasonDomain.listedBy(PositionPlayers, "players of positions", positions, "position")
)
