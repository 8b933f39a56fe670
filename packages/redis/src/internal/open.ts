/**
 * The ioredis client of a configuration: of one server, of the primary that sentinels name, or of a cluster.
 */
import { Redacted } from "effect"
import { Cluster, Redis, type RedisOptions } from "ioredis"
import type { Address, RedisConfig } from "../RedisConfig.ts"
import type { Purpose } from "./Client.ts"
import * as stringMethods from "./stringMethods.ts"

type Sentinels = Extract<RedisConfig["topology"], { readonly _tag: "Sentinel" }>

/** A sentinel, and whom it watches. */
export interface Watched {
  readonly topology: Sentinels
  readonly sentinel: Address
}

type RetryStrategy = (attempt: number) => number | null

// What a cluster cannot answer while it changes is asked again so soon (ms), and five times at most.
const again = 50

const secret = (name: "password" | "sentinelPassword", value: Redacted.Redacted<string> | undefined) =>
  value === undefined ? {} : { [name]: Redacted.value(value) }

const secure = ({ tls }: RedisConfig) =>
  tls === undefined
    ? undefined
    : {
        rejectUnauthorized: tls.rejectUnauthorized,
        ...(tls.ca === undefined ? {} : { ca: tls.ca }),
        ...(tls.cert === undefined ? {} : { cert: tls.cert }),
        ...(tls.key === undefined ? {} : { key: Redacted.value(tls.key) }),
        ...(tls.serverName === undefined ? {} : { servername: tls.serverName })
      }

/** A short connection to one sentinel. */
export const openSentinel = (config: RedisConfig, { sentinel, topology }: Watched): Redis => {
  const tls = secure(config)
  return new Redis({
    host: sentinel.host,
    port: sentinel.port,
    family: config.family,
    ...(topology.username === undefined ? {} : { username: topology.username }),
    ...secret("password", topology.password),
    ...(tls === undefined ? {} : { tls }),
    connectTimeout: config.connectTimeout,
    commandTimeout: config.commandTimeout,
    disableClientInfo: true,
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: null
  })
}

/** Makes the client; it does not connect yet. Of sentinels, it tells each address that they gave it. */
export const open = (
  config: RedisConfig,
  purpose: Purpose,
  retryStrategy: RetryStrategy,
  onResolved: (address: string) => void
): Redis | Cluster => {
  stringMethods.restore()
  const { topology } = config
  const tls = secure(config)
  const common = {
    family: config.family,
    ...(config.username === undefined ? {} : { username: config.username }),
    ...secret("password", config.password),
    ...(tls === undefined ? {} : { tls }),
    connectionName: purpose.name,
    // Servers before 7.2 do not know it, and an ACL for them cannot permit it.
    disableClientInfo: true,
    protocol: 2,
    connectTimeout: config.connectTimeout,
    ...(purpose.isBlocking ? {} : { commandTimeout: config.commandTimeout }),
    maxRetriesPerRequest: purpose.isBlocking ? 0 : config.maxRetriesPerRequest,
    // What hangs does not close its end.
    disconnectTimeout: 250,
    autoResubscribe: true,
    autoResendUnfulfilledCommands: false
  } satisfies RedisOptions
  const isReplica = purpose.role === "replica"
  switch (topology._tag) {
    case "Standalone":
      return new Redis({
        ...common,
        host: config.host,
        port: config.port,
        db: config.db,
        lazyConnect: true,
        retryStrategy
      })
    case "Sentinel":
      return new Redis({
        ...common,
        db: config.db,
        lazyConnect: true,
        retryStrategy,
        sentinels: [...topology.sentinels],
        name: topology.name,
        role: isReplica ? "slave" : "master",
        sentinelRetryStrategy: retryStrategy,
        natMap: (address) => {
          onResolved(address)
          return null
        },
        ...(topology.username === undefined ? {} : { sentinelUsername: topology.username }),
        ...secret("sentinelPassword", topology.password),
        ...(tls === undefined ? {} : { sentinelTLS: tls, enableTLSForSentinelMode: true }),
        // A former primary that does not know it yet still answers: it is left as soon as a sentinel tells of another.
        failoverDetector: true,
        // One that was demoted is left; the command fails, and its caller may try again.
        reconnectOnError: (error) => error.message.includes("READONLY")
      })
    case "Cluster":
      return new Cluster([...topology.nodes], {
        redisOptions: common,
        lazyConnect: true,
        clusterRetryStrategy: retryStrategy,
        scaleReads: isReplica ? "slave" : "master",
        slotsRefreshTimeout: config.connectTimeout,
        slotsRefreshInterval: 2_000,
        maxRedirections: 6,
        // What was to be waited for is asked anew by the caller, who knows whether it still wants it.
        retryDelayOnFailover: purpose.isBlocking ? 0 : again,
        retryDelayOnClusterDown: again,
        retryDelayOnTryAgain: again
      })
  }
}
