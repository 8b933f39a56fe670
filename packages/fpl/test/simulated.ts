/**
 * Moments of a simulated season as revisions, by the way that real ones come: text, parsed and checked.
 */
import { SeasonRevision, SimulatedSeason } from "@letletme/fpl"

/** The two bodies that the API would answer with. */
export const bodiesAt = (season: SimulatedSeason.SimulatedSeason, time: number) => {
  const { bootstrap, fixtures } = SimulatedSeason.at(season, time)
  return { bootstrap: JSON.stringify(bootstrap), fixtures: JSON.stringify(fixtures) }
}

/** The revision of a moment, measured against another if one is given. */
export const assembleAt = (
  season: SimulatedSeason.SimulatedSeason,
  time: number,
  previous?: SeasonRevision.SeasonRevision
) => SeasonRevision.assemble({ season: season.options.season, time, ...bodiesAt(season, time), previous })
