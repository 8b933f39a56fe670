/**
 * Declares a cached domain as a service, in one expression.
 */
import { Context, Layer, type Scope } from "effect"
import { CacheManager } from "./CacheManager.ts"
import type { Edges } from "./DependencyGraph.ts"
import type { Definition, Domain } from "./Domain.ts"

/** The class of a domain cache: a service key with its layer. */
export interface DomainCacheClass<Self, Name extends string, Id, A, E, R> extends Context.ServiceClass<
  Self,
  Name,
  Domain<Id, A, E>
> {
  /** Opens the domain in the manager in context. What the lookup needs is provided here, not at each call. */
  readonly layer: Layer.Layer<Self, never, CacheManager | Exclude<R, Scope.Scope>>
}

/**
 * Declares a domain cache. The result is a class to extend, as `Context.Service` is.
 *
 * @example
 * ```ts
 * import { Effect, Layer, Schema } from "effect"
 * import { CacheManager, DependencyGraph, DomainCache, Lookup, Tag } from "@letletme/cache"
 *
 * const graph = DependencyGraph.make({ team: [], match: ["team"] })
 *
 * class MatchCache extends DomainCache.Service<MatchCache>()("app/MatchCache", {
 *   graph,
 *   domain: "match",
 *   id: Schema.FiniteFromString,
 *   value: Schema.Struct({ id: Schema.Int, home: Schema.Int, away: Schema.Int }),
 *   timeToLive: "metadata",
 *   dependsOn: ({ home, away }) => [Tag.of("team", `${home}`), Tag.of("team", `${away}`)],
 *   lookup: (id) => Effect.succeed(Lookup.found({ id, home: 1, away: 2 }))
 * }) {}
 *
 * const program = MatchCache.use((matches) => matches.get(17))
 * const main = program.pipe(Effect.provide(MatchCache.layer.pipe(Layer.provide(CacheManager.layerMemory))))
 * ```
 */
export const Service =
  <Self>() =>
  <
    const Name extends string,
    D extends string,
    Id,
    A,
    E = never,
    R = never,
    N extends D = D,
    G extends Edges<D> = Edges<D>
  >(
    name: Name,
    definition: Definition<D, Id, A, E, R, N, G>
  ): DomainCacheClass<Self, Name, Id, A, E, R> => {
    const service = Context.Service<Self, Domain<Id, A, E>>()(name)
    return Object.assign(service, {
      layer: Layer.effect(
        service,
        CacheManager.use((manager) => manager.open(definition))
      )
    })
  }
