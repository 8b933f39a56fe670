/**
 * Effect's `Persistence` over a cache: what `PersistedCache` and `RequestResolver.persisted` keep is invalidated with
 * everything else.
 */
import { Array as Arr, Cache, Duration, Effect, type Fiber, Layer, Option, Schema, type Scope } from "effect"
import { type Persistable, PersistedCache, Persistence } from "effect/persistence"
import { CacheManager } from "./CacheManager.ts"
import * as DependencyGraph from "./DependencyGraph.ts"
import type { ReadOptions } from "./Domain.ts"
import * as segment from "./internal/segment.ts"
import * as Lookup from "./Lookup.ts"
import type { Position } from "./Position.ts"
import * as Tag from "./Tag.ts"

/**
 * How results are kept.
 *
 * @experimental
 */
export interface Options<
  D extends string = never,
  Name extends D = D,
  G extends DependencyGraph.Edges<D> = DependencyGraph.Edges<D>
> {
  /** The entities that results depend on: the cascade of each reaches them. Default: none. */
  readonly dependencies?: Dependencies<D, Name, G> | undefined
  /** `"strong"` asks the log before each read: no acknowledged invalidation of any process is missed. */
  readonly consistency?: ReadOptions["consistency"]
}

/**
 * Where persisted results stand in a graph.
 *
 * @experimental
 */
export interface Dependencies<
  D extends string,
  Name extends D = D,
  G extends DependencyGraph.Edges<D> = DependencyGraph.Edges<D>
> {
  readonly graph: DependencyGraph.DependencyGraph<D, G>
  /** The results' domain in the graph, and the first segment of their keys. Otherwise it is `"persisted"`. */
  readonly domain: Name
  /** What a result of a store under a primary key depends on: entities of what the domain depends on in the graph. */
  readonly dependsOn: (storeId: string, primaryKey: string) => ReadonlyArray<Tag.Known<DependencyGraph.Above<G, Name>>>
}

const Stored = Schema.Struct({ value: Schema.JsonObject, expiresAt: Schema.NullOr(Schema.Finite) })

/** Where the view of a fiber's cache was when it asked for keys whose values it may set next. */
interface Asked {
  readonly at: Map<string, Position>
  /** The lowest position among the keys that were too many to remember. */
  forgotten: Position | undefined
}

const mostRemembered = 1_000

const idOf = (storeId: string, key: string): string => `${segment.of(storeId)}:${segment.of(key)}`

/**
 * The pattern that reaches a store's results, or one of them.
 *
 * @experimental
 */
export const tagOf = (storeId: string, primaryKey?: string, domain = "persisted"): Tag.Tag =>
  primaryKey === undefined ? Tag.any(domain, segment.of(storeId)) : Tag.of(domain, idOf(storeId, primaryKey))

const failed = (message: string) => (cause: unknown) => new Persistence.PersistenceError({ message, cause })

const alone: Dependencies<"persisted"> = {
  graph: DependencyGraph.make({ persisted: [] }),
  domain: "persisted",
  dependsOn: () => []
}

const open = <D extends string, Name extends D, G extends DependencyGraph.Edges<D>>({
  dependsOn,
  domain,
  graph
}: Dependencies<D, Name, G>) =>
  CacheManager.use((manager) =>
    manager.open({
      graph,
      domain,
      id: Schema.String,
      value: Stored,
      // What the caller says counts: this only bounds it.
      timeToLive: Duration.days(365),
      adaptive: ({ expiresAt }, now) => (expiresAt === null ? Duration.days(365) : Math.max(0, expiresAt - now)),
      grace: 0,
      jitter: 0,
      staleWhileRevalidate: "none",
      staleIfUnavailable: "none",
      dependsOn: (_, id) => {
        const [storeId = "", key = ""] = id.split(":")
        return dependsOn(segment.text(storeId), segment.text(key))
      },
      // What is computed elsewhere nobody here can compute again: who checks the entries learns nothing.
      lookup: () => Effect.succeed(Lookup.notModified)
    })
  )

const backing = <D extends string, Name extends D, G extends DependencyGraph.Edges<D>>({
  consistency,
  dependencies
}: Options<D, Name, G>) =>
  Layer.effect(
    Persistence.BackingPersistence,
    Effect.gen(function* () {
      const manager = yield* CacheManager
      const reading: ReadOptions = consistency === undefined ? {} : { consistency }
      const entries = yield* dependencies === undefined ? open(alone) : open(dependencies)
      const { domain } = dependencies ?? alone
      // Who asks, computes and sets is one fiber: its result is no newer than its question.
      const asked = new WeakMap<Fiber.Fiber<unknown, unknown>, Asked>()

      const remember = (fiber: Fiber.Fiber<unknown, unknown>, id: string, position: Position) => {
        const known = asked.get(fiber) ?? { at: new Map<string, Position>(), forgotten: undefined }
        asked.set(fiber, known)
        known.at.delete(id)
        known.at.set(id, position)
        if (known.at.size <= mostRemembered) return
        for (const [oldest, at] of known.at) {
          known.at.delete(oldest)
          known.forgotten = Math.min(known.forgotten ?? at, at)
          return
        }
      }

      return Persistence.BackingPersistence.of({
        make: (storeId) =>
          Effect.clockWith((clock) => {
            const get = (key: string) =>
              Effect.withFiber((fiber) =>
                Effect.gen(function* () {
                  const id = idOf(storeId, key)
                  remember(fiber, id, yield* manager.position)
                  return Option.getOrUndefined(yield* entries.peek(id, reading))?.value
                })
              ).pipe(Effect.mapError(failed(`Reading ${key} of ${storeId} failed`)))

            const set = (key: string, value: object, timeToLive: Duration.Duration | undefined) =>
              Effect.withFiber((fiber) =>
                Effect.gen(function* () {
                  const id = idOf(storeId, key)
                  const expiresAt =
                    timeToLive === undefined ? null : clock.currentTimeMillisUnsafe() + Duration.toMillis(timeToLive)
                  const stored = { value: yield* Schema.decodeUnknownEffect(Schema.JsonObject)(value), expiresAt }
                  const known = asked.get(fiber)
                  const readAt = known?.at.get(id) ?? known?.forgotten
                  known?.at.delete(id)
                  // Set without a question it is a statement, and every process is told.
                  if (readAt === undefined) yield* entries.update(id, stored)
                  else yield* entries.put(id, stored, { readAt })
                })
              ).pipe(Effect.mapError(failed(`Setting ${key} of ${storeId} failed`)))

            return Effect.succeed<Persistence.BackingPersistenceStore>({
              get,
              getMany: (keys) =>
                Effect.map(Effect.forEach(keys, get), (values) => Arr.map(keys, (_, index) => values[index])),
              set,
              setMany: (all) => Effect.forEach(all, ([key, value, ttl]) => set(key, value, ttl), { discard: true }),
              remove: (key) =>
                entries
                  .invalidate([idOf(storeId, key)], { cascade: false, cause: "remove" })
                  .pipe(Effect.mapError(failed(`Removing ${key} of ${storeId} failed`)), Effect.asVoid),
              clear: manager
                .invalidate({ primary: tagOf(storeId, undefined, domain) }, { cause: "clear" })
                .pipe(Effect.mapError(failed(`Clearing ${storeId} failed`)), Effect.asVoid)
            })
          })
      })
    })
  )

/**
 * Effect's `Persistence` over the cache in context, for `RequestResolver.persisted`, {@link persistedCache} and whatever
 * else asks for it. A result whose computation an invalidation overtook is not kept. What is set without having been asked
 * for by the same fiber counts as news, and is appended to the log.
 *
 * @experimental
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { CacheManager, DependencyGraph, Tag } from "@letletme/cache"
 * import * as CachePersistence from "@letletme/cache/CachePersistence"
 *
 * // what is persisted of a team goes with the team
 * const graph = DependencyGraph.make({ team: [], persisted: ["team"] })
 * const persistence = CachePersistence.layer({
 *   dependencies: {
 *     graph,
 *     domain: "persisted",
 *     dependsOn: (storeId, key) => (storeId === "teams" ? [Tag.of("team", key)] : [])
 *   }
 * }).pipe(Layer.provideMerge(CacheManager.layerMemory))
 * ```
 */
export const layer = <
  D extends string = never,
  Name extends D = D,
  G extends DependencyGraph.Edges<D> = DependencyGraph.Edges<D>
>(
  options: Options<D, Name, G> = {}
): Layer.Layer<Persistence.Persistence, never, CacheManager> => Persistence.layer.pipe(Layer.provide(backing(options)))

/**
 * Effect's `PersistedCache` without its stale window. By itself a `PersistedCache` answers from its own memory for ten
 * seconds, and lets callers join whatever lookup is under way: no invalidation reaches that. This one shares a lookup only
 * while nothing was invalidated since it began, and asks the persistence otherwise: that answers from the process's memory
 * what is valid.
 *
 * @experimental
 *
 * @example
 * ```ts
 * import { Effect, Layer, Schema } from "effect"
 * import { Persistable } from "effect/persistence"
 * import { CacheManager } from "@letletme/cache"
 * import * as CachePersistence from "@letletme/cache/CachePersistence"
 *
 * class TeamName extends Persistable.Class<{ payload: { readonly id: number } }>()("TeamName", {
 *   primaryKey: ({ id }) => `${id}`,
 *   success: Schema.String
 * }) {}
 *
 * const program = Effect.gen(function* () {
 *   const manager = yield* CacheManager
 *   const names = yield* CachePersistence.persistedCache((key: TeamName) => Effect.succeed(`Team ${key.id}`), {
 *     storeId: "names",
 *     timeToLive: () => "1 hour"
 *   })
 *   yield* names.get(new TeamName({ id: 14 }))
 *   yield* manager.invalidate({ primary: CachePersistence.tagOf("names") })
 * }).pipe(Effect.scoped, Effect.provide(CachePersistence.layer().pipe(Layer.provideMerge(CacheManager.layerMemory))))
 * ```
 */
export const persistedCache = Effect.fnUntraced(function* <K extends Persistable.Any, R = never>(
  lookup: (key: K) => Effect.Effect<Persistable.Success<K>, Persistable.Error<K>, R>,
  options: { readonly storeId: string; readonly timeToLive: Persistable.TimeToLiveFn<K> }
): Effect.fn.Return<PersistedCache.PersistedCache<K>, never, CacheManager | Persistence.Persistence | R | Scope.Scope> {
  const manager = yield* CacheManager
  const cache = yield* PersistedCache.make(lookup, { ...options, inMemoryTTL: () => 0 })
  let since = yield* manager.position
  return {
    ...cache,
    get: (key) =>
      Effect.flatMap(manager.position, (position) => {
        if (position === since) return cache.get(key)
        since = position
        return Effect.andThen(Cache.invalidateAll(cache.inMemory), cache.get(key))
      })
  }
})
