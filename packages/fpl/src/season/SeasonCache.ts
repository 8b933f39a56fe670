/**
 * What is known of a season as a whole, cached: which is the current one, what was published last, points taken away.
 */
import { DomainCache, Lookup } from "@letletme/cache"
import { Effect, Option, Schema } from "effect"
import { graph } from "../graph.ts"
import { announced, notEmpty } from "./lookups.ts"
import { Season } from "./Season.ts"
import { SeasonRepository } from "./SeasonRepository.ts"

/** The one id of {@link CurrentSeason}. */
export const currentId = "current"

/** The current season's name, under the id `current`: it changes with the first publication of the next one. */
export class CurrentSeason extends DomainCache.Service<CurrentSeason>()("@letletme/fpl/CurrentSeason", {
  graph,
  domain: "event",
  list: { of: "season", name: "name" },
  id: Schema.Literal(currentId),
  value: Season,
  timeToLive: "metadata",
  lookup: () =>
    announced(
      Effect.gen(function* () {
        const { current } = yield* SeasonRepository
        yield* notEmpty
        return Lookup.fromOption(yield* current)
      })
    )
}) {}

/** Which revision of a season was published last, by whichever process: its source time (epoch ms). */
export class SeasonPublication extends DomainCache.Service<SeasonPublication>()("@letletme/fpl/SeasonPublication", {
  graph,
  domain: "event",
  list: { of: "season", name: "publication" },
  id: Season,
  value: Schema.Int,
  timeToLive: "metadata",
  lookup: (season: Season) =>
    announced(
      Effect.gen(function* () {
        const { publication } = yield* SeasonRepository
        const found = yield* publication(season)
        if (Option.isNone(found)) yield* notEmpty
        return Lookup.fromOption(Option.map(found, ({ time }) => time))
      })
    )
}) {}

/** Points taken from the teams of a season, by name or code: they are not in the API. */
export class SeasonDeductions extends DomainCache.Service<SeasonDeductions>()("@letletme/fpl/SeasonDeductions", {
  graph,
  domain: "team",
  list: { of: "season", name: "deductions" },
  id: Season,
  value: Schema.Record(Schema.String, Schema.Int),
  timeToLive: "metadata",
  lookup: (season: Season) =>
    announced(
      SeasonRepository.use(({ deductions }) => Effect.map(deductions(season), (points) => Lookup.found(points)))
    )
}) {}
