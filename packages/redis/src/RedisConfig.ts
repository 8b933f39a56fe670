/**
 * How to reach Redis: decoded from the environment, or from a URL.
 */
import { Config, Duration, Option, Redacted, Result, Schedule, Schema, type Stream } from "effect"

/** TLS settings. Certificates are PEM text. */
export interface Tls {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: Redacted.Redacted<string> | undefined
  readonly serverName?: string | undefined
  /** Whether a certificate that does not verify ends the connection. Turn it off in development only. */
  readonly rejectUnauthorized: boolean
}

/** Where a server listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

/**
 * How the servers stand to one another.
 *
 * - `Standalone`: one server, at `host` and `port`.
 * - `Sentinel`: the sentinels say which server is the primary now.
 *   @see https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/
 * - `Cluster`: keys are spread over primaries by slot; any of `nodes` tells of the others.
 *   @see https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
 */
export type Topology =
  | { readonly _tag: "Standalone" }
  | {
      readonly _tag: "Sentinel"
      /** The name under which the sentinels know the primary. */
      readonly name: string
      readonly sentinels: ReadonlyArray<Address>
      readonly username?: string | undefined
      readonly password?: Redacted.Redacted<string> | undefined
    }
  | { readonly _tag: "Cluster"; readonly nodes: ReadonlyArray<Address> }

/** Who a connection logs in as. */
export interface Credentials {
  readonly username?: string | undefined
  readonly password: Redacted.Redacted<string>
}

/** Where Redis is, and how long to wait for it. Times are milliseconds. */
export interface RedisConfig {
  readonly topology: Topology
  /**
   * Which servers `get` and `mget` ask. A replica may be behind, and is asked for nothing else. Where none is there the
   * primary answers.
   */
  readonly readFrom: "primary" | "replica"
  /** Host name or address of a standalone server. */
  readonly host: string
  /** Its TCP port. */
  readonly port: number
  readonly username?: string | undefined
  readonly password?: Redacted.Redacted<string> | undefined
  /**
   * Who to log in as, where that changes while the process runs: it goes before `username` and `password`. The first
   * element is waited for; with each further one the connections log in anew, without a break.
   */
  readonly credentials?: Stream.Stream<Credentials> | undefined
  /** Number of the database. */
  readonly db: number
  readonly tls?: Tls | undefined
  /** 4 or 6 to prefer one family of addresses; 0 for either. */
  readonly family: 0 | 4 | 6
  /** How often a command is sent again over a new connection before it fails. */
  readonly maxRetriesPerRequest: number
  /** How long a connection may take to be made (ms). */
  readonly connectTimeout: number
  /** How long a command may take, also while there is no connection (ms). */
  readonly commandTimeout: number
  /**
   * How many commands may wait for an answer on one connection: about as many as a server answers within
   * `commandTimeout`. One more is not sent: `Overloaded`.
   */
  readonly maxInFlight: number
  /** How many connections may be open. One more is refused: `Overloaded`. In a cluster each has a socket to each node. */
  readonly maxConnections: number
  /** How many keys one command takes, and how many commands of a pipeline go at once. More are split. */
  readonly keysPerCommand: number
  /** When to connect anew: each step's delay is one wait. When it ends, the connection is given up. */
  readonly retry: Schedule.Schedule<unknown>
  /** Starts without waiting for the server. Default: false. A layer then builds while Redis is away. */
  readonly lazy: boolean
}

/** Exponential from 50 ms to 300 ms, with jitter, without end: who is back is found within half a second. */
export const defaultRetry: Schedule.Schedule<unknown> = Schedule.min([
  Schedule.exponential("50 millis"),
  Schedule.spaced("300 millis")
]).pipe(Schedule.jittered)

const defaults: RedisConfig = {
  topology: { _tag: "Standalone" },
  readFrom: "primary",
  host: "127.0.0.1",
  port: 6379,
  db: 0,
  family: 0,
  maxRetriesPerRequest: 1,
  connectTimeout: 5_000,
  commandTimeout: 1_000,
  maxInFlight: 50_000,
  maxConnections: 256,
  keysPerCommand: 1_000,
  retry: defaultRetry,
  lazy: false
}

const Port = Schema.NumberFromString.pipe(
  Schema.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum: 65_535 }))
)
const Db = Schema.NumberFromString.pipe(Schema.check(Schema.isInt(), Schema.isBetween({ minimum: 0, maximum: 65_535 })))
const Count = Schema.NumberFromString.pipe(Schema.check(Schema.isInt(), Schema.isGreaterThanOrEqualTo(0)))
const Bound = Schema.NumberFromString.pipe(Schema.check(Schema.isInt(), Schema.isGreaterThan(0)))
const Length = Schema.DurationFromString.pipe(
  Schema.check(
    Schema.makeFilter((length) => Duration.isPositive(length) || "Expected a length above zero, such as 500 millis")
  )
)

const decodePort = Schema.decodeUnknownOption(Port)

/** Reads `host:port`, or `[address]:port`. */
const addressFrom = (text: string): Option.Option<Address> => {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d+)$/.exec(text.trim()) ?? []
  const host = bracketed ?? plain
  return host === undefined ? Option.none() : Option.map(decodePort(digits), (port) => ({ host, port }))
}
const Addresses = Schema.String.pipe(
  Schema.check(
    Schema.makeFilter(
      (text) =>
        text.split(",").every((one) => Option.isSome(addressFrom(one))) ||
        "Expected addresses such as 10.0.0.1:6379,10.0.0.2:6379"
    )
  )
)

const UrlParts = Schema.Struct({
  protocol: Schema.Literals(["redis:", "rediss:"]),
  hostname: Schema.NonEmptyString,
  port: Schema.Union([Schema.Literal(""), Port]),
  username: Schema.String,
  password: Schema.String,
  pathname: Schema.String.pipe(
    Schema.check(Schema.isPattern(/^\/?\d{0,5}$/, { message: "Expected the number of a database, such as /0" }))
  )
})
const decodeParts = Schema.decodeUnknownResult(UrlParts)

/** What a URL states of a configuration. */
export type FromUrl = Pick<RedisConfig, "host" | "port" | "username" | "password" | "db" | "tls">

/**
 * Reads `redis://user:password@host:port/db`, or `rediss://` for TLS. What is wrong is named; the password never is.
 *
 * @example
 * ```ts
 * import { Result } from "effect"
 * import { RedisConfig } from "@letletme/redis"
 *
 * Result.isSuccess(RedisConfig.fromUrl("redis://localhost:6380/1")) // true
 * Result.isSuccess(RedisConfig.fromUrl("http://localhost")) // false: the protocol is named
 * ```
 */
export const fromUrl = (text: string): Result.Result<FromUrl, string> => {
  const url = URL.parse(text)
  if (url === null) return Result.fail("Expected a URL such as redis://localhost:6379")
  const { protocol, port, username, password, pathname } = url
  const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1")
  const decoded = decodeParts({ protocol, hostname, port, username, password, pathname })
  if (Result.isFailure(decoded)) return Result.fail(decoded.failure.message)
  const parts = decoded.success
  return Result.try({
    try: (): FromUrl => ({
      host: parts.hostname,
      port: parts.port === "" ? defaults.port : parts.port,
      username: parts.username === "" ? undefined : decodeURIComponent(parts.username),
      password: parts.password === "" ? undefined : Redacted.make(decodeURIComponent(parts.password)),
      db: Number(parts.pathname.slice(1)),
      tls: parts.protocol === "rediss:" ? { rejectUnauthorized: true } : undefined
    }),
    catch: () => "Expected the user and password percent-encoded"
  })
}

/** A whole configuration from what is stated; the rest keeps its default. */
export const make = (stated: Partial<RedisConfig>): RedisConfig => ({ ...defaults, ...stated })

const Url = Schema.Redacted(
  Schema.String.pipe(
    Schema.check(
      Schema.makeFilter((text) => {
        const parsed = fromUrl(text)
        return Result.isSuccess(parsed) || parsed.failure
      })
    )
  )
)

const optional = <A>(config: Config.Config<A>) => Config.withDefault(config, undefined)

const addresses = (name: string) =>
  optional(
    Config.map(Config.schema(Addresses, name), (text) =>
      text.split(",").flatMap((one) => Option.toArray(addressFrom(one)))
    )
  )

const bound = (name: string, fallback: number) => Config.withDefault(Config.schema(Bound, name), fallback)

const variables = Config.all({
  cluster: addresses("REDIS_CLUSTER"),
  sentinels: addresses("REDIS_SENTINELS"),
  sentinelName: Config.withDefault(Config.schema(Schema.NonEmptyString, "REDIS_SENTINEL_NAME"), "mymaster"),
  sentinelUsername: optional(Config.schema(Schema.NonEmptyString, "REDIS_SENTINEL_USERNAME")),
  sentinelPassword: optional(Config.Redacted("REDIS_SENTINEL_PASSWORD")),
  readFrom: Config.withDefault(
    Config.schema(Schema.Literals(["primary", "replica"]), "REDIS_READ_FROM"),
    defaults.readFrom
  ),
  url: optional(Config.schema(Url, "REDIS_URL")),
  host: optional(Config.schema(Schema.NonEmptyString, "REDIS_HOST")),
  port: optional(Config.schema(Port, "REDIS_PORT")),
  username: optional(Config.schema(Schema.NonEmptyString, "REDIS_USERNAME")),
  password: optional(Config.Redacted("REDIS_PASSWORD")),
  db: optional(Config.schema(Db, "REDIS_DB")),
  tls: optional(Config.Boolean("REDIS_TLS")),
  tlsCa: optional(Config.String("REDIS_TLS_CA")),
  tlsCert: optional(Config.String("REDIS_TLS_CERT")),
  tlsKey: optional(Config.Redacted("REDIS_TLS_KEY")),
  tlsServerName: optional(Config.String("REDIS_TLS_SERVER_NAME")),
  tlsRejectUnauthorized: Config.withDefault(Config.Boolean("REDIS_TLS_REJECT_UNAUTHORIZED"), true),
  family: Config.withDefault(Config.schema(Schema.Literals(["0", "4", "6"]), "REDIS_FAMILY"), "0"),
  maxRetriesPerRequest: Config.withDefault(
    Config.schema(Count, "REDIS_MAX_RETRIES_PER_REQUEST"),
    defaults.maxRetriesPerRequest
  ),
  connectTimeout: Config.withDefault(
    Config.schema(Length, "REDIS_CONNECT_TIMEOUT"),
    Duration.millis(defaults.connectTimeout)
  ),
  commandTimeout: Config.withDefault(
    Config.schema(Length, "REDIS_COMMAND_TIMEOUT"),
    Duration.millis(defaults.commandTimeout)
  ),
  maxInFlight: bound("REDIS_MAX_IN_FLIGHT", defaults.maxInFlight),
  maxConnections: bound("REDIS_MAX_CONNECTIONS", defaults.maxConnections),
  keysPerCommand: bound("REDIS_KEYS_PER_COMMAND", defaults.keysPerCommand),
  lazy: Config.withDefault(Config.Boolean("REDIS_LAZY"), false)
})

const topologyOf = (given: {
  readonly cluster: ReadonlyArray<Address> | undefined
  readonly sentinels: ReadonlyArray<Address> | undefined
  readonly sentinelName: string
  readonly sentinelUsername: string | undefined
  readonly sentinelPassword: Redacted.Redacted<string> | undefined
}): Topology => {
  if (given.cluster !== undefined) return { _tag: "Cluster", nodes: given.cluster }
  if (given.sentinels === undefined) return defaults.topology
  return {
    _tag: "Sentinel",
    name: given.sentinelName,
    sentinels: given.sentinels,
    username: given.sentinelUsername,
    password: given.sentinelPassword
  }
}

const families = { "0": 0, "4": 4, "6": 6 } as const

/**
 * Reads the configuration from `REDIS_URL`, or from `REDIS_HOST` and its like; a variable of its own goes before what
 * the URL says. `docs/redis.md` lists them.
 */
export const config: Config.Config<RedisConfig> = Config.map(variables, (given) => {
  const url: Partial<FromUrl> =
    given.url === undefined ? {} : Result.getOrElse(fromUrl(Redacted.value(given.url)), () => ({}))
  const usesTls = given.tls ?? (url.tls !== undefined || given.tlsCa !== undefined || given.tlsCert !== undefined)
  return make({
    topology: topologyOf(given),
    readFrom: given.readFrom,
    host: given.host ?? url.host ?? defaults.host,
    port: given.port ?? url.port ?? defaults.port,
    username: given.username ?? url.username,
    password: given.password ?? url.password,
    db: given.db ?? url.db ?? defaults.db,
    tls: usesTls
      ? {
          ca: given.tlsCa,
          cert: given.tlsCert,
          key: given.tlsKey,
          serverName: given.tlsServerName,
          rejectUnauthorized: given.tlsRejectUnauthorized
        }
      : undefined,
    family: families[given.family],
    maxRetriesPerRequest: given.maxRetriesPerRequest,
    connectTimeout: Duration.toMillis(given.connectTimeout),
    commandTimeout: Duration.toMillis(given.commandTimeout),
    maxInFlight: given.maxInFlight,
    maxConnections: given.maxConnections,
    keysPerCommand: given.keysPerCommand,
    lazy: given.lazy
  })
})
