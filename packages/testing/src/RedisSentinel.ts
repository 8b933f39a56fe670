/**
 * A real primary with two replicas and three sentinels, for the life of a layer.
 *
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/
 */
import { Redis, type RedisConfig } from "@letletme/redis"
import { Context, Effect, Layer, Schedule, Schema } from "effect"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as RedisProcess from "./RedisProcess.ts"
import { bare } from "./RedisServer.ts"

/** The sentinels, or the servers that they watch, did not become what they were to be. */
export class RedisSentinelError extends Schema.TaggedError<RedisSentinelError>()("RedisSentinelError", {
  message: Schema.String
}) {}

/** A server, and a connection to it alone. */
export interface Server {
  readonly process: RedisProcess.RedisProcess
  readonly redis: Redis["Service"]
}

const name = "letletme"
const often = { schedule: Schedule.spaced("20 millis"), times: 3_000 }

const toError = (what: string) => (cause: { readonly message: string }) =>
  new RedisSentinelError({ message: `${what}: ${cause.message}` })

const connected = Effect.fnUntraced(function* (process: RedisProcess.RedisProcess) {
  const connection = yield* Layer.build(Layer.fresh(Redis.layer({ port: process.port, lazy: true })))
  return { process, redis: Context.get(connection, Redis) } satisfies Server
})

const startServer = Effect.flatMap(RedisProcess.userArguments, (users) =>
  Effect.flatMap(
    RedisProcess.make((place) => Effect.succeed([...bare(place), "--repl-diskless-sync-delay", "0", ...users])),
    connected
  )
)

/** A sentinel keeps its configuration in a file, which it writes anew. */
const startSentinel = Effect.fnUntraced(function* (primary: number) {
  const users = yield* RedisProcess.Users
  return yield* Effect.flatMap(
    RedisProcess.make(({ folder, port }) => {
      const path = join(folder, "sentinel.conf")
      const text = [
        `port ${port}`,
        "bind 127.0.0.1",
        `dir ${folder}`,
        `sentinel monitor ${name} 127.0.0.1 ${primary} 2`,
        `sentinel down-after-milliseconds ${name} 500`,
        `sentinel failover-timeout ${name} 5000`,
        ...users.sentinels.map((user) => `user ${user.join(" ")}`)
      ].join("\n")
      return Effect.as(
        Effect.promise(() => writeFile(path, `${text}\n`)),
        [path, "--sentinel"]
      )
    }),
    connected
  )
})

/**
 * Servers under sentinels that tests may mistreat.
 */
export class RedisSentinel extends Context.Service<
  RedisSentinel,
  {
    /** How clients find the primary. */
    readonly name: string
    readonly sentinels: ReadonlyArray<RedisConfig.Address>
    /** The primary, as the sentinels see it. */
    readonly primary: Effect.Effect<Server, RedisSentinelError>
    /** The others. */
    readonly replicas: Effect.Effect<ReadonlyArray<Server>, RedisSentinelError>
    /**
     * Kills the primary, or has it hang, and waits until the sentinels have put another in its place. Answers how to bring
     * it back, which waits until it follows.
     */
    readonly failOver: (
      how?: "kill" | "pause"
    ) => Effect.Effect<Effect.Effect<void, RedisSentinelError | RedisProcess.RedisServerError>, RedisSentinelError>
    /** Has the sentinels put another in its place in good order. */
    readonly handOver: Effect.Effect<void, RedisSentinelError>
  }
>()("@letletme/testing/RedisSentinel") {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const servers = yield* Effect.all([startServer, startServer, startServer], { concurrency: 3 })
      const [first, ...replicas] = servers
      const ask = ({ redis }: Server, ...[command = "", ...args]: ReadonlyArray<string | number>) =>
        Effect.mapError(redis.send(`${command}`, ...args), toError(`${command}`))
      const until = <A>(what: string, effect: Effect.Effect<A, RedisSentinelError>, isSo: (found: A) => boolean) =>
        Effect.retry(
          Effect.filterOrFail(effect, isSo, () => new RedisSentinelError({ message: `It stays so that not ${what}` })),
          often
        )
      const isCopied = (server: Server) =>
        until("a replica follows", ask(server, "INFO", "replication"), (info) =>
          String(info).includes("master_link_status:up")
        )

      for (const replica of replicas) yield* ask(replica, "REPLICAOF", "127.0.0.1", first.process.port)
      yield* Effect.forEach(replicas, isCopied, { concurrency: "unbounded" })

      const sentinels = yield* Effect.all(
        Array.from({ length: 3 }, () => startSentinel(first.process.port)),
        { concurrency: "unbounded" }
      )
      // With a shorter publishing period a promotion would be undone by those who have not heard of it.
      const hurry = ["INFO-PERIOD", 200, "ASK-PERIOD", 100, "PUBLISH-PERIOD", 500, "PING-PERIOD", 100]
      const known = (sentinel: Server, what: string) =>
        Effect.map(ask(sentinel, "SENTINEL", what, name), (list) => (Array.isArray(list) ? list.length : 0))
      yield* Effect.forEach(
        sentinels,
        (sentinel) =>
          Effect.gen(function* () {
            yield* ask(sentinel, "SENTINEL", "DEBUG", ...hurry)
            yield* until("the replicas are known", known(sentinel, "REPLICAS"), (count) => count === replicas.length)
            yield* until("the sentinels are known", known(sentinel, "SENTINELS"), (count) => count === 2)
          }),
        { concurrency: "unbounded", discard: true }
      )

      const primary = Effect.gen(function* () {
        const votes = yield* Effect.forEach(sentinels, (one) => ask(one, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", name))
        const ports = votes.map((vote) => (Array.isArray(vote) ? Number(vote[1]) : 0))
        const found = servers.find(({ process }) => ports.every((port) => port === process.port))
        return found ?? (yield* new RedisSentinelError({ message: "The sentinels do not agree who is the primary" }))
      })

      const succeeded = (former: Server) =>
        Effect.asVoid(until("another is the primary", primary, (found) => found !== former))

      const lose = Effect.fnUntraced(function* (how: "kill" | "pause") {
        const former = yield* primary
        yield* former.process[how]
        yield* succeeded(former)
        return former
      })

      return RedisSentinel.of({
        name,
        sentinels: sentinels.map(({ process }) => ({ host: "127.0.0.1", port: process.port })),
        primary,
        replicas: Effect.map(primary, (found) => servers.filter((server) => server !== found)),
        failOver: (how = "kill") =>
          Effect.map(lose(how), (former) =>
            Effect.andThen(how === "kill" ? former.process.start : former.process.resume, isCopied(former))
          ),
        handOver: Effect.gen(function* () {
          const former = yield* primary
          const [sentinel = former] = sentinels
          // It is refused while another one is being finished, and may be given up.
          const order = Effect.ignore(ask(sentinel, "SENTINEL", "FAILOVER", name))
          yield* until(
            "another is the primary",
            Effect.tap(primary, (found) => (found === former ? order : Effect.void)),
            (found) => found !== former
          )
          yield* isCopied(former)
        })
      })
    })
  )
}
