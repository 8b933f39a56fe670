/**
 * What Redis, or the way to it, answers instead of a reply: one tagged error with a tagged reason.
 */
import { Schema } from "effect"

const fields = {
  /** The command's name. Its arguments may be secret and are not kept. */
  command: Schema.String,
  /** What Redis or the socket said. */
  detail: Schema.String
}

/** The connection is not there, or was lost before the reply. The command may or may not have been carried out. */
export class ConnectionLost extends Schema.TaggedError<ConnectionLost>()("ConnectionLost", fields) {
  readonly temporary = true
  override get message(): string {
    return `${this.command}: no connection to Redis (${this.detail}). Check that it runs and that host and port are right; the client keeps reconnecting.`
  }
}

/** No reply within the command time-out. The command may or may not have been carried out. */
export class Timeout extends Schema.TaggedError<Timeout>()("Timeout", fields) {
  readonly temporary = true
  override get message(): string {
    return `${this.command}: no reply from Redis in time (${this.detail}). Try again; if it persists, look for slow commands (SLOWLOG) or raise REDIS_COMMAND_TIMEOUT.`
  }
}

/** Redis does not accept the user or password, or does not permit the user this command. */
export class Auth extends Schema.TaggedError<Auth>()("Auth", fields) {
  readonly temporary = false
  override get message(): string {
    return `${this.command}: Redis refuses the user (${this.detail}). Correct REDIS_USERNAME and REDIS_PASSWORD, or the user's ACL.`
  }
}

/** The server is a replica that takes no writes: a failover is under way, or the address is that of a replica. */
export class ReadOnly extends Schema.TaggedError<ReadOnly>()("ReadOnly", fields) {
  readonly temporary = true
  override get message(): string {
    return `${this.command}: Redis takes no writes (${this.detail}). Try again after the failover, or connect to the primary.`
  }
}

/** Redis is at `maxmemory` and may not evict. */
export class OutOfMemory extends Schema.TaggedError<OutOfMemory>()("OutOfMemory", fields) {
  readonly temporary = true
  override get message(): string {
    return `${this.command}: Redis is out of memory (${this.detail}). Raise maxmemory, or allow eviction with volatile-lru.`
  }
}

/** The key lives on another node of a cluster, or the slot is not served now. */
export class Moved extends Schema.TaggedError<Moved>()("Moved", fields) {
  readonly temporary = true
  override get message(): string {
    return `${this.command}: the key is served elsewhere in the cluster (${this.detail}). Set REDIS_CLUSTER if it is one; else try again when it is well.`
  }
}

/** Redis is loading its data, running a long script, or has lost its primary, or the replicas without which it takes no writes. */
export class Busy extends Schema.TaggedError<Busy>()("Busy", fields) {
  readonly temporary = true
  override get message(): string {
    return `${this.command}: Redis is busy (${this.detail}). Try again shortly.`
  }
}

/** So much is under way already that the command was not sent, or the connection not made. */
export class Overloaded extends Schema.TaggedError<Overloaded>()("Overloaded", fields) {
  readonly temporary = true
  override get message(): string {
    return `${this.command}: it was not sent to Redis (${this.detail}). Try again shortly, do less at once, or raise the limit.`
  }
}

/** A script failed. */
export class Script extends Schema.TaggedError<Script>()("Script", fields) {
  readonly temporary = false
  override get message(): string {
    return `${this.command}: the script failed (${this.detail}). Mend the script, or what holds its keys.`
  }
}

/** The key holds another type of value: something else uses it. */
export class WrongType extends Schema.TaggedError<WrongType>()("WrongType", fields) {
  readonly temporary = false
  override get message(): string {
    return `${this.command}: the key holds another type of value (${this.detail}). Use a namespace that nothing else uses.`
  }
}

/** The reply does not have the form that was expected. */
export class Decode extends Schema.TaggedError<Decode>()("Decode", fields) {
  readonly temporary = false
  override get message(): string {
    return `${this.command}: the reply has an unexpected form (${this.detail}). Check that the server is Redis 6.2 or newer, or Valkey.`
  }
}

/** Redis refused the command for another reason. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", fields) {
  readonly temporary = false
  override get message(): string {
    return `${this.command}: Redis refuses the command (${this.detail}).`
  }
}

/** Why a command failed. Each reason is marked temporary (trying again may help) or not. */
export const Reason = Schema.Union([
  ConnectionLost,
  Timeout,
  Auth,
  ReadOnly,
  OutOfMemory,
  Moved,
  Busy,
  Overloaded,
  Script,
  WrongType,
  Decode,
  Refused
])
export type Reason = typeof Reason.Type

/**
 * The error of every command. Handle one reason with `Effect.catchReason("RedisError", "ReadOnly", …)`.
 */
export class RedisError extends Schema.TaggedError<RedisError>()("RedisError", { reason: Reason }) {
  override get message(): string {
    return this.reason.message
  }

  /** Whether trying again may help. */
  get isTemporary(): boolean {
    return this.reason.temporary
  }
}

type Make = (fields: { readonly command: string; readonly detail: string }) => Reason

// The error codes of Redis: the first word of an error reply.
const byCode: ReadonlyMap<string, Make> = new Map<string, Make>([
  ["NOAUTH", (f) => new Auth(f)],
  ["WRONGPASS", (f) => new Auth(f)],
  ["NOPERM", (f) => new Auth(f)],
  ["READONLY", (f) => new ReadOnly(f)],
  ["OOM", (f) => new OutOfMemory(f)],
  ["MOVED", (f) => new Moved(f)],
  ["ASK", (f) => new Moved(f)],
  ["TRYAGAIN", (f) => new Moved(f)],
  ["CROSSSLOT", (f) => new Moved(f)],
  ["CLUSTERDOWN", (f) => new Moved(f)],
  ["UNBLOCKED", (f) => new ReadOnly(f)],
  ["LOADING", (f) => new Busy(f)],
  ["BUSY", (f) => new Busy(f)],
  ["MASTERDOWN", (f) => new Busy(f)],
  ["NOREPLICAS", (f) => new Busy(f)],
  ["NOSCRIPT", (f) => new Script(f)],
  ["WRONGTYPE", (f) => new WrongType(f)]
])

const bySocket =
  /ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|Connection is closed|isn't writeable|max retries|connection.*(lost|closed)|certificate|self-signed|TLS|SSL/i

/** Tells which reason a failed command has, by the code that Redis answered or by what the client says. */
export const fromUnknown = (command: string, cause: unknown): RedisError => {
  const detail = cause instanceof Error ? cause.message : String(cause)
  const fields = { command, detail }
  const make = byCode.get(detail.split(" ", 1)[0] ?? "")
  if (make !== undefined) return new RedisError({ reason: make(fields) })
  // An error inside a script carries the code of the command that failed there, after the script's own words.
  const inner = /(?:WRONGTYPE|OOM|READONLY|NOPERM|NOREPLICAS)\b/.exec(detail)?.[0]
  const makeInner = inner === undefined ? undefined : byCode.get(inner)
  if (makeInner !== undefined) return new RedisError({ reason: makeInner(fields) })
  if (/timed? ?out/i.test(detail)) return new RedisError({ reason: new Timeout(fields) })
  if (bySocket.test(detail)) return new RedisError({ reason: new ConnectionLost(fields) })
  if (/script|@user_function|user_script/i.test(detail)) return new RedisError({ reason: new Script(fields) })
  if (/invalid password|no password is set|without any password/i.test(detail)) {
    return new RedisError({ reason: new Auth(fields) })
  }
  return new RedisError({ reason: new Refused(fields) })
}
