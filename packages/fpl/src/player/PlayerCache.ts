/**
 * Players, cached: by id, and the ids by season, team and position.
 */
import { DomainCache, Tag } from "@letletme/cache"
import { graph } from "../graph.ts"
import * as idList from "../season/idList.ts"
import { byId } from "../season/lookups.ts"
import * as tags from "../season/tags.ts"
import { Player, PlayerId } from "./Player.ts"
import { PlayerRepository } from "./PlayerRepository.ts"

/**
 * A player by id. He depends on his team, and on any gameweek of the season: prices move and points come as gameweeks go
 * by.
 */
export class PlayerCache extends DomainCache.Service<PlayerCache>()("@letletme/fpl/PlayerCache", {
  graph,
  domain: "player",
  lookupAnswers: "announced",
  id: PlayerId,
  value: Player,
  timeToLive: "metadata",
  dependsOn: ({ season, team }) => [tags.anyEvent(season), tags.team(season, team)],
  listedUnder: ({ position, season, team }) => [
    tags.season(season),
    tags.team(season, team),
    Tag.of("position", season, `${position}`)
  ],
  lookupMany: byId(PlayerRepository)
}) {}

/** The ids of a season's players. */
export class SeasonPlayers extends DomainCache.Service<SeasonPlayers>()(
  "@letletme/fpl/SeasonPlayers",
  idList.ofSeason("player", PlayerRepository)
) {}

/** The ids of a team's players. */
export class TeamPlayers extends DomainCache.Service<TeamPlayers>()(
  "@letletme/fpl/TeamPlayers",
  idList.ofEntity("player", "team", idList.naming(PlayerRepository, "team"), (player, team) => player.team === team.id)
) {}

/** The ids of the players of a position: its id is the position's number in a season. */
export class PositionPlayers extends DomainCache.Service<PositionPlayers>()(
  "@letletme/fpl/PositionPlayers",
  idList.ofEntity(
    "player",
    "position",
    idList.naming(PlayerRepository, "position"),
    (player, position) => player.position === position.id
  )
) {}
