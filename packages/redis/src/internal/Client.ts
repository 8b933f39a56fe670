// oxlint-disable-next-line typescript/triple-slash-reference -- examples are compiled without the files around them
/// <reference path="./cluster-key-slot.d.ts" />
/**
 * One ioredis client as a scoped resource: commands as effects, its state as a stream, a close that is bounded.
 */
import keySlot from "cluster-key-slot"
import {
  Clock,
  Duration,
  Effect,
  Exit,
  FiberSet,
  Latch,
  Option,
  Schedule,
  type Scope,
  Stream,
  SubscriptionRef
} from "effect"
import { Cluster, Redis } from "ioredis"
import { ConnectionLost, fromUnknown, Overloaded, RedisError, Timeout } from "../RedisError.ts"
import type { Address, RedisConfig } from "../RedisConfig.ts"
import { keepCurrent } from "./login.ts"
import { open } from "./open.ts"
import * as Sentinels from "./Sentinels.ts"

/** An argument of a command: text, a number, or bytes. */
export type Argument = string | number | Uint8Array

/** The state of a connection. */
export type ConnectionState =
  | { readonly _tag: "Connecting" }
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Reconnecting"; readonly attempt: number; readonly delay: number }
  | { readonly _tag: "Closed" }

type Send = (command: string, args: ReadonlyArray<Argument>) => Effect.Effect<unknown, RedisError>

/** How a cluster spreads its keys. */
export interface Spread {
  /** The slot of a key: a command, and a script, takes keys of one slot only. */
  readonly slotOf: (key: string) => number
  /** The primary that serves a key, as far as is known, by its address. */
  readonly nodeOf: (key: string) => string
  /** Sends to each primary. */
  readonly primaries: Effect.Effect<ReadonlyArray<Send>>
}

/** A connection to a server, or to the servers of a cluster. */
export interface Connection {
  /** Sends a command; bulk replies come as bytes. */
  readonly send: Send
  /** Stated where the keys are spread over several primaries. */
  readonly spread?: Spread | undefined
  readonly state: SubscriptionRef.SubscriptionRef<ConnectionState>
  /** Drops the connection at once, and whatever waits on it; the client connects anew. */
  readonly reset: Effect.Effect<void>
  /** Subscribes the connection to a channel. From then on it serves nothing else. */
  readonly subscribe: (channel: string, listener: (message: string) => void) => Effect.Effect<void, RedisError>
}

const quitWithin = 500

// The longest that a timer can take (ms): three weeks.
const longest = 2 ** 31 - 1

/** What a connection is for. */
export interface Purpose {
  readonly name: string
  /** It serves blocking commands, and has no command time-out: its callers bring one of their own. */
  readonly isBlocking: boolean
  /** Which servers answer reads; writes always go to a primary. Default: the primary. */
  readonly role?: "primary" | "replica"
}

const toArgument = (argument: Argument): string | number | Buffer =>
  typeof argument !== "object" || Buffer.isBuffer(argument)
    ? argument
    : Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength)

const place = ({ host, port, topology }: RedisConfig): string => {
  switch (topology._tag) {
    case "Standalone":
      return `${host}:${port}`
    case "Sentinel":
      return `the primary "${topology.name}" of the sentinels ${addresses(topology.sentinels)}`
    case "Cluster":
      return `the cluster of ${addresses(topology.nodes)}`
  }
}

const addresses = (list: ReadonlyArray<Address>): string => list.map(({ host, port }) => `${host}:${port}`).join(", ")

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
    let hasGivenUp = false
    const giveUp = (): null => {
      hasGivenUp = true
      return null
    }
    const retryStrategy = (attempt: number): number | null => {
      if (attempt === 1) step = begin()
      if (Exit.isFailure(step)) return giveUp()
      const next = runSyncExit(step.value(clock.currentTimeMillisUnsafe(), undefined))
      if (Exit.isFailure(next)) return giveUp()
      const delay = Math.max(1, Duration.toMillis(next.value[1]))
      become({ _tag: "Reconnecting", attempt, delay })
      return delay
    }

    // The server that the sentinels named last.
    let resolved = ""
    let isClosing = false
    const login =
      config.credentials === undefined
        ? Option.none()
        : yield* Effect.timeoutOrElse(Stream.runHead(config.credentials), {
            duration: config.connectTimeout,
            orElse: () => Effect.succeedNone
          })
    const redis = yield* Effect.acquireRelease(
      Effect.sync(() =>
        open({ ...config, ...Option.getOrUndefined(login) }, purpose, retryStrategy, (address) => {
          resolved = address
        })
      ),
      (connection) =>
        Effect.callback<void>((resume) => {
          isClosing = true
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
    const { topology } = config
    const isWatched = topology._tag === "Sentinel" && purpose.role !== "replica"
    if (config.credentials !== undefined) yield* keepCurrent(redis, config.credentials)
    redis.on("error", (error: Error) => {
      lastError = error
    })
    redis.on("connect", () => become({ _tag: "Connecting" }))
    redis.on("ready", () => {
      lastError = undefined
      become({ _tag: "Ready" })
    })
    redis.on("end", () => {
      become({ _tag: "Closed" })
      // Told of a failover while it asked the sentinels, ioredis takes itself for closed by its user.
      if (isWatched && !isClosing && !hasGivenUp) void redis.connect().catch(() => undefined)
    })

    const failure = (command: string, cause: unknown): RedisError => {
      const error = fromUnknown(command, cause)
      // "Connection is closed" says less than what closed it.
      return error.reason._tag === "ConnectionLost" && lastError !== undefined
        ? new RedisError({ reason: fromUnknown(command, lastError).reason })
        : error
    }

    const dropped = new WeakSet<Redis>()
    /** Made anew, by way of the sentinels where there are any: while those are asked there is nothing to drop. */
    const drop = (server: Redis) => {
      const { status } = server
      const isOpen = status === "ready" || status === "connect"
      const isOpening = status === "connecting" && config.topology._tag === "Standalone"
      if ((!isOpen && !isOpening) || dropped.has(server)) return
      dropped.add(server)
      server.once("close", () => dropped.delete(server))
      server.disconnect(true)
    }

    let heardAt = clock.currentTimeMillisUnsafe()
    /** What hangs keeps its connections: one that has answered nothing for a whole time-out is dropped. */
    const suspect = (server: Redis, reason: RedisError["reason"]) => {
      const now = clock.currentTimeMillisUnsafe()
      if (reason._tag !== "Timeout" || now - heardAt < config.commandTimeout) return
      heardAt = now
      drop(server)
    }

    // Those that are not answered yet: who gave up waiting does not take its command back.
    let inFlight = 0
    const isFull = () => inFlight >= config.maxInFlight
    const overloaded = (command: string) => {
      const detail = `${inFlight} commands wait for an answer, and REDIS_MAX_IN_FLIGHT allows no more`
      return Effect.fail(new RedisError({ reason: new Overloaded({ command, detail }) }))
    }

    const sendTo =
      (server: Redis): Send =>
      (command, args) =>
        Effect.callback((resume) => {
          if (isFull()) return resume(overloaded(command))
          inFlight++
          void server.callBuffer(command, args.map(toArgument), (error, reply) => {
            inFlight--
            if (error) {
              const failed = failure(command, error)
              suspect(server, failed.reason)
              resume(Effect.fail(failed))
            } else {
              heardAt = clock.currentTimeMillisUnsafe()
              resume(Effect.succeed(reply))
            }
          })
        })

    // Commands to a primary that sentinels named pass once they have been asked again.
    const passage = yield* Latch.make(false)
    let isAgreed = false
    const run = yield* FiberSet.makeRuntime()
    if (topology._tag === "Sentinel" && redis instanceof Redis) {
      redis.on("close", () => {
        isAgreed = false
        passage.closeUnsafe()
      })
      redis.on("ready", () => {
        run(
          Effect.map(Sentinels.agreeOn(config, topology, resolved), (agreed) => {
            isAgreed = agreed
            if (agreed) passage.openUnsafe()
            else drop(redis)
          })
        )
      })
    }

    const sendAgreed = (server: Redis): Send => {
      const send = sendTo(server)
      const agreement = (command: string) =>
        Effect.timeoutOrElse(passage.await, {
          duration: config.commandTimeout,
          orElse: () => {
            const reason = new Timeout({ command, detail: "the sentinels do not agree on a primary that answers" })
            suspect(server, reason)
            return Effect.fail(new RedisError({ reason }))
          }
        })
      return (command, args) =>
        Effect.suspend(() => (isAgreed ? send(command, args) : Effect.andThen(agreement(command), send(command, args))))
    }

    /** What a cluster redirects or sends again may take this long with all attempts together (ms). */
    const sendWithin =
      (cluster: Cluster, millis: number): Send =>
      (command, args) =>
        Effect.callback((resume) => {
          if (isFull()) return resume(overloaded(command))
          inFlight++
          const timer = setTimeout(() => {
            // A node that hangs tells nobody that another has taken its place.
            cluster.refreshSlotsCache()
            resume(
              Effect.fail(new RedisError({ reason: new Timeout({ command, detail: `nothing within ${millis} ms` }) }))
            )
          }, millis)
          // ioredis sends to replicas what it knows to be a read, by its name in small letters.
          const name = purpose.role === "replica" ? command.toLowerCase() : command
          void cluster.callBuffer(name, args.map(toArgument), (error, reply) => {
            inFlight--
            clearTimeout(timer)
            if (error) {
              const failed = failure(command, error)
              if (failed.reason._tag === "ConnectionLost") cluster.refreshSlotsCache()
              resume(Effect.fail(failed))
            } else resume(Effect.succeed(reply))
          })
          return Effect.sync(() => clearTimeout(timer))
        })

    const subscribe: Connection["subscribe"] = (channel, listener) =>
      Effect.callback((resume) => {
        redis.on("message", (from: string, message: string) => {
          if (from === channel) listener(message)
        })
        void redis.subscribe(channel, (error) => resume(error ? Effect.fail(failure("SUBSCRIBE", error)) : Effect.void))
      })

    const start = Effect.tryPromise({
      try: () => redis.connect(),
      catch: (cause) => failure("CONNECT", cause)
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
                detail: `${place(config)} did not answer within ${config.connectTimeout} ms`
              })
            })
          )
      })
    }

    if (redis instanceof Cluster) {
      return {
        // What blocks is bounded by its callers.
        send: sendWithin(redis, purpose.isBlocking ? longest : config.commandTimeout),
        spread: {
          slotOf: keySlot,
          nodeOf: (key) => redis.slots[keySlot(key)]?.[0] ?? "",
          primaries: Effect.sync(() => redis.nodes("master").map(sendTo))
        },
        state,
        reset: Effect.sync(() => {
          for (const node of redis.nodes()) drop(node)
          redis.refreshSlotsCache()
        }),
        subscribe
      }
    }
    return {
      send: isWatched ? sendAgreed(redis) : sendTo(redis),
      state,
      reset: Effect.sync(() => drop(redis)),
      subscribe
    }
  })
