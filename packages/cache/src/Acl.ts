/**
 * The least that a Redis user of the cache must be permitted.
 *
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/
 */

// What the cache sends, and what its scripts call.
const commands = [
  ..."get mget set del unlink scan getrange eval evalsha".split(" "),
  ..."hget hmget hgetall hset hdel xadd xrange xrevrange xread time info".split(" ")
]

// The name of a connection. The client goes on where that is refused, but the refusals would fill the ACL log.
const introduction = "client|setname"

// What the client asks of a cluster. A node is told whether it is to answer as a replica, which a failover changes, and
// that it was named by another one, from which a slot moves to it.
const ofCluster = ["cluster|slots", "cluster|info", "readonly", "readwrite", "asking"]

/** What the rules have to allow for. */
export interface Options {
  readonly namespace: string
  /** The keys are spread over a cluster. Default: false. */
  readonly cluster?: boolean
  /** The number of the database, where it is not 0. */
  readonly db?: number
}

/**
 * The rules of a user of one namespace, as `ACL SETUSER name …` takes them, without a password: its keys, no channels,
 * and the commands that the cache sends. `QUIT`, `AUTH` and `HELLO` need no permission.
 *
 * @example
 * ```ts
 * import { Acl } from "@letletme/cache"
 *
 * Acl.rules({ namespace: "fpl" }).join(" ") // "resetkeys ~fpl:* ~{fpl}:* resetchannels -@all +get …"
 * ```
 */
export const rules = ({ cluster = false, db = 0, namespace }: Options): ReadonlyArray<string> => [
  "resetkeys",
  `~${namespace}:*`,
  `~{${namespace}}:*`,
  "resetchannels",
  "-@all",
  ...[...commands, introduction, ...(cluster ? ofCluster : []), ...(db === 0 ? [] : ["select"])].map(
    (command) => `+${command}`
  )
]

/** The rules of a user that asks the sentinels where the primary is, and is told of a failover: it has no keys. */
export const sentinelRules: ReadonlyArray<string> = [
  "resetkeys",
  "resetchannels",
  "&+switch-master",
  "-@all",
  `+${introduction}`,
  "+info",
  "+subscribe",
  "+sentinel|get-master-addr-by-name",
  "+sentinel|sentinels",
  "+sentinel|slaves"
]
