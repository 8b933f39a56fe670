/**
 * Whether a Redis is set up as the cache needs it: what was found, why that hurts, and what to do about it.
 */
import { Redis, type RedisError } from "@letletme/redis"
import { Context, Effect, Layer, Ref, Stream } from "effect"
import type { Looked } from "./internal/findings.ts"
import * as ServerHealth from "./internal/serverHealth.ts"
import { type Server, serversOf } from "./internal/server.ts"

export { type Finding, type Looked, of, type Skipped, when } from "./internal/findings.ts"
export type { Use } from "./internal/serverHealth.ts"
export type { Send, Server } from "./internal/server.ts"

/**
 * The server behind a connection, or the primaries of a cluster. `name` is what findings call a single one. Fails with
 * `RedisError` where one does not answer.
 */
export const servers = (redis: Redis["Service"], name: string): Effect.Effect<ReadonlyArray<Server>, RedisError> =>
  serversOf(redis, name)

/** Looks at one server: version, role, memory policy, persistence, replicas, events. What it may not ask is skipped. */
export const judge = (server: Server, use: ServerHealth.Use): Effect.Effect<Looked> => ServerHealth.health(server, use)

/** What to know beside the connection. */
export interface Options {
  /** What findings call the server. Default: "Redis". */
  readonly name?: string | undefined
  /** Who answers reads of entries, as in the client's configuration. Default: the primary. */
  readonly readFrom?: "primary" | "replica" | undefined
}

/**
 * Looks at the Redis in context: in a cluster at each primary. It reads, and changes nothing; it asks for INFO, and for
 * settings (CONFIG GET) that a user of least privilege, or of a managed service, may not see: those checks are skipped.
 * Fails with `RedisError` where a server does not answer.
 *
 * @example
 * ```ts
 * import { Advice } from "@letletme/cache"
 * import { Redis } from "@letletme/redis"
 * import { Effect } from "effect"
 *
 * const check = Effect.gen(function* () {
 *   const { findings } = yield* Advice.look()
 *   for (const { check, found, remedy } of findings) yield* Effect.logWarning(`${check}: ${found} ${remedy}`)
 * }).pipe(Effect.provide(Redis.layerConfig))
 * ```
 */
export const look = Effect.fn("Advice.look")(function* (
  options: Options = {}
): Effect.fn.Return<Looked, RedisError, Redis> {
  const redis = yield* Redis
  const use = { isCluster: redis.spread !== undefined, readsReplicas: options.readFrom === "replica" }
  const all = yield* serversOf(redis, options.name ?? "Redis")
  const looked = yield* Effect.forEach(all, (server) => judge(server, use))
  return {
    findings: looked.flatMap(({ findings }) => findings),
    skipped: looked.flatMap(({ skipped }) => skipped)
  }
})

// A connection that comes and goes is not looked at each time.
const pause = "10 seconds"

/**
 * The last look at the Redis in context. Provide its layer where a process is to say of itself on what it runs.
 */
export class Advice extends Context.Service<
  Advice,
  {
    /** What was found last; nothing before the first look. */
    readonly latest: Effect.Effect<Looked>
  }
>()("@letletme/cache/Advice") {
  /**
   * Looks whenever a connection is made, in the background, and logs as a warning what it had not found the time before.
   * Where Redis does not answer, the next connection is looked at.
   */
  static readonly layer = (options: Options = {}): Layer.Layer<Advice, never, Redis> =>
    Layer.effect(
      this,
      Effect.gen(function* () {
        const redis = yield* Redis
        const latest = yield* Ref.make<Looked>({ findings: [], skipped: [] })
        const lookAgain = Effect.gen(function* () {
          const looked = yield* look(options)
          const { findings: before } = yield* Ref.getAndSet(latest, looked)
          for (const { check, found, remedy } of looked.findings) {
            const isKnown = before.some((one) => one.check === check && one.found === found)
            if (!isKnown) yield* Effect.logWarning(`${check}: ${found} ${remedy}`)
          }
        })
        yield* redis.state.pipe(
          Stream.filter(({ _tag }) => _tag === "Ready"),
          Stream.buffer({ capacity: 1, strategy: "sliding" }),
          Stream.runForEach(() => Effect.andThen(Effect.ignore(lookAgain), Effect.sleep(pause))),
          Effect.forkScoped
        )
        return Advice.of({ latest: Ref.get(latest) })
      })
    )
}
