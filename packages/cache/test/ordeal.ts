/**
 * Readers and writers in several caches while something befalls their servers. No strong read may be stale, and when it
 * is over all must be well.
 */
import { assert } from "@effect/vitest"
import { CacheConfig, CacheManager, DependencyGraph, DomainCache, Lookup, Tag } from "@letletme/cache"
import type { CacheError } from "@letletme/cache/CacheError"
import type { Redis } from "@letletme/redis"
import { Context, Effect, Layer, Ref, Schema } from "effect"
import { eventually } from "./tiers.ts"

/** What the source says, and as of which version each key was acknowledged as invalidated. */
class Truth extends Context.Service<
  Truth,
  { readonly values: Map<string, number>; readonly acknowledged: Map<string, number> }
>()("test/OrdealTruth") {
  static readonly layer = Layer.sync(this, () => Truth.of({ values: new Map(), acknowledged: new Map() }))
}

class Values extends DomainCache.Service<Values>()("test/OrdealValues", {
  graph: DependencyGraph.make({ value: [] }),
  domain: "value",
  id: Schema.String,
  value: Schema.Int,
  timeToLive: "metadata",
  lookup: (id: string) => Truth.use(({ values }) => Effect.sync(() => Lookup.found(values.get(id) ?? 0)))
}) {}

const ids = Array.from({ length: 40 }, (_, index) => `${index}`)
const maxStaleness = 300

/** What came of it. */
export interface Came {
  readonly strongReads: number
  readonly writes: number
  readonly refusedWrites: number
}

/**
 * Runs it over several connections; `befall` ends it.
 */
export const ordeal = <E, E2, R>(
  redis: Layer.Layer<Redis, E>,
  befall: Effect.Effect<unknown, E2, R>
): Effect.Effect<Came, E | E2 | CacheError, R> =>
  Effect.gen(function* () {
    const truth = yield* Truth
    const cache = Values.layer.pipe(
      Layer.provideMerge(CacheManager.layerRedis),
      Layer.provide(CacheConfig.layer({ maxStaleness })),
      Layer.provide(redis)
    )
    const caches = yield* Effect.forEach([1, 2, 3], () => Layer.build(Layer.fresh(cache)), { concurrency: 3 })
    const over = yield* Ref.make(false)
    let strongReads = 0
    let writes = 0
    let refusedWrites = 0

    const write = Effect.fnUntraced(function* (
      manager: CacheManager["Service"],
      values: Values["Service"],
      id: string
    ) {
      const next = (truth.values.get(id) ?? 0) + 1
      truth.values.set(id, next)
      // Every other one with the value, which in a cluster lies on another node than the log.
      const announced =
        next % 2 === 0
          ? Effect.asVoid(values.update(id, next, { revision: { time: next, sequence: 0 } }))
          : Effect.asVoid(manager.invalidate({ primary: Tag.of("value", id) }))
      if ((yield* Effect.result(announced))._tag === "Success") {
        writes++
        truth.acknowledged.set(id, Math.max(next, truth.acknowledged.get(id) ?? 0))
      } else refusedWrites++
    })

    const read = Effect.fnUntraced(function* (values: Values["Service"], id: string) {
      const least = truth.acknowledged.get(id) ?? 0
      const found = yield* values.get(id, { consistency: "strong" })
      assert.isAtLeast(found, least, `a strong read of ${id} is stale`)
      strongReads++
    })

    const busy = caches.flatMap((context, index) => {
      const values = Context.get(context, Values)
      const manager = Context.get(context, CacheManager)
      const mine = ids.filter((id) => Number(id) % caches.length === index)
      return [
        Effect.forEach(mine, (id) => Effect.andThen(write(manager, values, id), Effect.sleep(2)), { discard: true }),
        Effect.forEach(ids, (id) => read(values, id), { concurrency: 4, discard: true })
      ].map((once) => Effect.repeat(Effect.andThen(once, Effect.sleep(1)), { until: () => Ref.get(over) }))
    })
    yield* Effect.all([Effect.ensuring(befall, Ref.set(over, true)), ...busy], {
      concurrency: "unbounded",
      discard: true
    })

    // The last that was written may not be announced yet.
    for (const context of caches) {
      const values = Context.get(context, Values)
      const manager = Context.get(context, CacheManager)
      yield* eventually(manager.invalidate({ primary: Tag.any("value") }))
      for (const id of ids) assert.strictEqual(yield* values.get(id, { consistency: "strong" }), truth.values.get(id))
      for (const id of ids) assert.strictEqual(yield* values.get(id), truth.values.get(id))
    }
    return { strongReads, writes, refusedWrites }
  }).pipe(Effect.scoped, Effect.provide(Truth.layer))
