/**
 * This cache as contestants use it: one domain of matches, over Redis.
 */
import { CacheConfig, CacheManager, DependencyGraph, DomainCache, LiveView, Lookup, Tag } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { Context, Effect, Layer, Schema } from "effect"
import { Match, matchOf } from "./Data.ts"

/** Depends on its two teams, as a match of a real season does. */
class Matches extends DomainCache.Service<Matches>()("bench/Matches", {
  graph: DependencyGraph.make({ team: [], match: ["team"] }),
  domain: "match",
  id: Schema.FiniteFromString,
  value: Match,
  timeToLive: "metadata",
  dependsOn: ({ away, home }) => [Tag.of("team", `${home.id}`), Tag.of("team", `${away.id}`)],
  lookupMany: (questions) => Effect.succeed(questions.map(({ id }) => Lookup.found(matchOf(id))))
}) {}

/** The caches of one process. */
export const open = Effect.fnUntraced(function* (port: number, settings: Partial<CacheConfig.Settings> = {}) {
  const context = yield* Layer.build(
    Matches.layer.pipe(
      Layer.provideMerge(CacheManager.layerRedis),
      Layer.provideMerge(Redis.layer({ port })),
      Layer.provide(CacheConfig.layer(settings))
    )
  )
  return {
    matches: Context.get(context, Matches),
    manager: Context.get(context, CacheManager),
    live: Context.get(context, LiveView),
    redis: Context.get(context, Redis)
  }
})
