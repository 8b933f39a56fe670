/**
 * A source in the tests' hands, domains over it, and processes that monitor them.
 */
import { assert } from "@effect/vitest"
import {
  CacheManager,
  CacheStore,
  type Domain,
  ConsistencyMonitor,
  DependencyGraph,
  DomainCache,
  Entry,
  InvalidationLog,
  Lookup,
  Tag,
  type View
} from "@letletme/cache"
import { Context, Effect, Layer, References, Result, Schema } from "effect"
import type { Options } from "@letletme/cache/ConsistencyMonitor"
import { redis } from "./tiers.ts"

/** The truth, shared by all processes. */
export class Truth extends Context.Service<
  Truth,
  {
    readonly values: Map<string, number>
    /** What no cache knows of. */
    bonus: number
    /** The revision that lookups state; 0 states none. */
    revision: number
    /** What a lookup does after it has read. */
    after: Effect.Effect<void, string>
    readonly asked: Array<string>
    /** `Rows` are not answered. */
    isMute: boolean
  }
>()("test/Truth") {
  static readonly layer = Layer.sync(this, () =>
    Truth.of({ values: new Map([["a", 1]]), bonus: 0, revision: 0, after: Effect.void, asked: [], isMute: false })
  )
}

const graph = DependencyGraph.make({ value: [], total: ["value"] })

export class Values extends DomainCache.Service<Values>()("test/Values", {
  graph,
  domain: "value",
  id: Schema.String,
  value: Schema.Int,
  timeToLive: "metadata",
  lookup: (id: string) =>
    Truth.use((truth) =>
      Effect.suspend(() => {
        truth.asked.push(id)
        const value = truth.values.get(id)
        const revision = truth.revision === 0 ? {} : { revision: { time: truth.revision, sequence: 0 } }
        return Effect.as(truth.after, value === undefined ? Lookup.absent : Lookup.found(value, revision))
      })
    )
}) {}

/** The sum of what it names, and a bonus. */
export class Totals extends DomainCache.Service<Totals>()("test/Totals", {
  graph,
  domain: "total",
  id: Schema.String,
  value: Schema.Int,
  timeToLive: "derived",
  lookup: Effect.fnUntraced(function* (id: string) {
    const truth = yield* Truth
    const values = yield* Values
    const value = yield* values.get(id)
    yield* truth.after
    return Lookup.found(value + truth.bonus)
  })
}) {}

/** Asks for many at once; an empty answer is one that does not fit the questions. */
export class Rows extends DomainCache.Service<Rows>()("test/Rows", {
  graph: DependencyGraph.make({ row: [] }),
  domain: "row",
  id: Schema.String,
  value: Schema.Int,
  timeToLive: "metadata",
  lookupMany: (questions) =>
    Truth.use(({ isMute, values }) =>
      Effect.succeed(isMute ? [] : questions.map(({ id }) => Lookup.found(values.get(id) ?? 0)))
    )
}) {}

/** A process of its own over the store and the log in context. */
export const monitored = (options: Options) =>
  Effect.map(
    Layer.build(
      Layer.fresh(
        ConsistencyMonitor.layer({ window: "1 hour", grace: "20 millis", share: 1, ...options }).pipe(
          Layer.provideMerge(Totals.layer),
          Layer.provideMerge(Values.layer),
          Layer.provideMerge(Rows.layer),
          Layer.provideMerge(CacheManager.layerOver)
        )
      )
    ),
    (context) => ({
      values: Context.get(context, Values),
      totals: Context.get(context, Totals),
      rows: Context.get(context, Rows),
      manager: Context.get(context, CacheManager),
      monitor: Context.get(context, ConsistencyMonitor)
    })
  )

export const peer = monitored({})

/** The tiers that the monitor is tried over, by name. */
const tiers = {
  memory: CacheManager.layerMemory,
  redis: CacheManager.layerRedis.pipe(Layer.provide(redis))
}

/** Overwrites what the store holds of `value:{id}`, as something outside the protocol would. */
export const overwrite = Effect.fnUntraced(function* (
  values: Values["Service"],
  id: string,
  change: (bytes: Uint8Array) => Uint8Array
) {
  const store = yield* CacheStore
  const { storeKey } = yield* values.explain(id)
  const [bytes] = yield* store.getMany([storeKey])
  assert.isDefined(bytes)
  if (bytes === undefined) return
  yield* store.fill([
    {
      key: storeKey,
      stamp: 0,
      revision: Entry.noRevision,
      bytes: change(bytes),
      timeToLive: 60_000,
      overwrite: true
    }
  ])
})

/** Another payload under the same header, sealed as if it belonged there. */
export const withPayload =
  (id: string, payload: string) =>
  (bytes: Uint8Array): Uint8Array => {
    const entry = Result.getOrThrow(Entry.unseal(Tag.of("value", id), bytes))
    return Entry.seal(entry.stamp, Entry.body(entry, Buffer.from(payload)))
  }

export const flipLast = (bytes: Uint8Array): Uint8Array =>
  Uint8Array.from(bytes, (byte, index) => (index === bytes.length - 1 ? byte ^ 1 : byte))

/** A log of which a process hears nothing but positions: what lost messages would do. */
export const deaf = Layer.effect(
  InvalidationLog,
  InvalidationLog.use((log) => {
    const heard = (entry: View.LogEntry): View.LogEntry => ({ ...entry, tags: [], floor: undefined })
    return Effect.succeed(
      InvalidationLog.of({
        ...log,
        sync: (from) =>
          Effect.map(log.sync(from), ({ entries, head }) => ({ head, floor: 0, entries: entries.map(heard) })),
        follow: (from) => Effect.map(log.follow(from), (entries) => entries.map(heard))
      })
    )
  })
)

export const a = Tag.of("value", "a")
export const ten = Array.from({ length: 10 }, (_, index) => `${index}`)

/** Reads until the monitor may look at everything that is at hand. */
export const pay = <E>(domain: Domain.Domain<string, number, E>, id = "a") =>
  Effect.forEach(Array.from({ length: 20 }), () => domain.get(id), { discard: true })

/** The truth over each tier. */
export const worlds = Object.entries(tiers).map(([name, tier]) => {
  const world = Layer.mergeAll(
    tier.pipe(Layer.provideMerge(Truth.layer)),
    // What is found is logged too.
    Layer.succeed(References.MinimumLogLevel, "None")
  )
  return { name, world }
})
