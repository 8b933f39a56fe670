/**
 * League tables, cached. A table is computed from what it reads through the other caches, and depends on just that.
 */
import { CacheManager, DomainCache, Lookup } from "@letletme/cache"
import { Effect, Option, Schema, SchemaTransformation } from "effect"
import { graph } from "../graph.ts"
import { EventMatches, MatchCache, PhaseMatches, SeasonMatches } from "../match/MatchCache.ts"
import { Season } from "../season/Season.ts"
import { SeasonDeductions } from "../season/SeasonCache.ts"
import * as tags from "../season/tags.ts"
import { SeasonTeams, TeamCache } from "../team/TeamCache.ts"
import { compute, Scope, Standing } from "./Standing.ts"

/** Which table: a season and a scope, encoded as `2021-22:overall`, `2021-22:phase:8`, `2021-22:asof:28`. */
export interface StandingId {
  readonly season: Season
  readonly scope: Scope
}

const toText = (scope: Scope): string => {
  switch (scope._tag) {
    case "Overall":
    case "Home":
    case "Away":
      return scope._tag.toLowerCase()
    case "Phase":
      return `phase:${scope.phase}`
    case "AsOf":
      return `asof:${scope.event}`
  }
}

const fromText = (kind: string | undefined, id: string | undefined): typeof Scope.Encoded => {
  const number = Number(id)
  switch (kind) {
    case "phase":
      return { _tag: "Phase", phase: number }
    case "asof":
      return { _tag: "AsOf", event: number }
    case "home":
      return { _tag: "Home" }
    case "away":
      return { _tag: "Away" }
    default:
      return { _tag: "Overall" }
  }
}

export const StandingId: Schema.Codec<StandingId, string> = Schema.String.pipe(
  Schema.check(
    Schema.isPattern(/^\d{4}-\d{2}:(?:overall|home|away|phase:[1-9]\d*|asof:[1-9]\d*)$/, {
      message: 'Expected a table such as "2021-22:overall", "2021-22:phase:8" or "2021-22:asof:28"'
    })
  ),
  Schema.decodeTo(
    Schema.Struct({ season: Season, scope: Scope }),
    SchemaTransformation.transform({
      decode: (text: string) => {
        const [season = "", kind, id] = text.split(":")
        return { season, scope: fromText(kind, id) }
      },
      encode: ({ scope, season }) => `${season}:${toText(scope)}`
    })
  )
)

const matchIds = Effect.fnUntraced(function* ({ scope, season }: StandingId) {
  switch (scope._tag) {
    case "Phase":
      return yield* PhaseMatches.use((lists) => lists.get({ season, id: scope.phase }))
    case "AsOf": {
      const events = Array.from({ length: scope.event }, (_, index) => ({ season, id: index + 1 }))
      const lists = yield* EventMatches.use((cache) => cache.getMany(events))
      return lists.flatMap((list) => Option.getOrElse(list, () => []))
    }
    case "Overall":
    case "Home":
    case "Away":
      return yield* SeasonMatches.use((lists) => lists.get(season))
  }
})

/** A table, computed from one consistent reading of teams and matches. */
export class StandingCache extends DomainCache.Service<StandingCache>()("@letletme/fpl/StandingCache", {
  graph,
  domain: "standing",
  id: StandingId,
  value: Standing,
  timeToLive: "derived",
  dependsOn: ({ scope, season }) =>
    scope._tag === "Phase"
      ? [tags.phase(season, scope.phase)]
      : scope._tag === "AsOf"
        ? [tags.event(season, scope.event)]
        : [],
  lookup: Effect.fn("StandingCache.lookup")(function* (id: StandingId) {
    const { season } = id
    const manager = yield* CacheManager
    const read = Effect.gen(function* () {
      const numbers = yield* matchIds(id)
      const matches = yield* MatchCache.use((cache) => cache.getMany(numbers.map((number) => ({ season, id: number }))))
      const teamIds = yield* SeasonTeams.use((lists) => lists.get(season))
      const teams = yield* TeamCache.use((cache) => cache.getMany(teamIds.map((number) => ({ season, id: number }))))
      const deductions = yield* SeasonDeductions.use((cache) => cache.get(season))
      return { matches: matches.flatMap(Option.toArray), teams: teams.flatMap(Option.toArray), deductions }
    })
    const data = yield* manager.snapshot(read)
    return Lookup.found(compute({ ...id, ...data }))
  })
}) {}
