/**
 * Settings that change while the process runs: what may, does; what may not waits for a restart, and is named.
 */
import { type Config, Context, Effect, Equal, Layer } from "effect"
import * as CacheConfig from "./CacheConfig.ts"

type Settings = CacheConfig.Settings

// Each of these is looked up whenever it is needed. What shapes the process, such as its time-outs, its bounds and its
// name, is read once.
const tunable = ["timeToLive", "maxTagsPerEntry", "maxKeyBytes", "maxValueBytes", "maxTags", "logLength"] as const

/** A setting that may change while the process runs. */
export type Tunable = (typeof tunable)[number]

/** What came of new settings. */
export interface Adopted {
  /** These are in force from now on; entries that are stored already keep what they were given. */
  readonly applied: ReadonlyArray<Tunable>
  /** These differ from what is in force, and are read at the next start. */
  readonly waiting: ReadonlyArray<keyof Settings>
}

const namesOf = (settings: Settings): ReadonlyArray<keyof Settings> => {
  const isName = (name: string): name is keyof Settings => name in settings
  return Object.keys(settings).filter(isName)
}

/**
 * The settings in force, and the way to change them. Its layer provides `CacheConfig.Settings` with them.
 *
 * Use it where a setting has to change without a restart: a longer time to live while the source is slow, say, or a
 * lower bound on values. A variable that does not fit fails `layerConfig` with a `ConfigError` that names it.
 *
 * @example
 * ```ts
 * import { CacheConfig, CacheManager, Tuning } from "@letletme/cache"
 * import { Duration, Effect, Layer } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const { adopt, current } = yield* Tuning
 *   const settings = yield* current
 *   const timeToLive = { ...settings.timeToLive, derived: Duration.toMillis("2 days") }
 *   const { applied } = yield* adopt({ ...settings, timeToLive })
 *   return applied // ["timeToLive"]
 * })
 *
 * const layer = CacheManager.layerMemory.pipe(Layer.provideMerge(Tuning.layer({ namespace: "fpl" })))
 * ```
 */
export class Tuning extends Context.Service<
  Tuning,
  {
    /** The settings in force. */
    readonly current: Effect.Effect<Settings>
    /** Puts in force what may change at run time. */
    readonly adopt: (settings: Settings) => Effect.Effect<Adopted>
  }
>()("@letletme/cache/Tuning") {
  private static readonly over = (first: Settings): Context.Context<Tuning> => {
    let held = first
    const settings: Settings = {
      ...first,
      get timeToLive() {
        return held.timeToLive
      },
      get maxTagsPerEntry() {
        return held.maxTagsPerEntry
      },
      get maxKeyBytes() {
        return held.maxKeyBytes
      },
      get maxValueBytes() {
        return held.maxValueBytes
      },
      get maxTags() {
        return held.maxTags
      },
      get logLength() {
        return held.logLength
      }
    }
    const isTunable = (name: keyof Settings): name is Tunable => tunable.some((one) => one === name)
    const service = Tuning.of({
      current: Effect.sync(() => held),
      adopt: (next) =>
        Effect.sync(() => {
          const changed = namesOf(first).filter((name) => !Equal.equals(held[name], next[name]))
          const { logLength, maxKeyBytes, maxTags, maxTagsPerEntry, maxValueBytes, timeToLive } = next
          held = { ...held, logLength, maxKeyBytes, maxTags, maxTagsPerEntry, maxValueBytes, timeToLive }
          return {
            applied: changed.filter(isTunable),
            waiting: changed.filter((name) => !isTunable(name))
          }
        })
    })
    return Context.make(Tuning, service).pipe(Context.add(CacheConfig.Settings, settings))
  }

  /** Begins with these settings; what is not stated has its default. */
  static readonly layer = (settings: Partial<Settings> = {}): Layer.Layer<Tuning> =>
    Layer.effectContext(Effect.map(CacheConfig.Settings, Tuning.over).pipe(Effect.provide(CacheConfig.layer(settings))))

  /** Begins with the settings of the environment. */
  static readonly layerConfig: Layer.Layer<Tuning, Config.ConfigError> = Layer.effectContext(
    Effect.suspend(() => Effect.map(CacheConfig.config, Tuning.over))
  )
}
