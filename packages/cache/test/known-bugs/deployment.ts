/**
 * What the known bugs are tried on: any number of processes over one store and one log, and a source whose lookups a
 * test can hold up after they have read.
 */
import {
  CacheConfig,
  CacheManager,
  DependencyGraph,
  type Domain,
  LiveView,
  Lookup,
  type Policy,
  Tag
} from "@letletme/cache"
import type { CacheError } from "@letletme/cache/CacheError"
import { Redis, type RedisConfig, type RedisError } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Context, Deferred, Effect, Layer, Option, Schema, type Scope, Stream } from "effect"
import type { Settings } from "../tiers.ts"

/** A lookup that is held up. */
interface Held {
  /** Waits until it has read. */
  readonly hasRead: Effect.Effect<void>
  /** Lets it answer what it read. */
  readonly letGo: Effect.Effect<void>
}

/** The source of all processes: pages by id. */
export class Source extends Context.Service<
  Source,
  {
    readonly pages: Map<string, number>
    /** The ids that it was asked for. */
    readonly asked: Array<string>
    isAway: boolean
    /** What a lookup does between reading and answering. */
    pause: Effect.Effect<void>
  }
>()("test/Source") {
  static readonly layer = Layer.sync(this, () =>
    Source.of({ pages: new Map([["a", 1]]), asked: [], isAway: false, pause: Effect.void })
  )
}

/** Holds up the next lookup. */
export const holdNext: Effect.Effect<Held, never, Source> = Source.useSync((source) => {
  const read = Deferred.makeUnsafe<void>()
  const open = Deferred.makeUnsafe<void>()
  source.pause = Effect.suspend(() => {
    source.pause = Effect.void
    return Effect.andThen(Deferred.succeed(read, undefined), Deferred.await(open))
  })
  return { hasRead: Deferred.await(read), letGo: Effect.asVoid(Deferred.succeed(open, undefined)) }
})

/** A tag that every page carries because its lookup says so. */
export const topic = Tag.of("topic", "news")

/** What differs from one process's domain to another's. */
interface Code {
  readonly policy?: Partial<Policy.Policy<number>>
  readonly version?: string
  /** The tags that lookups state. */
  readonly tags?: (id: string) => ReadonlyArray<Tag.Tag>
}

const definition = ({ policy, tags = () => [topic], version }: Code) =>
  ({
    graph: DependencyGraph.make({ page: [] }),
    domain: "page",
    id: Schema.String,
    value: Schema.Int,
    timeToLive: "1 hour",
    jitter: 0,
    ...policy,
    version,
    lookup: (id: string) =>
      Source.use((source) =>
        Effect.suspend(() => {
          source.asked.push(id)
          if (source.isAway) return Effect.fail("the source is away" as const)
          const answer = Lookup.fromOption(Option.fromUndefinedOr(source.pages.get(id)), { tags: tags(id) })
          return Effect.as(source.pause, answer)
        })
      )
  }) as const

/** A process with a cache of its own. */
export interface Process {
  readonly manager: CacheManager["Service"]
  readonly live: LiveView["Service"]
  readonly pages: Domain.Domain<string, number, "the source is away">
}

interface Start extends Code {
  readonly settings?: Settings
  /** How it connects to Redis. */
  readonly redis?: Partial<RedisConfig.RedisConfig>
}

const open = Effect.fnUntraced(function* (context: Context.Context<CacheManager | LiveView>, code: Code) {
  const manager = Context.get(context, CacheManager)
  return { manager, live: Context.get(context, LiveView), pages: yield* manager.open(definition(code)) }
})

/** Processes over one store and one log. */
class Deployment extends Context.Service<
  Deployment,
  {
    /** Starts a process, which ends with the scope. */
    readonly start: (options?: Start) => Effect.Effect<Process, CacheError | RedisError, Source | Scope.Scope>
  }
>()("test/Deployment") {
  /** In one memory. */
  static readonly layerMemory = Layer.effect(
    this,
    Effect.map(Effect.context<Layer.Success<typeof CacheManager.layerMemory>>(), (shared) =>
      Deployment.of({
        start: ({ settings = {}, ...code } = {}) =>
          Layer.build(Layer.fresh(CacheManager.layerOver).pipe(Layer.provide(CacheConfig.layer(settings)))).pipe(
            Effect.provideContext(shared),
            Effect.flatMap((context) => open(context, code))
          )
      })
    )
  ).pipe(Layer.provide(CacheManager.layerMemory))

  /** Over a Redis of their own, each with its own connections. `Redis` is the test's. */
  static readonly layerRedis = Layer.effect(
    this,
    RedisServer.useSync(({ port }) =>
      Deployment.of({
        start: ({ redis = {}, settings = {}, ...code } = {}) =>
          Layer.build(
            Layer.fresh(CacheManager.layerRedis).pipe(
              Layer.provide(Layer.fresh(Redis.layer({ port, ...redis }))),
              Layer.provide(CacheConfig.layer(settings))
            )
          ).pipe(Effect.flatMap((context) => open(context, code)))
      })
    )
  ).pipe(
    Layer.provideMerge(
      Layer.unwrap(RedisServer.use(({ port }) => Effect.succeed(Redis.layer({ port })))).pipe(
        Layer.provideMerge(RedisServer.layer)
      )
    )
  )
}

export const start = (options?: Start) => Deployment.use((deployment) => deployment.start(options))

/** The keys in Redis; none where there is no Redis. */
export const keysOf = (pattern: string) =>
  Effect.flatMap(Effect.serviceOption(Redis), (redis) =>
    Option.isNone(redis)
      ? Effect.succeed([])
      : Effect.map(Stream.runCollect(redis.value.scan(pattern)), (found) => [...new Set(found.flat())])
  )

export const leases = keysOf("letletme:#lease:*")

/** What the tests run over, by name. */
export const worlds = {
  memory: Deployment.layerMemory.pipe(Layer.provideMerge(Source.layer)),
  redis: Deployment.layerRedis.pipe(Layer.provideMerge(Source.layer))
}
