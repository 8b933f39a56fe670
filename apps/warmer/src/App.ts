/**
 * The application's layers: the caches of the game over the store and the source that the settings name.
 */
import { Backup, CacheConfig, CacheManager, Cipher } from "@letletme/cache"
import { FplCaches, type FplSource, SeasonDeductions, SeasonSync } from "@letletme/fpl"
import { Redis } from "@letletme/redis"
import { Effect, Layer } from "effect"
import { deductionsOf, type Shared, type Store } from "./Settings.ts"

/** The cache over a store. A Redis that is away fails the start, unless it is lazy. */
const cache = (store: Store) =>
  store._tag === "Memory"
    ? CacheManager.layerMemory
    : CacheManager.layerRedis.pipe(Layer.provide(Redis.layer(store.config)))

const deductions = (shared: Pick<Shared, "deductions">) =>
  Layer.effect(
    SeasonDeductions,
    // The file is about the season at hand, whichever it is.
    Effect.map(deductionsOf(shared.deductions), (points) => () => points)
  )

/** Everything a command needs. */
export const layer = <E, R>(shared: Pick<Shared, "deductions">, store: Store, source: Layer.Layer<FplSource, E, R>) =>
  Layer.merge(FplCaches.layerWarmer, Backup.layer).pipe(
    Layer.provideMerge(FplCaches.layerIntegrity),
    Layer.provideMerge(SeasonSync.layer),
    Layer.provideMerge(FplCaches.layer),
    Layer.provideMerge(source),
    Layer.provideMerge(cache(store)),
    Layer.provideMerge(Cipher.Cipher.layerConfig),
    Layer.provide(deductions(shared)),
    Layer.provideMerge(CacheConfig.layerConfig)
  )
