/**
 * How the servers of a run stand to one another, how processes reach them, and what may befall them.
 */
import type { RedisError } from "@letletme/redis"
import { RedisCluster, type RedisClusterError } from "@letletme/testing/RedisCluster"
import { RedisSentinel, type RedisSentinelError } from "@letletme/testing/RedisSentinel"
import type { RedisServerError } from "@letletme/testing/RedisServer"
import * as TcpProxy from "@letletme/testing/TcpProxy"
import { type Config, Context, Effect, Layer, type Scope } from "effect"
import * as Faults from "./Faults.ts"
import type { Way } from "./Fleet.ts"
import type { Target } from "./Messages.ts"
import * as Servers from "./Servers.ts"

type Failure =
  | Servers.ServersError
  | RedisServerError
  | RedisClusterError
  | RedisSentinelError
  | RedisError
  | TcpProxy.TcpProxyError
  | Config.ConfigError

/** A topology whose servers are of this kind. */
export interface Topology<S> {
  /** Starts the servers. */
  readonly start: Effect.Effect<S, Failure, Scope.Scope>
  /** Makes the way of one process to them. */
  readonly way: (servers: S) => Effect.Effect<Way, TcpProxy.TcpProxyError, Scope.Scope>
  readonly faults: Readonly<Record<string, Faults.Fault<S>>>
}

const host = "127.0.0.1"

/** A primary and its replica; each process has a proxy of its own before the primary. */
const standalone: Topology<Servers.Servers> = {
  start: Servers.make,
  way: (servers) =>
    Effect.map(TcpProxy.make(servers.primary().process.port), (proxy) => ({
      target: { _tag: "Standalone", host, port: proxy.port },
      proxy
    })),
  faults: Faults.standalone
}

const direct = (target: Target) => Effect.succeed({ target, proxy: undefined })

/** Three primaries, and a replica of each. */
const cluster: Topology<RedisCluster["Service"]> = {
  start: Effect.map(Layer.build(RedisCluster.layer), Context.get(RedisCluster)),
  way: ({ addresses }) => direct({ _tag: "Cluster", nodes: addresses }),
  faults: Faults.cluster
}

/** A primary, two replicas, three sentinels. */
const sentinel: Topology<RedisSentinel["Service"]> = {
  start: Effect.map(Layer.build(RedisSentinel.layer), Context.get(RedisSentinel)),
  way: ({ name, sentinels }) => direct({ _tag: "Sentinel", name, sentinels }),
  faults: Faults.sentinel
}

/** All of them. */
export const byName = { standalone, sentinel, cluster }
