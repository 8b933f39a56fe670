/**
 * The users that servers of the tests know: one for each namespace, permitted what `Acl.rules` permits and nothing else.
 */
import { Acl } from "@letletme/cache"
import { Redacted } from "effect"

const namespaces = ["letletme", "test", "heard", "relay", "sealed"]

/** The password of all of them. */
export const secret = "not-for-any-log"

/** Their names and rules, as `ACL SETUSER` takes them. */
export const users = (options: { readonly cluster?: boolean } = {}): ReadonlyArray<ReadonlyArray<string>> =>
  namespaces.map((namespace) => [namespace, "on", `>${secret}`, ...Acl.rules({ ...options, namespace })])

/** The user of the sentinels. */
export const watcher = ["watcher", "on", `>${secret}`, ...Acl.sentinelRules]

/** How to log in as the user of that name. */
export const login = (username: string) => ({ username, password: Redacted.make(secret) })
