/**
 * The cache: domains opened over one view, invalidated through one log.
 */
import type { Redis } from "@letletme/redis"
import { Context, Effect, Layer, Option, PubSub, type Scope } from "effect"
import { CircuitBreaker } from "effect/persistence"
import type { Auditor } from "./Auditor.ts"
import { CacheError, SnapshotConflict, UnknownDomain } from "./CacheError.ts"
import type { CacheEvent } from "./CacheEvent.ts"
import { CacheMetrics } from "./CacheMetrics.ts"
import { CacheStore } from "./CacheStore.ts"
import * as Codec from "./Codec.ts"
import type { Edges } from "./DependencyGraph.ts"
import type { Change, Definition, Domain, Written } from "./Domain.ts"
import { noRevision } from "./Entry.ts"
import type { Explanation } from "./Explanation.ts"
import { Fence } from "./Fence.ts"
import { InvalidationLog } from "./InvalidationLog.ts"
import * as Asker from "./internal/Asker.ts"
import * as audit from "./internal/audit.ts"
import { explain } from "./internal/explain.ts"
import { inspect } from "./internal/inspect.ts"
import * as Kernel from "./internal/Kernel.ts"
import * as Keys from "./internal/Keys.ts"
import * as Loader from "./internal/Loader.ts"
import * as NearCache from "./internal/NearCache.ts"
import * as probe from "./internal/probe.ts"
import * as Reader from "./internal/Reader.ts"
import * as Shelf from "./internal/Shelf.ts"
import { timed } from "./internal/timed.ts"
import * as Warming from "./internal/Warming.ts"
import * as Writer from "./internal/Writer.ts"
import { LiveView } from "./LiveView.ts"
import type { Load } from "./Load.ts"
import type * as Lookup from "./Lookup.ts"
import * as Policy from "./Policy.ts"
import type { Position } from "./Position.ts"
import type { Probe } from "./Probe.ts"
import * as Recording from "./Recording.ts"
import * as RedisLog from "./RedisLog.ts"
import * as RedisStore from "./RedisStore.ts"
import * as Tag from "./Tag.ts"
import * as TraceContext from "./TraceContext.ts"

/** What to invalidate together: an entity or pattern, what goes with it, and whether its cascade is reached. */
export interface Invalidation {
  readonly primary: Tag.Tag
  readonly related?: ReadonlyArray<Tag.Tag> | undefined
  readonly cascade?: boolean | undefined
}

/** What a commit came to. */
export interface Committed {
  readonly position: Position
  /** Every tag that was appended. */
  readonly invalidated: ReadonlyArray<Tag.Tag>
  /** One for each change, in order. */
  readonly written: ReadonlyArray<Written>
}

/**
 * The cache manager.
 *
 * What fails is a `CacheError`. An invalidation or a commit that fails with the reason `StoreFailed` is not
 * acknowledged, and is to be done again; `UnknownDomain` names a cascade that no open cache declares,
 * `SnapshotConflict` reads that were overtaken each time.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { CacheManager, Tag } from "@letletme/cache"
 *
 * const program = Effect.gen(function* () {
 *   const cache = yield* CacheManager
 *   // one tag, a pattern, or a batch with its cascade: each is one append, whatever it reaches
 *   yield* cache.invalidate({ primary: Tag.of("match", "17") })
 *   yield* cache.invalidate({ primary: Tag.any("match", "event", "28") })
 *   const position = yield* cache.invalidate({ primary: Tag.of("event", "28"), related: [Tag.of("news")], cascade: true })
 *   return position
 * })
 * ```
 */
export class CacheManager extends Context.Service<
  CacheManager,
  {
    /**
     * Opens a domain for the life of the scope. `DomainCache` does it for you. An id that its schema refuses is a
     * defect of the caller's.
     */
    readonly open: <D extends string, Id, A, E, R, Name extends D, G extends Edges<D>>(
      definition: Definition<D, Id, A, E, R, Name, G>
    ) => Effect.Effect<Domain<Id, A, E>, never, R | Scope.Scope>
    /**
     * Invalidates, in one append. Once it is acknowledged, no read of this process, and no read of another whose view
     * has reached the position answered, returns what it reached.
     */
    readonly invalidate: (
      batch: Invalidation | ReadonlyArray<Invalidation>,
      options?: { readonly cause?: string }
    ) => Effect.Effect<Position, CacheError>
    /** The tags that `invalidate` would append, cascades among them: what they reach is told by `reach`. */
    readonly tagsOf: (
      batch: Invalidation | ReadonlyArray<Invalidation>
    ) => Effect.Effect<ReadonlySet<Tag.Tag>, CacheError>
    /**
     * Makes prepared changes, of any domains, in one append. Without a change nothing is appended. Under the name `once`
     * it is done once: repeated, it changes nothing and answers the position of the first time.
     */
    readonly commit: (
      changes: ReadonlyArray<Change>,
      options?: { readonly cause?: string; readonly related?: ReadonlyArray<Tag.Tag>; readonly once?: string }
    ) => Effect.Effect<Committed, CacheError>
    /**
     * Runs reads that are all valid at one position, or runs them again. After `attempts` (default 5) it fails with the
     * reason `SnapshotConflict`.
     */
    readonly snapshot: <A, E, R>(
      effect: Effect.Effect<A, E, R>,
      options?: { readonly attempts?: number }
    ) => Effect.Effect<A, E | CacheError, R>
    /** Why a key of an open domain is fresh, stale or absent; none where no open domain has such keys. */
    readonly explain: (key: Tag.Tag) => Effect.Effect<ReadonlyArray<Explanation>, CacheError>
    /**
     * The position of this process's view: take it before you read a source whose answer you will `put`, or write one
     * whose change you will `update`.
     */
    readonly position: Effect.Effect<Position>
    /** Events from now on. A subscriber that falls 4,096 behind misses the oldest. */
    readonly events: Effect.Effect<PubSub.Subscription<CacheEvent>, never, Scope.Scope>
    /** Drops this share of the entries at hand, the least lately used of each domain: they are in the store still. */
    readonly evict: (share: number) => Effect.Effect<void>
    /** What the source is asked for now. */
    readonly load: Effect.Effect<Load>
    /**
     * Sheds load: from now on a lookup that would have to wait is refused (`Unavailable`, "overloaded"), and nothing is
     * refreshed for which nobody waits, until nobody was refused for five seconds.
     */
    readonly shedLoad: Effect.Effect<void>
    /** The names of the open domains. */
    readonly domains: Effect.Effect<ReadonlyArray<string>>
    /** The open domains and lists as `ConsistencyMonitor` sees them. */
    readonly probes: Effect.Effect<ReadonlyArray<Probe>>
    /** The open domains and lists as `Integrity` sees them. */
    readonly auditors: Effect.Effect<ReadonlyArray<Auditor>>
  }
>()("@letletme/cache/CacheManager") {
  /** The manager over the view, the log and the store in context. */
  static readonly layer: Layer.Layer<CacheManager, never, LiveView | InvalidationLog | CacheStore | CacheMetrics> =
    Layer.effect(
      this,
      Effect.gen(function* () {
        const kernel = yield* Kernel.make
        const log = yield* InvalidationLog
        const { config, live, metrics } = kernel
        const { view } = live
        const opened = new Map<
          string,
          {
            readonly name: string
            readonly dependents: ReadonlyArray<string>
            /** Explains a key, if it is one of this domain. */
            readonly explain: (key: Tag.Tag) => Option.Option<Effect.Effect<Explanation, CacheError>>
            readonly probe: Probe
            readonly evict: (share: number) => void
            readonly auditor: Auditor
          }
        >()

        const appendTags = Effect.fnUntraced(function* (
          tags: ReadonlySet<Tag.Tag>,
          cause: string,
          writes: ReadonlyArray<Change["write"]>,
          once?: string
        ) {
          const list = [...tags]
          const trace = yield* TraceContext.current
          const append = live.append({ tags: list, cause, writes, once, fence: yield* Fence, trace })
          const appended = yield* timed(kernel.clock, append, metrics.timeAppend)
          if (list.length > 0) {
            metrics.countInvalidation(cause, list.length, list.filter(Tag.isPattern).length)
            kernel.tell({ _tag: "Invalidated", tags: list, position: appended.position, cause })
          }
          return appended
        })

        const tagsOf = Effect.fnUntraced(function* (batch: Invalidation | ReadonlyArray<Invalidation>) {
          const tags = new Set<Tag.Tag>()
          for (const { primary, related = [], cascade = false } of "primary" in batch ? [batch] : batch) {
            tags.add(primary)
            for (const tag of related) tags.add(tag)
            if (!cascade) continue
            const name = Tag.domain(primary)
            const domain = [...opened.values()].find((one) => one.name === name)
            if (domain === undefined) {
              const known = [...new Set(Array.from(opened.values(), (one) => one.name))]
              return yield* new CacheError({ reason: new UnknownDomain({ domain: name, known }) })
            }
            for (const tag of Writer.cascadeTags(domain.dependents, primary)) tags.add(tag)
          }
          return tags
        })

        const invalidate = Effect.fn("CacheManager.invalidate")(function* (
          batch: Invalidation | ReadonlyArray<Invalidation>,
          options?: { readonly cause?: string }
        ) {
          const { position } = yield* appendTags(yield* tagsOf(batch), options?.cause ?? "invalidate", [])
          return position
        })

        const commit = Effect.fn("CacheManager.commit")(function* (
          changes: ReadonlyArray<Change>,
          options?: { readonly cause?: string; readonly related?: ReadonlyArray<Tag.Tag>; readonly once?: string }
        ) {
          const tags = new Set(options?.related ?? [])
          for (const change of changes) for (const tag of [...change.direct, ...change.cascade]) tags.add(tag)
          const writes = changes.flatMap(({ verdict, write }) =>
            verdict === "superseded" || (tags.size === 0 && write.revision.time === 0) ? [] : [write]
          )
          const { position, refused } =
            tags.size === 0 && writes.length === 0
              ? { position: view.position, refused: new Set<string>() }
              : yield* appendTags(tags, options?.cause ?? "update", writes, options?.once)
          const written = changes.map((change): Written => {
            const { key, verdict } = change
            // Also where the store refused it: nothing of it is appended.
            if (verdict === "unchanged") return { _tag: "Unchanged", key }
            if (verdict === "superseded" || refused.has(change.write.key)) return { _tag: "Superseded", key }
            if (tags.size === 0) return { _tag: "Unchanged", key }
            change.settle(position)
            if (verdict === "confirmed") return { _tag: "Confirmed", key, position }
            return { _tag: "Updated", key, position, invalidated: [...change.direct, ...change.cascade] }
          })
          return { position, invalidated: [...tags], written }
        })

        const snapshot = Effect.fnUntraced(function* <A, E, R>(
          effect: Effect.Effect<A, E, R>,
          options?: { readonly attempts?: number }
        ): Effect.fn.Return<A, E | CacheError, R> {
          const outer = yield* Recording.Recorder
          const attempts = options?.attempts ?? 5
          for (let attempt = 0; attempt < attempts; attempt++) {
            const recorder = Recording.forSnapshot(outer)
            const result = yield* Effect.provideService(effect, Recording.Recorder, recorder)
            // What was read ahead of the view may be newer than the rest: the view has to know what came between.
            yield* live.reach(Math.max(view.position, recorder.upTo), config.lookupTimeout)
            const isWhole = !recorder.isTorn && recorder.reads.every(({ stamp, tags }) => view.isValid(stamp, tags))
            if (isWhole) return result
          }
          return yield* new CacheError({ reason: new SnapshotConflict({ attempts }) })
        })

        const open = <D extends string, Id, A, E, R, Name extends D, G extends Edges<D>>(
          definition: Definition<D, Id, A, E, R, Name, G>
        ): Effect.Effect<Domain<Id, A, E>, never, R | Scope.Scope> => {
          return Effect.gen(function* () {
            const { domain: name, list } = definition
            const context = yield* Effect.context<R>()
            const keys = Keys.make(definition)
            const policy = Policy.resolve(definition, config)
            const near = NearCache.make<Id, A>({
              entries: config.nearEntries,
              bytes: config.nearBytes,
              view,
              refreshAhead: policy.refreshAhead,
              lifetime:
                policy.nearTimeToLive === undefined
                  ? undefined
                  : { millis: policy.nearTimeToLive, clock: kernel.clock },
              keys
            })
            const label = list === undefined ? name : `${name}:${list.of}:${list.name}`
            const meter = metrics.domain(label, () => ({ nearEntries: near.entries(), nearBytes: near.bytes() }))
            const shelf = Shelf.make<Id, A>({
              kernel,
              keys,
              codec: Codec.make(definition.value, {
                ...(definition.version === undefined ? {} : { version: definition.version }),
                packing: { above: config.compressAbove, level: config.compressionLevel }
              }),
              policy,
              near,
              meter,
              declared: Writer.declaredTags(definition, keys.relation)
            })
            const { keyed, of: key, parse } = keys
            const writer = Writer.make(definition, shelf)
            const lookup = provided(definition, context)
            const asker = Asker.make({ domain: label, shelf, lookup })
            const loader = yield* Loader.make<Id, A, E>({ shelf, asker })
            const reader = Reader.make(label, shelf, loader)
            const warm = Warming.make({ shelf, asker, loader })

            const updateMany: Domain<Id, A, E>["updateMany"] = (replacements, options = {}) =>
              Effect.flatMap(
                writer.changes(
                  replacements.map((one) => ({ ...one, key: key(one.id) })),
                  options
                ),
                (changes) =>
                  Effect.map(
                    commit(changes, options.cause === undefined ? {} : { cause: options.cause }),
                    ({ written }) => written
                  )
              )

            const opening: Domain<Id, A, E> = {
              key,
              parse,
              get: reader.get,
              getOrLoad: reader.getOrLoad,
              find: (id, options) =>
                Effect.map(reader.read([keyed(id)], options ?? {}), ([value]) => value ?? Option.none()),
              getMany: (ids, options) => reader.read(ids.map(keyed), options ?? {}),
              peek: (id, options) => reader.peek(keyed(id), options ?? {}),
              refresh: (ids) => reader.refresh(ids.map(keyed)),
              put: (id, value, { readAt, revision = noRevision }) => writer.put(keyed(id), value, readAt, revision),
              update: (id, value, options) =>
                Effect.flatMap(updateMany([{ id, value: Option.some(value) }], options), ([written]) =>
                  written === undefined ? Effect.die("An update without an outcome") : Effect.succeed(written)
                ),
              updateMany,
              changes: (replacements, options) =>
                writer.changes(
                  replacements.map((one) => ({ ...one, key: key(one.id) })),
                  options ?? {}
                ),
              confirmations: (known, reachedBy, options) =>
                writer.confirmations(
                  known.map((one) => ({ ...one, key: key(one.id) })),
                  reachedBy,
                  options?.revision ?? noRevision
                ),
              invalidate: (ids, options) =>
                invalidate(
                  ids.map((id) => ({ primary: key(id), cascade: options?.cascade ?? true })),
                  options?.cause === undefined ? {} : { cause: options.cause }
                ),
              touch: (id, timeToLive) => writer.touch(keyed(id), timeToLive),
              inspect: (ids) =>
                Effect.map(inspect(shelf, ids.map(keyed)), (found) => found.map(({ condition }) => condition)),
              warm: (ids) => warm(ids.map(keyed)),
              explain: (id) => explain(shelf, log, keyed(id))
            }
            opened.set(label, {
              name,
              evict: near.evict,
              dependents: definition.graph.cascade(name),
              explain: (tag) => Option.map(parse(tag), opening.explain),
              probe: probe.make({ label, shelf, asker, log, domain: opening }),
              auditor: audit.make({ label, shelf, asker, domain: opening })
            })
            yield* Effect.addFinalizer(() => Effect.sync(() => opened.delete(label)))
            return opening
          })
        }

        return CacheManager.of({
          open,
          invalidate,
          tagsOf,
          commit,
          snapshot,
          explain: (key) => Effect.all([...opened.values()].flatMap((domain) => Option.toArray(domain.explain(key)))),
          position: Effect.sync(() => view.position),
          events: PubSub.subscribe(kernel.events),
          evict: (share) =>
            Effect.sync(() => {
              for (const domain of opened.values()) domain.evict(share)
            }),
          load: Effect.sync(kernel.bulkhead.load),
          shedLoad: Effect.sync(kernel.bulkhead.shed),
          domains: Effect.sync(() => [...new Set(Array.from(opened.values(), ({ name }) => name))]),
          probes: Effect.sync(() => Array.from(opened.values(), (one) => one.probe)),
          auditors: Effect.sync(() => Array.from(opened.values(), (one) => one.auditor))
        })
      })
    ).pipe(Layer.provide(CircuitBreaker.layerStoreMemory()))

  /** A whole cache in the process's memory: for tests, demos and the embedded default. */
  static readonly layerMemory: Layer.Layer<CacheManager | LiveView | InvalidationLog | CacheStore | CacheMetrics> =
    Layer.suspend(() => CacheManager.layerOver).pipe(
      Layer.provideMerge(InvalidationLog.layerMemory),
      Layer.provideMerge(CacheStore.layerMemory)
    )

  /** A whole cache over the Redis in context. Caches of one namespace share its entries and its log. */
  static readonly layerRedis: Layer.Layer<
    CacheManager | LiveView | InvalidationLog | CacheStore | CacheMetrics,
    CacheError,
    Redis
  > = Layer.suspend(() => CacheManager.layerOver).pipe(
    Layer.provideMerge(RedisLog.layer),
    Layer.provideMerge(RedisStore.layer)
  )

  /** The manager, its view and its counters over a log and a store: what `layerMemory` and `layerRedis` share. */
  static readonly layerOver: Layer.Layer<CacheManager | LiveView | CacheMetrics, never, InvalidationLog | CacheStore> =
    Layer.suspend(() => CacheManager.layer).pipe(
      Layer.provideMerge(LiveView.layer),
      Layer.provideMerge(CacheMetrics.layer)
    )
}

const provided = <Id, A, E, R>(
  lookup: Lookup.Lookup<Id, A, E, R>,
  context: Context.Context<R>
): Lookup.Lookup<Id, A, E, never> =>
  lookup.lookupMany === undefined
    ? { lookup: (id, previous) => Effect.provideContext(lookup.lookup(id, previous), context) }
    : { lookupMany: (questions) => Effect.provideContext(lookup.lookupMany(questions), context) }
