/**
 * A cache over Redis that is there at once, also while Redis is away: its view is untrusted then, and its reads go to the
 * source until the log answers.
 */
import { type BlockingConnection, Redis } from "@letletme/redis"
import { Effect, Exit, Layer, Scope } from "effect"
import * as CacheConfig from "../CacheConfig.ts"
import { CacheError, Timeout } from "../CacheError.ts"
import { CacheManager } from "../CacheManager.ts"
import { InvalidationLog } from "../InvalidationLog.ts"
import * as RedisLog from "../RedisLog.ts"
import * as RedisStore from "../RedisStore.ts"

/** The connection that follows the log is made when it is first used. */
const followingLater = Layer.effect(
  Redis,
  Redis.use((redis) => {
    const blocking = Effect.gen(function* () {
      const scope = yield* Scope.Scope
      let connected: BlockingConnection | undefined
      const connect = Effect.gen(function* () {
        const own = yield* Scope.fork(scope)
        connected = yield* Effect.onError(Scope.provide(redis.blocking, own), () => Scope.close(own, Exit.void))
        return connected
      })
      return {
        send: (timeout, command, ...args) =>
          Effect.flatMap(connected === undefined ? connect : Effect.succeed(connected), ({ send }) =>
            send(timeout, command, ...args)
          )
      } satisfies BlockingConnection
    })
    return Effect.succeed(Redis.of({ ...redis, blocking }))
  })
)

/** The first snapshot is waited for as long as a read waits for the store; the tail takes the next one. */
const startingSoon = Layer.effect(
  InvalidationLog,
  Effect.gen(function* () {
    const log = yield* InvalidationLog
    const { storeTimeout } = yield* CacheConfig.Settings
    let isFirst = true
    const first = Effect.timeoutOrElse(log.snapshot, {
      duration: storeTimeout,
      orElse: () =>
        Effect.fail(new CacheError({ reason: new Timeout({ operation: "Reading the table", millis: storeTimeout }) }))
    })
    return InvalidationLog.of({
      ...log,
      snapshot: Effect.suspend(() => {
        const taken = isFirst ? first : log.snapshot
        isFirst = false
        return taken
      })
    })
  })
)

export const layer = CacheManager.layerOver.pipe(
  Layer.provideMerge(startingSoon),
  Layer.provideMerge(RedisLog.layer),
  Layer.provideMerge(RedisStore.layer),
  Layer.provide(followingLater),
  // It asks for one thing that may fail, a connection: that is made later.
  Layer.orDie
)
