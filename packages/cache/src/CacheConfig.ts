/**
 * The settings of a cache, with defaults that need no thought and an environment variable each.
 */
import { Config, Context, Duration, Layer, Schema } from "effect"
import { randomUUID } from "node:crypto"
import type { StrategyLengths } from "./Policy.ts"

/** The settings. Durations are milliseconds. */
export interface Settings {
  /** The prefix of every key, and the scope of positions: two namespaces share nothing. */
  readonly namespace: string
  /** How this process names itself in the log. */
  readonly process: string
  /** How old the view may be before cached values are no longer trusted (ms). */
  readonly maxStaleness: number
  /** Most entries of the near cache. */
  readonly nearEntries: number
  /** Most bytes of the near cache. */
  readonly nearBytes: number
  readonly timeToLive: StrategyLengths
  /** How long a read waits for the store or the log before it goes on without (ms). */
  readonly storeTimeout: number
  /** How long a lookup may take (ms). */
  readonly lookupTimeout: number
  /** How long one load keeps other processes from loading the same key (ms). */
  readonly lease: number
  /** How many lookups run at once; more wait, and at most ten times as many. */
  readonly maxLookups: number
  /** Longer dependency lists are coarsened to patterns. */
  readonly maxTagsPerEntry: number
  /** When the table holds more tags than this, the older half goes and the floor rises over it. */
  readonly maxTags: number
  /** Payloads of more bytes than this are compressed (zstd). */
  readonly compressAbove: number
  /** How hard zstd tries, from 1, the fastest, to 22. */
  readonly compressionLevel: number
  /** The most bytes that a key may have: ids may come from users. */
  readonly maxKeyBytes: number
  /** The most bytes that a stored value may have, after compression. */
  readonly maxValueBytes: number
  /** How many entries one script call to Redis writes: Redis answers nobody else meanwhile. More go in several. */
  readonly maxBatch: number
  /** How many entries the log keeps. A process that fell further behind takes a snapshot. */
  readonly logLength: number
}

const defaults = (): Settings => ({
  namespace: "letletme",
  process: randomUUID().slice(0, 8),
  maxStaleness: 1_000,
  nearEntries: 10_000,
  nearBytes: 64 * 1024 * 1024,
  timeToLive: {
    metadata: Duration.toMillis(Duration.days(30)),
    derived: Duration.toMillis(Duration.days(1)),
    temporary: Duration.toMillis(Duration.minutes(1))
  },
  storeTimeout: 150,
  lookupTimeout: 10_000,
  lease: 3_000,
  maxLookups: 64,
  maxTagsPerEntry: 128,
  maxTags: 100_000,
  compressAbove: 16_384,
  compressionLevel: 1,
  maxKeyBytes: 4_096,
  maxValueBytes: 16 * 1024 * 1024,
  maxBatch: 128,
  logLength: 10_000
})

/**
 * The settings in force. Where nothing is provided, the defaults are.
 *
 * @example
 * ```ts
 * import { CacheConfig } from "@letletme/cache"
 *
 * const layer = CacheConfig.layer({ namespace: "fpl", maxStaleness: 500 })
 * ```
 */
export const Settings = Context.Reference<Settings>("@letletme/cache/CacheConfig", { defaultValue: defaults })

/** Provides settings; what is not stated keeps its default. */
export const layer = (settings: Partial<Settings>): Layer.Layer<never> =>
  Layer.sync(Settings, () => ({ ...defaults(), ...settings }))

const Count = Schema.NumberFromString.pipe(Schema.check(Schema.isInt(), Schema.isGreaterThan(0)))
const count = (name: string, fallback: number) => Config.schema(Count, name).pipe(Config.withDefault(fallback))

const Level = Count.pipe(Schema.check(Schema.isLessThanOrEqualTo(22)))

const Length = Schema.DurationFromString.pipe(
  Schema.check(
    Schema.makeFilter(
      (length) =>
        (Duration.isPositive(length) && Duration.isFinite(length)) || "Expected a length above zero with an end"
    )
  )
)
const length = (name: string, fallback: number) =>
  Config.schema(Length, name).pipe(Config.map(Duration.toMillis), Config.withDefault(fallback))

const Name = Schema.String.pipe(
  Schema.check(Schema.isPattern(/^[\w.-]{1,64}$/, { message: "Expected up to 64 letters, digits, dots, dashes" }))
)
const name = (variable: string, fallback: string) => Config.schema(Name, variable).pipe(Config.withDefault(fallback))

const fallback = defaults()

/** Reads the settings from `CACHE_…` variables (see `docs/keys-and-ttls.md`). */
export const config: Config.Config<Settings> = Config.all({
  namespace: name("CACHE_NAMESPACE", fallback.namespace),
  process: name("CACHE_PROCESS", fallback.process),
  maxStaleness: length("CACHE_MAX_STALENESS", fallback.maxStaleness),
  nearEntries: count("CACHE_NEAR_ENTRIES", fallback.nearEntries),
  nearBytes: count("CACHE_NEAR_BYTES", fallback.nearBytes),
  timeToLive: Config.all({
    metadata: length("CACHE_TTL_METADATA", fallback.timeToLive.metadata),
    derived: length("CACHE_TTL_DERIVED", fallback.timeToLive.derived),
    temporary: length("CACHE_TTL_TEMPORARY", fallback.timeToLive.temporary)
  }),
  storeTimeout: length("CACHE_STORE_TIMEOUT", fallback.storeTimeout),
  lookupTimeout: length("CACHE_LOOKUP_TIMEOUT", fallback.lookupTimeout),
  lease: length("CACHE_LEASE", fallback.lease),
  maxLookups: count("CACHE_MAX_LOOKUPS", fallback.maxLookups),
  maxTagsPerEntry: count("CACHE_MAX_TAGS_PER_ENTRY", fallback.maxTagsPerEntry),
  maxTags: count("CACHE_MAX_TAGS", fallback.maxTags),
  compressAbove: count("CACHE_COMPRESS_ABOVE", fallback.compressAbove),
  compressionLevel: Config.schema(Level, "CACHE_COMPRESSION_LEVEL").pipe(Config.withDefault(fallback.compressionLevel)),
  maxKeyBytes: count("CACHE_MAX_KEY_BYTES", fallback.maxKeyBytes),
  maxValueBytes: count("CACHE_MAX_VALUE_BYTES", fallback.maxValueBytes),
  maxBatch: count("CACHE_MAX_BATCH", fallback.maxBatch),
  logLength: count("CACHE_LOG_LENGTH", fallback.logLength)
})

/**
 * Provides the settings from the environment. A variable that does not fit fails the layer with a `ConfigError` that
 * names it.
 */
export const layerConfig: Layer.Layer<never, Config.ConfigError> = Layer.effect(Settings, config)
