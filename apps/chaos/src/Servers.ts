/**
 * The Redis servers: a primary and its replica, each a real process, and the commands that mistreat them.
 */
import { Redis, type RedisError } from "@letletme/redis"
import { RedisServer, type RedisServerError } from "@letletme/testing/RedisServer"
import * as TcpProxy from "@letletme/testing/TcpProxy"
import { type Config, Context, Effect, Layer, Schedule, Schema, type Scope } from "effect"

/** A server could not be brought to where a fault needs it. */
export class ServersError extends Schema.TaggedError<ServersError>()("ServersError", { message: Schema.String }) {}

/** A server, and a connection to it that no fault is between. */
export interface Server {
  readonly process: RedisServer["Service"]
  readonly redis: Redis["Service"]
}

export interface Servers {
  readonly primary: () => Server
  /** Waits until the primary answers commands. */
  readonly isBack: Effect.Effect<void, ServersError>
  /** What the server says of itself in `INFO`, such as `evicted_keys`. */
  readonly info: (server: Server, field: string) => Effect.Effect<string, ServersError>
  /** From here on the replica hears nothing of the primary, though neither notices. */
  readonly deafen: Effect.Effect<void, ServersError>
  /** Ends the primary without warning, and promotes the replica: what that has not heard of is lost. */
  readonly failOver: Effect.Effect<void, ServersError>
  /** Starts the server that ended, empty, as the replica of the other. */
  readonly replaceLost: Effect.Effect<void, ServersError | RedisServerError>
}

// Once a second would be the default: a run has not the time.
const args = ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"]

const server = Effect.gen(function* () {
  const own = yield* Layer.build(Layer.fresh(RedisServer.layerWith({ args })))
  const process = Context.get(own, RedisServer)
  const connection = yield* Layer.build(Layer.fresh(Redis.layer({ port: process.port, lazy: true })))
  return { process, redis: Context.get(connection, Redis) } satisfies Server
})

const toError = (what: string) => (cause: { readonly message: string }) =>
  new ServersError({ message: `${what}: ${cause.message}` })

const often = { schedule: Schedule.spaced("20 millis"), times: 500 }

/** Starts both, the one a replica of the other. */
export const make: Effect.Effect<
  Servers,
  ServersError | RedisServerError | TcpProxy.TcpProxyError | RedisError | Config.ConfigError,
  Scope.Scope
> = Effect.gen(function* () {
  let primary: Server = yield* server
  let replica: Server = yield* server
  // Replication goes over a line of its own, which may go dead.
  const line = yield* TcpProxy.make(primary.process.port)

  const info: Servers["info"] = (of, field) =>
    of.redis.send("INFO").pipe(
      Effect.mapError(toError(`Asking a server for ${field}`)),
      Effect.map((text) => new RegExp(`^${field}:(.*)$`, "m").exec(String(text))?.[1]?.trim() ?? "")
    )

  const awaitField = (of: () => Server, field: string, value: string) =>
    Effect.retry(
      Effect.filterOrFail(
        Effect.suspend(() => info(of(), field)),
        (found) => found === value,
        (found) => new ServersError({ message: `A server's ${field} stays "${found}" and does not become "${value}".` })
      ),
      often
    )

  const isCopied = Effect.asVoid(awaitField(() => replica, "master_link_status", "up"))

  const replicate = Effect.gen(function* () {
    yield* line.reset
    yield* line.switchTo(primary.process.port)
    yield* line.become({ _tag: "Open" })
    yield* Effect.mapError(replica.redis.send("REPLICAOF", "127.0.0.1", line.port), toError("Having a server follow"))
    yield* isCopied
  })

  yield* replicate

  return {
    primary: () => primary,
    isBack: Effect.asVoid(awaitField(() => primary, "loading", "0")),
    info,
    deafen: Effect.andThen(isCopied, line.become({ _tag: "Swallow" })),
    failOver: Effect.gen(function* () {
      yield* primary.process.kill
      yield* Effect.mapError(replica.redis.send("REPLICAOF", "NO", "ONE"), toError("Promoting the replica"))
      const lost = primary
      primary = replica
      replica = lost
    }),
    replaceLost: Effect.suspend(() => {
      const { start, wipe } = replica.process
      return Effect.andThen(Effect.andThen(wipe, start), replicate)
    })
  }
})
