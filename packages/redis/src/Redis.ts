/**
 * Redis as a scoped Effect service over ioredis: commands with typed errors, scripts, blocking connections, state.
 */
import {
  type Config,
  Context,
  Effect,
  Layer,
  Option,
  type Result,
  Schema,
  type Scope,
  Stream,
  SubscriptionRef
} from "effect"
import * as Client from "./internal/Client.ts"
import * as RedisConfig from "./RedisConfig.ts"
import { Decode, Overloaded, RedisError, Timeout } from "./RedisError.ts"
import type { Script } from "./Script.ts"

export type { Argument, Connection, ConnectionState, Purpose, Spread } from "./internal/Client.ts"

/** Sends commands over one connection. What fails is a `RedisError`. */
export interface Commands {
  /** Sends any command; bulk replies come as text. A call is thin: no span, no retry. */
  readonly send: (command: string, ...args: ReadonlyArray<Client.Argument>) => Effect.Effect<unknown, RedisError>
  /** Sends any command; bulk replies come as bytes. */
  readonly sendBytes: (command: string, ...args: ReadonlyArray<Client.Argument>) => Effect.Effect<unknown, RedisError>
  /** Runs a script by its digest; a server that does not know it is sent its text, once. */
  readonly eval: <A>(
    script: Script<A>,
    keys: ReadonlyArray<string>,
    args: ReadonlyArray<Client.Argument>
  ) => Effect.Effect<A, RedisError>
}

/**
 * A connection of its own, for commands that block. Interrupting a call, or its time-out (ms), drops what the server
 * was asked; the connection comes back by itself. What fails is a `RedisError`.
 */
export interface BlockingConnection {
  readonly send: (
    timeout: number,
    command: string,
    ...args: ReadonlyArray<Client.Argument>
  ) => Effect.Effect<unknown, RedisError>
}

/**
 * Redis. Every command ends within `commandTimeout`, also while there is no connection.
 *
 * What fails is a `RedisError`, whose reason says why; after `ConnectionLost` and `Timeout` it is not known whether the
 * command was carried out. A layer fails with it where the server refuses the user or the settings, and `layerConfig`
 * with a `ConfigError` that names the variable.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Redis } from "@letletme/redis"
 *
 * const program = Effect.gen(function* () {
 *   const redis = yield* Redis
 *   yield* redis.set("greeting", Buffer.from("hello"), { timeToLive: 60_000 })
 *   return yield* redis.mget(["greeting", "nothing"])
 * })
 * const main = program.pipe(Effect.provide(Redis.layerConfig))
 * ```
 */
export class Redis extends Context.Service<
  Redis,
  Commands & {
    /** How the keys are spread over a cluster; `undefined` where one server has them all. */
    readonly spread: Client.Spread | undefined
    /** The bytes under a key, `undefined` where there are none. */
    readonly get: (key: string) => Effect.Effect<Uint8Array | undefined, RedisError>
    /** The bytes under many keys, in their order; more than `keysPerCommand` go in several commands of one round trip. */
    readonly mget: (keys: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Uint8Array | undefined>, RedisError>
    /** Writes bytes; `timeToLive` in milliseconds. Answers whether it wrote, which `onlyIfAbsent` may forbid. */
    readonly set: (
      key: string,
      value: Uint8Array,
      options?: { readonly timeToLive?: number; readonly onlyIfAbsent?: boolean }
    ) => Effect.Effect<boolean, RedisError>
    /** Deletes keys, and frees their memory in the background. Answers how many there were. */
    readonly remove: (keys: ReadonlyArray<string>) => Effect.Effect<number, RedisError>
    /** All keys that match a glob pattern, in chunks; one may come twice, as SCAN may answer it. */
    readonly scan: (pattern: string) => Stream.Stream<ReadonlyArray<string>, RedisError>
    /** Sends many commands in one round trip; each has its own result. Replies are bytes. */
    readonly pipeline: (
      commands: ReadonlyArray<readonly [command: string, ...args: ReadonlyArray<Client.Argument>]>
    ) => Effect.Effect<ReadonlyArray<Result.Result<unknown, RedisError>>>
    /** A dedicated connection for blocking commands, for the life of the scope. */
    readonly blocking: Effect.Effect<BlockingConnection, RedisError, Scope.Scope>
    /** A dedicated connection that listens to a channel for the life of the scope; it subscribes anew when it comes back. */
    readonly subscribe: (
      channel: string,
      onMessage: (message: string) => void
    ) => Effect.Effect<void, RedisError, Scope.Scope>
    /** A dedicated connection without a command time-out, for the life of the scope: bound what you send over it. */
    readonly dedicated: Effect.Effect<Commands, RedisError, Scope.Scope>
    /**
     * Drops every connection, and with it what waits for an answer. The client connects anew: it asks the sentinels, or
     * the nodes of the cluster, who serves now, and resolves the host of a single server again.
     */
    readonly reconnect: Effect.Effect<void>
    /** The connection's state now. */
    readonly currentState: Effect.Effect<Client.ConnectionState>
    /** The connection's state now and whenever it changes. */
    readonly state: Stream.Stream<Client.ConnectionState>
  }
>()("@letletme/redis/Redis") {
  /**
   * Connects with this configuration. The layer fails where the server cannot be reached or refuses the user, unless
   * it is `lazy`.
   */
  static readonly layer = (config: Partial<RedisConfig.RedisConfig>): Layer.Layer<Redis, RedisError> =>
    Layer.suspend(() => Redis.layerFrom(RedisConfig.make(config)))

  /** Connects as the environment says: see `RedisConfig.config`. */
  static readonly layerConfig: Layer.Layer<Redis, RedisError | Config.ConfigError> = Layer.unwrap(
    Effect.map(RedisConfig.config, (config) => Redis.layerFrom(config))
  )

  private static readonly layerFrom = (config: RedisConfig.RedisConfig): Layer.Layer<Redis, RedisError> =>
    Layer.effect(
      this,
      make((purpose) => Client.connect(config, purpose), config)
    )

  /** Redis over connections of your making, such as those to a simulated server. */
  static readonly layerOver = (connect: Connect): Layer.Layer<Redis, RedisError> =>
    Layer.effect(this, make(connect, RedisConfig.make({})))
}

/** Opens a connection for a purpose, for the life of the scope. Fails with `RedisError` where it cannot be opened. */
export type Connect = (purpose: Client.Purpose) => Effect.Effect<Client.Connection, RedisError, Scope.Scope>

const clientName = "letletme"

const text = (reply: unknown): unknown =>
  Buffer.isBuffer(reply) ? reply.toString("utf8") : Array.isArray(reply) ? reply.map(text) : reply

const unexpected = (command: string, reply: unknown): RedisError =>
  new RedisError({ reason: new Decode({ command, detail: `it is ${reply === null ? "null" : typeof reply}` }) })

const bytesOrNothing = (command: string, reply: unknown): Effect.Effect<Uint8Array | undefined, RedisError> =>
  Buffer.isBuffer(reply) || reply === null
    ? Effect.succeed(reply ?? undefined)
    : Effect.fail(unexpected(command, reply))

const integer = (command: string) => (reply: unknown) =>
  typeof reply === "number" ? Effect.succeed(reply) : Effect.fail(unexpected(command, reply))

const ScanReply = Schema.decodeUnknownEffect(Schema.Tuple([Schema.String, Schema.Array(Schema.String)]))

const commands = (client: Client.Connection): Commands => {
  const sendBytes: Commands["sendBytes"] = (command, ...args) => client.send(command, args)
  const send: Commands["send"] = (command, ...args) => Effect.map(client.send(command, args), text)
  return {
    send,
    sendBytes,
    eval: (script, keys, args) =>
      client.send("EVALSHA", [script.digest, keys.length, ...keys, ...args]).pipe(
        Effect.catchReason(
          "RedisError",
          "Script",
          (reason) =>
            reason.detail.startsWith("NOSCRIPT")
              ? client.send("EVAL", [script.lua, keys.length, ...keys, ...args])
              : Effect.fail(new RedisError({ reason })),
          (reason) => Effect.fail(new RedisError({ reason }))
        ),
        Effect.flatMap((reply) =>
          Effect.mapError(
            script.decode(text(reply)),
            (error) => new RedisError({ reason: new Decode({ command: script.name, detail: error.message }) })
          )
        )
      )
  }
}

/** Asks the replicas; what they cannot answer, the primary is asked. */
const orPrimary =
  (replicas: Client.Connection, primary: Client.Connection): Client.Connection["send"] =>
  (command, args) =>
    Effect.catchIf(
      replicas.send(command, args),
      ({ isTemporary }) => isTemporary,
      () => primary.send(command, args)
    )

const make = (
  connectTo: Connect,
  config: Pick<RedisConfig.RedisConfig, "keysPerCommand" | "maxConnections" | "readFrom">
): Effect.Effect<Redis["Service"], RedisError, Scope.Scope> =>
  Effect.gen(function* () {
    const { keysPerCommand: chunk, maxConnections, readFrom } = config
    const open = new Set<Client.Connection>()
    // Those that are being made are among them.
    let places = 0
    const takePlace = Effect.suspend(() => {
      if (places >= maxConnections) {
        const detail = `${places} connections are open, and REDIS_MAX_CONNECTIONS allows no more`
        return Effect.fail(new RedisError({ reason: new Overloaded({ command: "CONNECT", detail }) }))
      }
      places++
      return Effect.void
    })
    const leavePlace = Effect.sync(() => {
      places--
    })
    const connect: Connect = (purpose) =>
      Effect.acquireRelease(takePlace, () => leavePlace).pipe(
        Effect.andThen(connectTo(purpose)),
        Effect.tap((connection) =>
          Effect.acquireRelease(
            Effect.sync(() => open.add(connection)),
            () => Effect.sync(() => open.delete(connection))
          )
        )
      )
    const client = yield* connect({ name: clientName, isBlocking: false })
    const { spread } = client
    const base = commands(client)
    const read =
      readFrom === "primary"
        ? client.send
        : orPrimary(yield* connect({ name: `${clientName}-reader`, isBlocking: false, role: "replica" }), client)

    const readSome = (keys: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Uint8Array | undefined>, RedisError> =>
      keys.length === 0
        ? Effect.succeed([])
        : Effect.flatMap(read("MGET", keys), (reply) => {
            if (!Array.isArray(reply) || reply.length !== keys.length) return Effect.fail(unexpected("MGET", reply))
            const values: Array<Uint8Array | undefined> = []
            // A key of another type answers null, as a missing one does.
            for (const value of reply) values.push(Buffer.isBuffer(value) ? value : undefined)
            return Effect.succeed(values)
          })

    const inChunks = <A>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
      Array.from({ length: Math.ceil(items.length / chunk) }, (_, index) =>
        items.slice(index * chunk, (index + 1) * chunk)
      )

    const readMany = (keys: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Uint8Array | undefined>, RedisError> =>
      keys.length <= chunk
        ? readSome(keys)
        : Effect.map(Effect.forEach(inChunks(keys), readSome, { concurrency: "unbounded" }), (parts) => parts.flat())

    /** Keys of one slot go into one command. */
    const apart = (keys: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> =>
      spread === undefined ? [keys] : [...Map.groupBy(keys, spread.slotOf).values()]

    const readApart = (
      keys: ReadonlyArray<string>
    ): Effect.Effect<ReadonlyArray<Uint8Array | undefined>, RedisError> => {
      const parts = apart(keys)
      return Effect.map(Effect.forEach(parts, readMany, { concurrency: "unbounded" }), (answers) => {
        const found = new Map<string, Uint8Array | undefined>()
        for (const [index, some] of parts.entries()) {
          for (const [at, key] of some.entries()) found.set(key, answers[index]?.[at])
        }
        return keys.map((key) => found.get(key))
      })
    }

    const scanOne = (send: Client.Connection["send"], pattern: string) =>
      Stream.paginate("0", (cursor) =>
        send("SCAN", [cursor, "MATCH", pattern, "COUNT", chunk]).pipe(
          Effect.flatMap((reply) =>
            Effect.mapError(
              ScanReply(text(reply)),
              (error) => new RedisError({ reason: new Decode({ command: "SCAN", detail: error.message }) })
            )
          ),
          Effect.map(([next, keys]) => [[keys], next === "0" ? Option.none() : Option.some(next)] as const)
        )
      )

    return Redis.of({
      ...base,
      get: (key) => Effect.flatMap(read("GET", [key]), (reply) => bytesOrNothing("GET", reply)),
      spread,
      mget: spread === undefined ? readMany : readApart,
      set: (key, value, options) =>
        Effect.map(
          client.send("SET", [
            key,
            value,
            ...(options?.timeToLive === undefined ? [] : ["PX", Math.max(1, Math.round(options.timeToLive))]),
            ...(options?.onlyIfAbsent === true ? ["NX"] : [])
          ]),
          (reply) => reply !== null
        ),
      remove: (keys) =>
        Effect.map(
          Effect.forEach(
            apart(keys).flatMap(inChunks),
            (part) => Effect.flatMap(client.send("UNLINK", part), integer("UNLINK")),
            {
              concurrency: "unbounded"
            }
          ),
          (counts) => counts.reduce((total, count) => total + count, 0)
        ),
      scan: (pattern) =>
        spread === undefined
          ? scanOne(client.send, pattern)
          : Stream.fromIterableEffect(spread.primaries).pipe(Stream.flatMap((send) => scanOne(send, pattern))),
      pipeline: (list) =>
        Effect.map(
          Effect.forEach(
            inChunks(list),
            (part) =>
              Effect.forEach(part, ([command, ...args]) => Effect.result(client.send(command, args)), {
                concurrency: "unbounded"
              }),
            { concurrency: 4 }
          ),
          (parts) => parts.flat()
        ),
      blocking: Effect.map(
        connect({ name: `${clientName}-blocking`, isBlocking: true }),
        (connection): BlockingConnection => ({
          send: (timeout, command, ...args) =>
            Effect.map(connection.send(command, args), text).pipe(
              Effect.timeoutOrElse({
                duration: timeout,
                orElse: () =>
                  Effect.andThen(
                    connection.reset,
                    Effect.fail(
                      new RedisError({ reason: new Timeout({ command, detail: `nothing within ${timeout} ms` }) })
                    )
                  )
              }),
              Effect.onInterrupt(() => connection.reset)
            )
        })
      ),
      subscribe: (channel, onMessage) =>
        Effect.flatMap(connect({ name: `${clientName}-subscriber`, isBlocking: false }), (connection) =>
          connection.subscribe(channel, onMessage)
        ),
      dedicated: Effect.map(connect({ name: `${clientName}-dedicated`, isBlocking: true }), commands),
      reconnect: Effect.suspend(() => Effect.forEach([...open], ({ reset }) => reset, { discard: true })),
      currentState: SubscriptionRef.get(client.state),
      state: SubscriptionRef.changes(client.state)
    })
  })
