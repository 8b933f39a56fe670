/**
 * Appends to the log what the outbox holds: one scoped fiber, woken by the database and by a slow poll.
 */
import { Context, Duration, Effect, Layer, Schedule, Semaphore } from "effect"
import type { CacheError } from "./CacheError.ts"
import { CacheManager } from "./CacheManager.ts"
import { Outbox, type OutboxError } from "./Outbox.ts"
import type { Position } from "./Position.ts"
import * as TraceContext from "./TraceContext.ts"

/** How the relay goes about it. */
export interface RelayOptions {
  /** How often it looks without being told, in case a notice was lost. Default: 1 second. */
  readonly poll?: Duration.Input | undefined
}

// Rows read at once: one that cannot be appended holds up no more than these.
const batch = 100

/** What the cause ends with in the log where the relay appended, and not who committed: `explain` shows it. */
export const relayedMark = " (relayed)"

/** The name under which an announcement is appended, by the relay or by whoever committed it. */
export const onceName = (id: string): string => `outbox:${id}`

/**
 * The relay. Any number of processes may run one: an announcement is appended once, whoever comes first.
 *
 * It appends in the order of the commits. A process that commits may also append what it committed itself, under
 * {@link onceName}, and note it with `Outbox.delivered`: that is faster, and leaves to the relay what a crash or an
 * outage kept it from.
 *
 * `flush` fails with `OutboxError` where the outbox does not answer, with `CacheError` where the log does not: what is
 * pending stays so.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { CacheManager, Outbox, OutboxRelay } from "@letletme/cache"
 *
 * const relay = OutboxRelay.layer({ poll: "5 seconds" }).pipe(
 *   Layer.provide(CacheManager.layerMemory),
 *   Layer.provide(Outbox.layerMemory)
 * )
 * ```
 */
export class OutboxRelay extends Context.Service<
  OutboxRelay,
  {
    /** Appends all that is pending now. Answers the position of the last append, `undefined` where nothing was pending. */
    readonly flush: Effect.Effect<Position | undefined, CacheError | OutboxError>
    /**
     * Runs a commit and the append of what it committed, while this relay waits: an append that comes first has only the
     * tags, and the values that the commit's own append writes with them would be loaded instead.
     */
    readonly ahead: <A, E, R>(commit: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  }
>()("@letletme/cache/OutboxRelay") {
  static readonly layer = (options: RelayOptions = {}): Layer.Layer<OutboxRelay, never, CacheManager | Outbox> =>
    Layer.effect(
      this,
      Effect.gen(function* () {
        const manager = yield* CacheManager
        const outbox = yield* Outbox
        const poll = Duration.fromInputUnsafe(options.poll ?? "1 second")
        const single = yield* Semaphore.make(1)

        const flush = Effect.gen(function* () {
          let last: Position | undefined
          while (true) {
            // Asked once a second: no trace of anything.
            const pending = yield* Effect.withTracerEnabled(outbox.pending(batch), false)
            for (const { cause, id, tags, trace } of pending) {
              const append = manager.commit([], { related: tags, cause: `${cause}${relayedMark}`, once: onceName(id) })
              const { position } = yield* TraceContext.continued("OutboxRelay.deliver", trace, append)
              yield* outbox.delivered([id], position)
              last = position
            }
            if (pending.length < batch) return last
          }
        }).pipe(single.withPermit)

        const turn = Effect.gen(function* () {
          yield* flush
          yield* Effect.timeoutOption(outbox.awaken, poll)
        })
        yield* Effect.forever(
          turn.pipe(
            Effect.tapError((error) => Effect.logWarning(`The outbox waits: ${error.message}`)),
            Effect.retry(
              Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced(poll)]).pipe(Schedule.jittered)
            )
          )
        ).pipe(Effect.forkScoped)
        return OutboxRelay.of({ flush, ahead: single.withPermit })
      })
    )
}
