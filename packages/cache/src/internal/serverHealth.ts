/**
 * Whether a Redis server is one that the cache can live on: version, role, memory, persistence, replicas, events.
 */
import { Effect } from "effect"
import { type Finding, type Looked, of, type Skipped, when } from "./findings.ts"
import { type Server, settingsOf } from "./server.ts"

const oldest = 6.2

const version = ({ info, name }: Server): ReadonlyArray<Finding> => {
  const stated = info("redis_version")
  return when(info("valkey_version") === "" && Number.parseFloat(stated) < oldest, () =>
    of("version").error(`${name} is Redis ${stated}.`, "Run Redis 6.2 or newer, or Valkey.")
  )
}

/** How the server is meant to be used. */
export interface Use {
  /** By a client that knows of the cluster. */
  readonly isCluster: boolean
  /** Replicas answer reads. */
  readonly readsReplicas: boolean
}

const role = ({ info, name }: Server, use: Use): ReadonlyArray<Finding> => {
  const { error } = of("role")
  return [
    ...when(info("role") === "slave", () =>
      error(
        `${name} is a replica of ${info("master_host")}:${info("master_port")}, and takes no writes.`,
        "Set REDIS_URL or REDIS_HOST to the primary, or REDIS_SENTINELS, so that it is found."
      )
    ),
    ...when(info("redis_mode") === "cluster" && !use.isCluster, () =>
      error(
        `${name} is a node of a cluster, and serves a part of the keys only.`,
        "Set REDIS_CLUSTER to the addresses of its nodes."
      )
    )
  ]
}

// Above this share of what it may use, a server that evicts nothing is about to refuse writes.
const nearlyFull = 0.9

const memory = ({ count, info, name }: Server): ReadonlyArray<Finding> => {
  const { error, warning } = of("memory policy")
  const policy = info("maxmemory_policy")
  const [limit, used] = [count("maxmemory"), count("used_memory")]
  return [
    ...when(policy.startsWith("allkeys"), () =>
      error(
        `${name} has ${policy}: it may evict the table of the log, and then everything is loaded anew.`,
        "CONFIG SET maxmemory-policy volatile-lru: it evicts entries, and neither table nor log."
      )
    ),
    ...when(limit === 0, () =>
      warning(
        `${name} has no maxmemory: it grows until the machine ends it.`,
        "CONFIG SET maxmemory 256mb, or what the machine has to spare."
      )
    ),
    ...when(limit > 0 && policy === "noeviction" && used > limit * nearlyFull, () =>
      error(
        `${name} uses ${Math.round((used / limit) * 100)} % of its maxmemory and evicts nothing: it is about to refuse writes.`,
        "CONFIG SET maxmemory-policy volatile-lru, or raise maxmemory."
      )
    )
  ]
}

// What INFO does not tell.
const asked = ["save", "appendfsync", "notify-keyspace-events"] as const
type Settings = ReadonlyMap<string, string> | undefined

const persistence = ({ count, info, name }: Server, settings: Settings): ReadonlyArray<Finding> => {
  const { error, warning } = of("persistence")
  const hasFile = count("aof_enabled") === 1
  const failed = [
    ...(info("rdb_last_bgsave_status") === "err" ? ["RDB snapshot"] : []),
    ...(hasFile && info("aof_last_write_status") === "err" ? ["append to the AOF"] : [])
  ]
  return [
    ...failed.map((what) =>
      error(
        `The last ${what} of ${name} failed: until one succeeds it refuses all writes.`,
        "See its log; most often its disk is full, or its folder may not be written."
      )
    ),
    ...when(!hasFile && settings?.get("save") === "", () =>
      warning(
        `${name} keeps nothing over a restart (no appendonly, no save): every entry is then loaded from the source.`,
        "CONFIG SET appendonly yes: after a restart `verify --repair` then stamps entries anew, and loads none."
      )
    ),
    ...when(hasFile && settings?.get("appendfsync") === "always", () =>
      warning(
        `${name} waits for the disk at every write (appendfsync always).`,
        "CONFIG SET appendfsync everysec: what a crash loses is found out, and loaded anew."
      )
    )
  ]
}

const events = ({ name }: Server, settings: Settings): ReadonlyArray<Finding> => {
  const kinds = settings?.get("notify-keyspace-events") ?? ""
  return when(kinds !== "", () =>
    of("events").warning(
      `${name} publishes events of keys (notify-keyspace-events ${kinds}): each write takes longer for it, and the cache listens to none.`,
      'CONFIG SET notify-keyspace-events "", unless another program needs them.'
    )
  )
}

const mostBytesBehind = 1024 * 1024
const mostSecondsBehind = 10

const replicas = (
  { count, info, name, replicas: followers }: Server,
  { isCluster, readsReplicas }: Use
): ReadonlyArray<Finding> => {
  const { warning } = of("replicas")
  const late = followers.filter(
    ({ lag, offset, state }) =>
      state !== "online" ||
      Number(lag) > mostSecondsBehind ||
      count("master_repl_offset") - Number(offset) > mostBytesBehind
  )
  return [
    ...late.map(({ ip = "", lag = "", offset = "0", port = "", state = "" }) =>
      warning(
        `The replica ${ip}:${port} of ${name} is behind: ${state}, ${count("master_repl_offset") - Number(offset)} bytes, last heard of ${lag} s ago.`,
        "Look at its load and at the network between them; what a failover to it loses is loaded anew."
      )
    ),
    // In a cluster a primary that the majority does not see stops by itself.
    ...when(followers.length > 0 && !isCluster && info("min_slaves_good_slaves") === "", () =>
      warning(
        `${name} takes writes without its replicas: parted from them, it acknowledges what a failover then loses.`,
        "CONFIG SET min-replicas-to-write 1, and min-replicas-max-lag 10: parted, it refuses to, and who writes knows."
      )
    ),
    ...when(readsReplicas && followers.length === 0, () =>
      warning(
        `REDIS_READ_FROM says replica, and ${name} has none: each read tries for one first.`,
        "Add a replica, or set REDIS_READ_FROM=primary."
      )
    )
  ]
}

/** Looks at one server. */
export const health = Effect.fnUntraced(function* (server: Server, use: Use): Effect.fn.Return<Looked> {
  const settings = yield* settingsOf(server, asked)
  const because = `${server.name} does not let this user ask CONFIG GET.`
  const skipped: ReadonlyArray<Skipped> =
    settings === undefined ? ["persistence", "events"].map((check) => ({ check, because })) : []
  const findings = [
    ...version(server),
    ...role(server, use),
    ...memory(server),
    ...persistence(server, settings),
    ...events(server, settings),
    ...replicas(server, use)
  ]
  return { findings, skipped }
})
