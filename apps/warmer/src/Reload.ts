/**
 * Configuration read again without a restart: a file of settings beside the environment, on `SIGHUP` and in every
 * maintenance window.
 */
import { type Adopted, CacheConfig, Tuning } from "@letletme/cache"
import { RedisConfig } from "@letletme/redis"
import {
  Config,
  ConfigProvider,
  Context,
  Effect,
  Equal,
  FileSystem,
  Layer,
  Option,
  Queue,
  Stream,
  SubscriptionRef
} from "effect"
import * as Configuration from "./Configuration.ts"
import { SettingError } from "./Settings.ts"

/** The environment, which goes first, and what a file of `NAME=value` lines says beside it: verified. */
const providerOf = Effect.fnUntraced(function* (file: Option.Option<string>) {
  const environment = ConfigProvider.fromEnv()
  if (Option.isNone(file)) return yield* Effect.as(Configuration.verify([environment]), environment)
  const files = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(
    files.readFileString(file.value),
    (error) => new SettingError({ message: `--settings: ${file.value} cannot be read: ${error.message}` })
  )
  const stated = ConfigProvider.fromDotEnvContents(text)
  yield* Configuration.verify([environment, stated])
  return ConfigProvider.orElse(environment, stated)
})

/** Who logs in to Redis, where the settings name somebody. */
const credentials = Config.all({
  username: Config.option(Config.String("REDIS_USERNAME")),
  password: Config.option(Config.Redacted("REDIS_PASSWORD"))
}).pipe(
  Config.map(({ password, username }): Option.Option<RedisConfig.Credentials> =>
    Option.map(password, (secret) => ({ password: secret, username: Option.getOrUndefined(username) }))
  )
)

/** Reads the settings again. */
export class Reload extends Context.Service<
  Reload,
  {
    /**
     * Reads and verifies all of them, and puts in force what may change: `Tuning`'s, and who logs in to Redis. If one is
     * wrong nothing changes, and the error names every one that is.
     */
    readonly run: Effect.Effect<Adopted, SettingError>
    /** Who logs in to Redis, now and after each change; none where the settings name nobody. */
    readonly credentials: Option.Option<Stream.Stream<RedisConfig.Credentials>>
  }
>()("@letletme/warmer/Reload") {
  static readonly layer = (file: Option.Option<string>) =>
    Layer.effect(
      this,
      Effect.gen(function* () {
        const tuning = yield* Tuning
        const files = yield* FileSystem.FileSystem
        const first = yield* credentials
        const login = yield* SubscriptionRef.make(first)

        const run = Effect.gen(function* () {
          const provider = yield* Effect.provideService(providerOf(file), FileSystem.FileSystem, files)
          const { settings, user } = yield* Config.all({ settings: CacheConfig.config, user: credentials })
            .parse(provider)
            .pipe(Effect.mapError(({ message }) => new SettingError({ message })))
          if (!Equal.equals(user, yield* SubscriptionRef.get(login))) yield* SubscriptionRef.set(login, user)
          return yield* tuning.adopt(settings)
        }).pipe(Effect.withSpan("Reload"))

        return Reload.of({
          run,
          credentials: Option.map(first, () =>
            Stream.flattenIterable(Stream.map(SubscriptionRef.changes(login), Option.toArray))
          )
        })
      })
    )

  /** Runs a program with the settings of the environment and of the file, if one is named. */
  static readonly withSettings =
    (file: Option.Option<string>) =>
    <A, E, R>(program: Effect.Effect<A, E, R>) =>
      Effect.flatMap(providerOf(file), (provider) =>
        Effect.provideService(program, ConfigProvider.ConfigProvider, provider)
      )
}

/** Says what came of a reload, in a line. */
const tell = ({ applied, waiting }: Adopted) =>
  Effect.logInfo(
    `Settings were read again: ${applied.join(", ") || "nothing"} changed${waiting.length === 0 ? "" : `; ${waiting.join(", ")} wait for a restart`}`
  )

/** Reads the settings, and logs what came of it. What was in force stays so where they are wrong. */
export const reloadNow = Reload.use(({ run }) => run).pipe(
  Effect.flatMap(tell),
  Effect.catch(({ message }) => Effect.logWarning(`Settings stay as they are: ${message}`))
)

/** Reads them on each `SIGHUP`, until its scope closes. */
export const onSignal = Effect.gen(function* () {
  const signals = yield* Queue.sliding<void>(1)
  const listen = () => {
    Queue.offerUnsafe(signals, undefined)
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => process.on("SIGHUP", listen)),
    () => Effect.sync(() => process.off("SIGHUP", listen))
  )
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Queue.take(signals), reloadNow)))
})
