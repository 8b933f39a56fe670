/**
 * The application's layers: the caches of the game over the store and the source that the settings name.
 */
import { Backup, CacheManager, CacheMetrics, Cipher, Tuning } from "@letletme/cache"
import {
  DeductionWorkflow,
  FplCaches,
  type FplSource,
  type Published,
  SeasonRepository,
  SeasonSync,
  Workflows
} from "@letletme/fpl"
import { Redis, type RedisConfig } from "@letletme/redis"
import { Effect, Layer, Option, Stream } from "effect"
import { adopt } from "./adopt.ts"
import * as Database from "./Database.ts"
import { Reload } from "./Reload.ts"
import { deductionsOf, type Shared, type Store } from "./Settings.ts"

/** The first words of the causes that the game's changes, and whoever administers it, state in the log. */
const causes = [
  "admin",
  "sync",
  ...["Event", "Phase", "Team", "Match", "Deduction"].map((kind) => `${kind}Workflow.update`)
]

/** Redis, whose login changes with the settings. One that is away fails the start, unless it is lazy. */
const redis = (config: RedisConfig.RedisConfig) =>
  Layer.unwrap(
    Reload.useSync(({ credentials }) =>
      Redis.layer({
        ...config,
        credentials: Option.getOrUndefined(
          // Who a URL names stays.
          Option.map(
            credentials,
            Stream.map((login) => ({ ...login, username: config.username ?? login.username }))
          )
        )
      })
    )
  )

/** The cache over a store. */
const cache = (store: Store) =>
  store._tag === "Memory"
    ? CacheManager.layerMemory
    : CacheManager.layerRedis.pipe(Layer.provideMerge(redis(store.config)))

/** The caches of the game over a store and a database: all that a process needs that only reads. */
export const caches = (store: Store, place: Database.Place, settings: Option.Option<string> = Option.none()) =>
  FplCaches.layer.pipe(
    Layer.provideMerge(Database.layer(place)),
    Layer.provideMerge(cache(store)),
    Layer.provide(Layer.succeed(CacheMetrics.Causes, causes)),
    Layer.provideMerge(Cipher.Cipher.layerConfig),
    Layer.provideMerge(Reload.layer(settings)),
    Layer.provideMerge(Tuning.layerConfig)
  )

/** The sync, which after each publication states the points that a file of deductions takes. */
const syncOf = (shared: Pick<Shared, "deductions">) =>
  Layer.effect(
    SeasonSync,
    Effect.gen(function* () {
      const { poll, publish } = yield* SeasonSync
      if (Option.isNone(shared.deductions)) return SeasonSync.of({ poll, publish })
      const points = yield* deductionsOf(shared.deductions)
      const workflow = yield* DeductionWorkflow
      // The file is about the season at hand, whichever it is.
      const deduct = ({ season }: Published) =>
        workflow
          .update(season, points)
          .pipe(Effect.catchTag("ValidationError", ({ message }) => Effect.logWarning(`--deductions: ${message}`)))
      return SeasonSync.of({
        poll: Effect.tap(poll, deduct),
        publish: (revision) => Effect.tap(publish(revision), deduct)
      })
    })
  ).pipe(Layer.provide(SeasonSync.layer), Layer.provide(Workflows.layer))

/** Everything a command needs. */
export const layer = <E, R>(
  shared: Pick<Shared, "deductions">,
  store: Store,
  place: Database.Place,
  source: Layer.Layer<FplSource, E, R>,
  settings: Option.Option<string> = Option.none()
) =>
  Layer.merge(FplCaches.layerWarmer, Backup.layer).pipe(
    Layer.provideMerge(FplCaches.layerIntegrity),
    Layer.provideMerge(syncOf(shared)),
    Layer.provideMerge(source),
    Layer.provideMerge(caches(store, place, settings))
  )

const publishFirst = Effect.gen(function* () {
  const seasons = yield* SeasonRepository
  if (Option.isNone(yield* seasons.current)) yield* SeasonSync.use(({ poll }) => poll)
})

/** The same for commands that only look: a database without a season asks the source for one. */
export const layerWithSeason = <E, R>(
  shared: Pick<Shared, "deductions">,
  store: Store,
  place: Database.Place,
  source: Layer.Layer<FplSource, E, R>
) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      // A database that stays is one that changes are announced of, from the first on.
      if (place._tag === "Memory") yield* adopt
      else yield* publishFirst
      if (Option.isNone(shared.deductions)) return
      const points = yield* deductionsOf(shared.deductions)
      const seasons = yield* SeasonRepository
      const current = yield* seasons.current
      if (Option.isSome(current)) yield* seasons.deduct(current.value, points)
    })
  ).pipe(Layer.provideMerge(layer(shared, store, place, source)))
