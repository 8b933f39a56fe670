/**
 * What every command is told: where entries are kept, where data comes from, and how to answer.
 */
import { ExitCode } from "@letletme/command"
import { Config, Effect, Option, Result, Runtime, Schema } from "effect"
import { Flag } from "effect/cli"
import { RedisConfig } from "@letletme/redis"
import { Season } from "@letletme/fpl"

/** The flags that all commands share. */
export const flags = {
  store: Flag.String("store").pipe(
    Flag.withDescription(
      'Where entries are kept: "memory", or a URL such as redis://localhost:6379 (default: what REDIS_URL or its like say, else memory)'
    ),
    Flag.optional
  ),
  database: Flag.String("database").pipe(
    Flag.withDescription(
      'Where the season is kept: "memory", a folder for an embedded Postgres, or a URL such as postgres://localhost/fpl (default: DATABASE_URL, else memory)'
    ),
    Flag.optional
  ),
  source: Flag.String("source").pipe(
    Flag.withDescription(
      'Where data comes from: "simulated" (default), "fpl" (the API), or a folder of recorded snapshots'
    ),
    Flag.withDefault("simulated")
  ),
  season: Flag.String("season").pipe(
    Flag.withDescription(
      "The season, such as 2025-26, that the data has to be of (default: FPL_SEASON, else what the data states)"
    ),
    Flag.withSchema(Season.Season),
    Flag.optional
  ),
  deductions: Flag.FileText("deductions").pipe(
    Flag.withDescription('A JSON file of points taken from teams, such as { "Everton": 8 }'),
    Flag.optional
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Answer with one JSON document on standard output"),
    Flag.withDefault(false)
  )
}

/** The shared flags as a command receives them. */
export interface Shared {
  readonly store: Option.Option<string>
  readonly database: Option.Option<string>
  readonly source: string
  readonly season: Option.Option<Season.Season>
  readonly deductions: Option.Option<string>
  readonly json: boolean
}

/** A setting is wrong: the message names it and says what is expected. */
export class SettingError extends Schema.TaggedError<SettingError>()("SettingError", { message: Schema.String }) {
  override readonly [Runtime.errorExitCode] = ExitCode.usage
}

/** Where entries are kept. */
export type Store = { readonly _tag: "Memory" } | { readonly _tag: "Redis"; readonly config: RedisConfig.RedisConfig }

/** With any of these set there is a Redis. */
const whereRedisIs = ["REDIS_URL", "REDIS_HOST", "REDIS_SENTINELS", "REDIS_CLUSTER"]

/** The store that a flag or the environment names. */
export const storeOf = Effect.fnUntraced(function* (stated: Option.Option<string>) {
  if (Option.isNone(stated)) {
    const stated = yield* Effect.forEach(whereRedisIs, (name) => Config.option(Config.Redacted(name)))
    return stated.every(Option.isNone)
      ? ({ _tag: "Memory" } satisfies Store)
      : ({ _tag: "Redis", config: yield* RedisConfig.config } satisfies Store)
  }
  if (stated.value === "memory") return { _tag: "Memory" } satisfies Store
  const url = RedisConfig.fromUrl(stated.value)
  if (Result.isFailure(url)) return yield* new SettingError({ message: `--store: ${url.failure}` })
  if (url.success.password !== undefined) {
    const message = "--store: a password there is seen by all who list processes: state it in REDIS_PASSWORD."
    return yield* new SettingError({ message })
  }
  // The flag says where; time-outs, certificates and the like are the environment's.
  const environment = yield* RedisConfig.config
  const tls = url.success.tls === undefined ? undefined : (environment.tls ?? url.success.tls)
  const user = { username: url.success.username ?? environment.username, password: environment.password }
  return { _tag: "Redis", config: { ...environment, ...url.success, ...user, tls } } satisfies Store
})

/** The store in a few words, without its password. */
export const describeStore = (store: Store): string => {
  if (store._tag === "Memory") return "memory"
  const { host, port, topology } = store.config
  switch (topology._tag) {
    case "Standalone":
      return `redis at ${host}:${port}`
    case "Sentinel":
      return `redis, the primary "${topology.name}" of ${topology.sentinels.length} sentinels`
    case "Cluster":
      return `redis, a cluster, by way of ${topology.nodes.map((node) => `${node.host}:${node.port}`).join(", ")}`
  }
}

const Points = Schema.Record(Schema.String, Schema.Int)
const DeductionsFile = Schema.fromJsonString(Schema.Union([Schema.Struct({ deductions: Points }), Points]))
const decodeDeductions = Schema.decodeUnknownEffect(DeductionsFile)

/** Reads the file of deductions: the points by team, alone or in a field `deductions`. */
export const deductionsOf = Effect.fnUntraced(function* (text: Option.Option<string>) {
  if (Option.isNone(text)) return {}
  const decoded = yield* Effect.mapError(
    decodeDeductions(text.value),
    (error) => new SettingError({ message: `--deductions: ${error.message}` })
  )
  const isFile = (file: typeof decoded): file is { readonly deductions: typeof Points.Type } =>
    typeof file["deductions"] === "object"
  return isFile(decoded) ? decoded.deductions : decoded
})

/** The season stated by a flag or the environment, if any. */
export const seasonOf = Effect.fnUntraced(function* (stated: Option.Option<Season.Season>) {
  return Option.isSome(stated)
    ? stated.value
    : Option.getOrUndefined(yield* Config.option(Config.schema(Season.Season, "FPL_SEASON")))
})
