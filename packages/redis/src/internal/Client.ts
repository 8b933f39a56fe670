/**
 * One ioredis connection as a scoped resource: commands as effects, its state as a stream, a close that is bounded.
 */
import { Clock, Duration, Effect, Exit, Redacted, Schedule, type Scope, SubscriptionRef } from "effect"
import { Redis } from "ioredis"
import { ConnectionLost, fromUnknown, RedisError } from "../RedisError.ts"
import type { RedisConfig } from "../RedisConfig.ts"

/** An argument of a command: text, a number, or bytes. */
export type Argument = string | number | Uint8Array

/** The state of a connection. */
export type ConnectionState =
  | { readonly _tag: "Connecting" }
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Reconnecting"; readonly attempt: number; readonly delay: number }
  | { readonly _tag: "Closed" }

/** A connection to a server. */
export interface Connection {
  /** Sends a command; bulk replies come as bytes. */
  readonly send: (command: string, args: ReadonlyArray<Argument>) => Effect.Effect<unknown, RedisError>
  readonly state: SubscriptionRef.SubscriptionRef<ConnectionState>
  /** Drops the connection at once, and whatever waits on it; the client connects anew. */
  readonly reset: Effect.Effect<void>
  /** Subscribes the connection to a channel. From then on it serves nothing else. */
  readonly subscribe: (channel: string, listener: (message: string) => void) => Effect.Effect<void, RedisError>
}

const quitWithin = 500

/** A connection that serves blocking commands has no command time-out: its callers bring one of their own. */
export interface Purpose {
  readonly name: string
  readonly isBlocking: boolean
}

const toArgument = (argument: Argument): string | number | Buffer =>
  typeof argument === "object" ? Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength) : argument

/** Connects, and waits until the connection is ready unless it is lazy. */
export const connect = (config: RedisConfig, purpose: Purpose): Effect.Effect<Connection, RedisError, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const context = yield* Effect.context()
    const runSyncExit = Effect.runSyncExitWith(context)
    const state = yield* SubscriptionRef.make<ConnectionState>({ _tag: "Connecting" })
    const become = (next: ConnectionState) => {
      runSyncExit(SubscriptionRef.set(state, next))
    }
    let lastError: Error | undefined

    // ioredis asks for a delay by a function: it is a step of the schedule, begun anew with each outage.
    const begin = () => runSyncExit(Schedule.toStep(config.retry))
    let step = begin()
    const retryStrategy = (attempt: number): number | null => {
      if (attempt === 1) step = begin()
      if (Exit.isFailure(step)) return null
      const next = runSyncExit(step.value(clock.currentTimeMillisUnsafe(), undefined))
      if (Exit.isFailure(next)) return null
      const delay = Math.max(1, Duration.toMillis(next.value[1]))
      become({ _tag: "Reconnecting", attempt, delay })
      return delay
    }

    const { tls } = config
    const redis = yield* Effect.acquireRelease(
      Effect.sync(
        () =>
          new Redis({
            host: config.host,
            port: config.port,
            family: config.family,
            db: config.db,
            ...(config.username === undefined ? {} : { username: config.username }),
            ...(config.password === undefined ? {} : { password: Redacted.value(config.password) }),
            ...(tls === undefined
              ? {}
              : {
                  tls: {
                    rejectUnauthorized: tls.rejectUnauthorized,
                    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
                    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
                    ...(tls.key === undefined ? {} : { key: Redacted.value(tls.key) }),
                    ...(tls.serverName === undefined ? {} : { servername: tls.serverName })
                  }
                }),
            connectionName: purpose.name,
            protocol: 2,
            lazyConnect: true,
            connectTimeout: config.connectTimeout,
            ...(purpose.isBlocking ? {} : { commandTimeout: config.commandTimeout }),
            maxRetriesPerRequest: purpose.isBlocking ? 0 : config.maxRetriesPerRequest,
            autoResubscribe: true,
            autoResendUnfulfilledCommands: false,
            retryStrategy
          })
      ),
      (connection) =>
        Effect.callback<void>((resume) => {
          const done = () => resume(Effect.void)
          if (connection.status !== "ready") return done()
          connection.once("end", done)
          void connection.quit(() => undefined)
        }).pipe(
          Effect.timeoutOption(quitWithin),
          Effect.ensuring(
            Effect.sync(() => {
              connection.disconnect()
              become({ _tag: "Closed" })
            })
          )
        )
    )
    redis.on("error", (error: Error) => {
      lastError = error
    })
    redis.on("connect", () => become({ _tag: "Connecting" }))
    redis.on("ready", () => {
      lastError = undefined
      become({ _tag: "Ready" })
    })
    redis.on("end", () => become({ _tag: "Closed" }))

    const failure = (command: string, cause: unknown): RedisError => {
      const error = fromUnknown(command, cause)
      // "Connection is closed" says less than what closed it.
      return error.reason._tag === "ConnectionLost" && lastError !== undefined
        ? new RedisError({ reason: fromUnknown(command, lastError).reason })
        : error
    }

    const start = Effect.callback<void, RedisError>((resume) => {
      void redis.connect((error) => resume(error ? Effect.fail(failure("CONNECT", error)) : Effect.void))
    })
    if (config.lazy) yield* Effect.forkScoped(Effect.ignore(start))
    else {
      yield* Effect.timeoutOrElse(start, {
        duration: config.connectTimeout,
        orElse: () =>
          Effect.fail(
            new RedisError({
              reason: new ConnectionLost({
                command: "CONNECT",
                detail: `${config.host}:${config.port} did not answer within ${config.connectTimeout} ms`
              })
            })
          )
      })
    }

    return {
      send: (command, args) =>
        Effect.callback((resume) => {
          void redis.callBuffer(command, args.map(toArgument), (error, reply) =>
            resume(error ? Effect.fail(failure(command, error)) : Effect.succeed(reply))
          )
        }),
      state,
      reset: Effect.sync(() => redis.disconnect(true)),
      subscribe: (channel, listener) =>
        Effect.callback((resume) => {
          redis.on("message", (from: string, message: string) => {
            if (from === channel) listener(message)
          })
          void redis.subscribe(channel, (error) =>
            resume(error ? Effect.fail(failure("SUBSCRIBE", error)) : Effect.void)
          )
        })
    }
  })
