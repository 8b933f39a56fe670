/**
 * `acl`: what the Redis user of the cache must be permitted.
 */
import { Acl, CacheConfig } from "@letletme/cache"
import { RedisConfig } from "@letletme/redis"
import { Effect } from "effect"
import { answer } from "../Output.ts"

const setUser = (user: string, rules: ReadonlyArray<string>) =>
  `ACL SETUSER ${user} reset on >PASSWORD ${rules.join(" ")}`

/** Prints the commands that make the least-privileged user of this namespace; the password is for the reader to set. */
export const acl = Effect.fn("acl")(function* (json: boolean) {
  const { namespace } = yield* CacheConfig.config
  const { db, topology, username = namespace } = yield* RedisConfig.config
  const rules = Acl.rules({ namespace, db, cluster: topology._tag === "Cluster" })
  const sentinel =
    topology._tag === "Sentinel" ? { user: topology.username ?? username, rules: Acl.sentinelRules } : undefined
  yield* answer(json, { user: username, rules, sentinel: sentinel ?? null }, () =>
    [
      "# Put a password of your own in the place of PASSWORD.",
      setUser(username, rules),
      ...(sentinel === undefined ? [] : ["# On each sentinel:", setUser(sentinel.user, sentinel.rules)])
    ].join("\n")
  )
})
