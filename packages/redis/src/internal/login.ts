/**
 * Logins that change while the process runs.
 */
import { Effect, Redacted, type Scope, Stream } from "effect"
import { Cluster, type Redis } from "ioredis"
import type { Credentials } from "../RedisConfig.ts"

// A connection that waits for an entry of a stream hears of it when that ends.
const within = "10 seconds"

/**
 * Logs the client's connections in anew whenever the credentials change; those that it makes later begin with the new
 * ones. Where the server refuses them a connection stays logged in as it was, and a warning is logged.
 */
export const keepCurrent = (
  client: Redis | Cluster,
  credentials: Stream.Stream<Credentials>
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.suspend(() => {
    let latest: Credentials | undefined
    const state = (server: Redis, { password, username }: Credentials) => {
      server.options.username = username
      server.options.password = Redacted.value(password)
    }
    if (client instanceof Cluster) {
      client.on("+node", (server: Redis) => {
        if (latest !== undefined) state(server, latest)
      })
    }
    const logIn = (server: Redis, { password, username }: Credentials) =>
      server.status !== "ready"
        ? Effect.void
        : Effect.tryPromise(() =>
            username === undefined
              ? server.auth(Redacted.value(password))
              : server.auth(username, Redacted.value(password))
          ).pipe(
            Effect.timeout(within),
            Effect.catch(() =>
              Effect.logWarning("Redis refuses the new credentials: the connection keeps the old login.")
            )
          )
    return credentials.pipe(
      Stream.runForEach((next) =>
        Effect.suspend(() => {
          latest = next
          const servers = client instanceof Cluster ? client.nodes() : [client]
          for (const server of servers) state(server, next)
          return Effect.forEach(servers, (server) => logIn(server, next), { concurrency: "unbounded", discard: true })
        })
      ),
      Effect.forkScoped,
      Effect.asVoid
    )
  })
