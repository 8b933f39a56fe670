/**
 * One graph over several logs: a partition function cuts it, and each partition is a cache of its own.
 */
import type { Redis } from "@letletme/redis"
import { Context, type Duration, Effect, Layer, PubSub, Scope } from "effect"
import * as CacheConfig from "./CacheConfig.ts"
import { CacheError, Misplaced } from "./CacheError.ts"
import type { CacheEvent } from "./CacheEvent.ts"
import { CacheManager, type Invalidation } from "./CacheManager.ts"
import type { CacheMetrics } from "./CacheMetrics.ts"
import type { CacheStore } from "./CacheStore.ts"
import type { InvalidationLog } from "./InvalidationLog.ts"
import * as openingSoon from "./internal/openingSoon.ts"
import * as partitionedDomain from "./internal/partitionedDomain.ts"
import * as placing from "./internal/placing.ts"
import * as Pool from "./internal/Pool.ts"
import type { LiveView } from "./LiveView.ts"
import type { Position } from "./Position.ts"
import * as Tag from "./Tag.ts"

/** What each partition has of its own. */
export type PartitionServices = CacheManager | LiveView | InvalidationLog | CacheStore | CacheMetrics

/** How a graph is cut. */
export interface PartitionOptions {
  /**
   * The partition of a key, tag or pattern: letters, digits, `-` and `_`, at most 64. None where it tells of none, as the
   * pattern `match:*` does. It has to answer the same in every process, forever.
   */
  readonly of: (tag: Tag.Tag) => string | undefined
  /** A partition that nobody uses for so long is closed. Default: five minutes. */
  readonly idleTimeToLive?: Duration.Input
  /**
   * How many partitions are open at once: each has a view, near caches and one connection. One more closes the one that
   * was idle for longest; where none is idle, it fails as overloaded. Default: 32.
   */
  readonly maxOpen?: number
}

/**
 * A partition function: the first segment that this expression matches whole names the partition. Put the tenant or season
 * first in every id, and no text of a user's can come before it.
 *
 * @example
 * ```ts
 * import { Partitions, Tag } from "@letletme/cache"
 *
 * const of = Partitions.bySegment(/\d{4}-\d{2}/)
 * of(Tag.of("match", "2021-22:17")) // "2021-22"
 * of(Tag.any("match")) // undefined: it is of all of them
 * ```
 */
const bySegment = (expression: RegExp): PartitionOptions["of"] => {
  const whole = new RegExp(`^(?:${expression.source})$`, expression.flags.replace(/[gy]/g, ""))
  return (tag) =>
    Tag.stem(tag)
      .split(":")
      .find((segment, index) => index > 0 && whole.test(segment))
}

/**
 * The partitions of a cache.
 *
 * What belongs to no partition, or to several, fails with a `CacheError` of the reason `Misplaced`.
 *
 * @example
 * ```ts
 * import { CacheManager, DependencyGraph, DomainCache, Lookup, Partitions, Tag } from "@letletme/cache"
 * import { Redis } from "@letletme/redis"
 * import { Effect, Layer, Schema } from "effect"
 *
 * class Orders extends DomainCache.Service<Orders>()("app/Orders", {
 *   graph: DependencyGraph.make({ order: [] }),
 *   domain: "order",
 *   id: Schema.String,
 *   value: Schema.Int,
 *   timeToLive: "metadata",
 *   lookup: (id) => Effect.succeed(Lookup.found(id.length))
 * }) {}
 *
 * const program = Effect.gen(function* () {
 *   const orders = yield* Orders
 *   const partitions = yield* Partitions
 *   // of two tenants: two logs are asked, at once
 *   yield* orders.getMany(["t-one:17", "t-two:4"])
 *   // everything of one tenant, in one append to its log
 *   yield* partitions.within("t-one", CacheManager.use((cache) => cache.invalidate({ primary: Tag.any("order") })))
 * })
 *
 * const main = program.pipe(
 *   Effect.provide(
 *     Orders.layer.pipe(
 *       Layer.provideMerge(Partitions.layerRedis({ of: Partitions.bySegment(/t-\w+/) })),
 *       Layer.provide(Redis.layerConfig)
 *     )
 *   )
 * )
 * ```
 */
export class Partitions extends Context.Service<
  Partitions,
  {
    /**
     * Runs an effect inside a partition, which stays open meanwhile. Patterns, positions and snapshots are of that
     * partition then; a key of another fails with the reason `Misplaced`.
     */
    readonly within: <A, E, R>(partition: string, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | CacheError, R>
    /**
     * Invalidates in all partitions that the batch names: one append in each, at the same time. Answers the position in
     * each. It is atomic in each partition and not across them: where one fails the others are done, and to do all of it
     * again does no harm.
     */
    readonly invalidate: (
      batch: ReadonlyArray<Invalidation>,
      options?: { readonly cause?: string }
    ) => Effect.Effect<ReadonlyMap<string, Position>, CacheError>
    /** One partition's own services, kept open for the life of the scope: for its warmer, its monitor, its leader. */
    readonly services: (partition: string) => Effect.Effect<Context.Context<PartitionServices>, CacheError, Scope.Scope>
    /** The names of the open partitions. */
    readonly open: Effect.Effect<ReadonlyArray<string>>
  }
>()("@letletme/cache/Partitions") {
  static readonly bySegment = bySegment

  /** Confines what runs over this layer to one partition, as `within` does: for a process that serves one tenant. */
  static readonly layerWithin = (partition: string): Layer.Layer<never> => Layer.succeed(placing.Current, partition)

  /**
   * Partitions over the Redis in context, and a `CacheManager` that sends what it is asked to the right one: domain caches
   * work over it as they are. The namespace of a partition is that of the settings, a dot, and its name.
   */
  static readonly layerRedis = (options: PartitionOptions): Layer.Layer<Partitions | CacheManager, never, Redis> =>
    layerOver(options, openingSoon.layer)

  /** The same in the process's memory. A partition that is closed has forgotten everything. */
  static readonly layerMemory = (options: PartitionOptions): Layer.Layer<Partitions | CacheManager> =>
    layerOver(options, CacheManager.layerMemory)
}

const layerOver = <R>(
  { idleTimeToLive = "5 minutes", maxOpen = 32, of }: PartitionOptions,
  cache: Layer.Layer<PartitionServices, never, R>
): Layer.Layer<Partitions | CacheManager, never, R> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const settings = yield* CacheConfig.Settings
      const events = yield* PubSub.sliding<CacheEvent>(4_096)
      yield* Effect.addFinalizer(() => PubSub.shutdown(events))
      const domains = new Map<string, number>()
      const places = placing.make(of)

      const pool = yield* Pool.make({
        idleTimeToLive,
        maxOpen: Math.max(1, maxOpen),
        build: Effect.fnUntraced(function* (partition: string) {
          const scope = yield* Scope.Scope
          const own = Layer.provide(
            cache,
            CacheConfig.layer({ ...settings, namespace: `${settings.namespace}.${partition}` })
          )
          const services = yield* Layer.buildWithMemoMap(own, yield* Layer.makeMemoMap, scope)
          const manager = Context.get(services, CacheManager)
          const heard = yield* manager.events
          const tell = Effect.flatMap(PubSub.take(heard), (event) => PubSub.publish(events, event))
          yield* Effect.forkScoped(Effect.forever(tell))
          return { partition, manager, services }
        })
      })

      const named = (batch: Invalidation | ReadonlyArray<Invalidation>) =>
        ("primary" in batch ? [batch] : batch).flatMap(({ primary, related = [] }) => [primary, ...related])

      /** In the partition that the fiber is in; with another answer where it is in none. */
      const here = <A, E, R, B, E2>(
        use: (manager: CacheManager["Service"]) => Effect.Effect<A, E, R>,
        nowhere: Effect.Effect<B, E2>
      ) =>
        Effect.flatMap(placing.Current, (partition) =>
          Effect.gen(function* () {
            if (partition === undefined) return yield* nowhere
            return yield* pool.use(yield* placing.checked(partition, partition), ({ manager }) => use(manager))
          })
        )

      const every = <A>(list: (manager: CacheManager["Service"]) => Effect.Effect<ReadonlyArray<A>>) =>
        Effect.gen(function* () {
          const current = yield* placing.Current
          const cells = yield* pool.open
          const lists = yield* Effect.forEach(
            cells.filter(({ partition }) => current === undefined || partition === current),
            ({ manager }) => list(manager)
          )
          return lists.flat()
        })

      /** What looks at the caches of a partition keeps account of each domain: of one partition. */
      const ofOne = <A>(list: (manager: CacheManager["Service"]) => Effect.Effect<ReadonlyArray<A>>) =>
        Effect.flatMap(placing.Current, (current) =>
          current === undefined
            ? Effect.die("A monitor is of one partition: build it over `Partitions.services(name)`, one for each.")
            : every(list)
        )

      const manager = CacheManager.of({
        open: (definition) => {
          const { domain } = definition
          return Effect.andThen(
            Effect.acquireRelease(
              Effect.sync(() => domains.set(domain, (domains.get(domain) ?? 0) + 1)),
              () =>
                Effect.sync(() => {
                  const left = (domains.get(domain) ?? 1) - 1
                  if (left === 0) domains.delete(domain)
                  else domains.set(domain, left)
                })
            ),
            partitionedDomain.open(pool, places, definition)
          )
        },
        invalidate: (batch, options) =>
          Effect.flatMap(places.one(named(batch), "An empty batch"), (partition) =>
            pool.use(partition, ({ manager }) => manager.invalidate(batch, options))
          ),
        tagsOf: (batch) =>
          Effect.flatMap(places.one(named(batch), "An empty batch"), (partition) =>
            pool.use(partition, ({ manager }) => manager.tagsOf(batch))
          ),
        commit: (changes, options) =>
          Effect.flatMap(
            places.one([...changes.map(({ key }) => key), ...(options?.related ?? [])], "An empty commit"),
            (partition) => pool.use(partition, ({ manager }) => manager.commit(changes, options))
          ),
        snapshot: (effect, options) =>
          here(
            (manager) => manager.snapshot(effect, options),
            Effect.fail(
              new CacheError({ reason: new Misplaced({ what: "A snapshot", because: "nowhere", partitions: [] }) })
            )
          ),
        explain: (key) =>
          Effect.flatMap(places.one([key]), (partition) => pool.use(partition, ({ manager }) => manager.explain(key))),
        // Before every position of every log: what is stored since then is stored by nobody.
        position: Effect.orElseSucceed(
          here(({ position }) => position, Effect.succeed(0)),
          () => 0
        ),
        events: PubSub.subscribe(events),
        evict: (share) => Effect.asVoid(every((one) => Effect.as(one.evict(share), []))),
        load: Effect.map(
          every(({ load }) => Effect.map(load, (one) => [one])),
          (loads) => ({
            running: loads.reduce((sum, { running }) => sum + running, 0),
            waiting: loads.reduce((sum, { waiting }) => sum + waiting, 0),
            isShedding: loads.some(({ isShedding }) => isShedding)
          })
        ),
        shedLoad: Effect.asVoid(every(({ shedLoad }) => Effect.as(shedLoad, []))),
        domains: Effect.sync(() => [...domains.keys()]),
        probes: ofOne(({ probes }) => probes),
        auditors: ofOne(({ auditors }) => auditors)
      })

      const partitions = Partitions.of({
        within: (partition, effect) =>
          Effect.flatMap(placing.checked(partition, partition), (name) =>
            pool.use(name, (cell) =>
              effect.pipe(Effect.provideContext(Context.make(placing.Current, name).pipe(Context.add(Pool.Held, cell))))
            )
          ),
        invalidate: Effect.fn("Partitions.invalidate")(function* (
          batch: ReadonlyArray<Invalidation>,
          options?: { readonly cause?: string }
        ) {
          for (const one of batch) yield* places.one(named(one))
          const groups = yield* places.apart(batch, ({ primary }) => primary)
          return yield* pool.useEach(groups, ({ manager }, { items }) => manager.invalidate(items, options))
        }),
        services: (partition) =>
          Effect.flatMap(placing.checked(partition, partition), (name) =>
            Effect.map(pool.hold(name), ({ services }) => services)
          ),
        open: Effect.map(pool.open, (cells) => cells.map(({ partition }) => partition))
      })

      return Context.make(Partitions, partitions).pipe(Context.add(CacheManager, manager))
    })
  )
