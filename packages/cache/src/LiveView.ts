/**
 * The view kept current: one scoped fiber tails the log, and its heartbeat bounds how old the view can be.
 *
 * Past `maxStaleness` without an answer the view is untrusted: cached values then count as unverified until the missed
 * part of the log has been caught up with.
 */
import { Clock, Context, Deferred, Effect, Layer, PubSub, Schedule, type Scope, type Tracer } from "effect"
import * as CacheConfig from "./CacheConfig.ts"
import { CacheError, Timeout } from "./CacheError.ts"
import * as Instruments from "./Instruments.ts"
import { type Append, type Appended, InvalidationLog, type Progress } from "./InvalidationLog.ts"
import * as Meter from "./Meter.ts"
import type { Position } from "./Position.ts"
import * as TraceContext from "./TraceContext.ts"
import * as View from "./View.ts"

// After an answer the tail lets so much time go by before it asks again (ms): under a thousand appends a second several
// then come together, and each process asks three hundred times, not a thousand.
const gathering = 3

/** What happened to the view. */
export type Change =
  | {
      readonly _tag: "Applied"
      readonly entry: View.LogEntry
      /** What follows from it belongs to this span. */
      readonly span?: Tracer.AnySpan | undefined
    }
  | { readonly _tag: "FloorRaised"; readonly floor: Position }
  | { readonly _tag: "TrustLost" }
  | { readonly _tag: "TrustGained" }

/**
 * The process's view of the log, and the way to append to it. Where the log does not answer, or not in time, its
 * methods fail with `CacheError`.
 */
export class LiveView extends Context.Service<
  LiveView,
  {
    /** The view itself, for synchronous checks. Only this service changes it. */
    readonly view: View.View
    /** Whether the view is known to be at most `maxStaleness` old at this time (epoch ms). */
    readonly isTrusted: (now: number) => boolean
    /** Whether the log failed to answer last time, so that asking it now would only cost time. */
    readonly isBroken: () => boolean
    /** Learns the head and brings the view up to it: what a strong read waits for. */
    readonly catchUp: Effect.Effect<void, CacheError>
    /** Waits until the view has reached a position, at most for `timeout` milliseconds. */
    readonly reach: (position: Position, timeout: number) => Effect.Effect<void, CacheError>
    /** Appends, and brings the view up to the append's position: the process reads its own invalidations at once. */
    readonly append: (append: Omit<Append, "from">) => Effect.Effect<Appended, CacheError>
    /** Forgets the older half of the marks, and raises the floor over them: what was stamped before is loaded anew. */
    readonly compact: Effect.Effect<void, CacheError>
    /** Changes from now on. A subscriber that falls 1,024 behind misses the oldest. */
    readonly changes: Effect.Effect<PubSub.Subscription<Change>, never, Scope.Scope>
  }
>()("@letletme/cache/LiveView") {
  static readonly layer: Layer.Layer<LiveView, never, InvalidationLog> = Layer.effect(
    this,
    Effect.gen(function* () {
      const log = yield* InvalidationLog
      const config = yield* CacheConfig.Settings
      const clock = yield* Clock.Clock
      const view = View.make()
      const changes = yield* PubSub.sliding<Change>(1_024)
      yield* Effect.addFinalizer(() => PubSub.shutdown(changes))

      const startedAt = clock.currentTimeMillisUnsafe()
      // The last head that the log stated.
      let head: Position = 0
      // When the last question was asked whose answer left nothing missing (epoch ms).
      let confirmedAt = Number.NEGATIVE_INFINITY
      let wasTrusted: boolean | undefined
      let wasLost = false
      let broken = false
      let moved = Deferred.makeUnsafe<void>()

      const isTrusted = (now: number): boolean =>
        // A clock set back must not stretch the bound: a time before the confirmation is not trusted either.
        !log.isRemote || (now - confirmedAt <= config.maxStaleness && now >= confirmedAt)

      // Answers may come out of order. Where the clock was set back, what was confirmed before says nothing any more.
      const confirm = (askedAt: number) => {
        confirmedAt = clock.currentTimeMillisUnsafe() < confirmedAt ? askedAt : Math.max(confirmedAt, askedAt)
        broken = false
      }

      const report = Effect.fnUntraced(function* (before: Position, floorBefore: Position) {
        if (view.position !== before) {
          Deferred.doneUnsafe(moved, Effect.void)
          moved = Deferred.makeUnsafe<void>()
        }
        if (view.floor !== floorBefore) yield* PubSub.publish(changes, { _tag: "FloorRaised", floor: view.floor })
        const trusted = isTrusted(clock.currentTimeMillisUnsafe())
        if (trusted !== wasTrusted) {
          wasTrusted = trusted
          yield* PubSub.publish(changes, { _tag: trusted ? "TrustGained" : "TrustLost" })
          if (!trusted) {
            wasLost = true
            yield* Effect.logWarning(
              "The invalidation log does not answer: cached values are not trusted until it does"
            )
          } else if (wasLost) {
            yield* Effect.logInfo(`The invalidation log answers again: the view is current at ${view.position}`)
          }
        }
      })

      const tell = (entry: View.LogEntry) =>
        entry.trace === undefined
          ? PubSub.publish(changes, { _tag: "Applied", entry })
          : TraceContext.continued(
              "LiveView.apply",
              entry.trace,
              Effect.withFiber(({ cache }) => PubSub.publish(changes, { _tag: "Applied", entry, span: cache.span })),
              { "cache.position": entry.position, "cache.cause": entry.cause, "cache.tags": entry.tags.length }
            )

      const apply = Effect.fnUntraced(function* (entries: ReadonlyArray<View.LogEntry>) {
        const { position, floor } = view
        const complete = view.apply(entries)
        for (const entry of entries) {
          if (entry.position > position) yield* tell(entry)
        }
        yield* report(position, floor)
        return complete
      })

      const snapshot = Effect.gen(function* () {
        const askedAt = clock.currentTimeMillisUnsafe()
        const taken = yield* log.snapshot
        const { position, floor } = view
        view.restore(taken)
        confirm(askedAt)
        yield* report(position, floor)
      })

      const absorb = Effect.fnUntraced(function* (progress: Progress, askedAt: number) {
        head = Math.max(head, progress.head)
        yield* apply(progress.entries)
        // A trimmed or vanished log leaves a gap that only the table can fill.
        if (view.position < progress.head || view.floor < progress.floor) return yield* snapshot
        confirm(askedAt)
        return yield* report(view.position, view.floor)
      })

      const catchUp = Effect.suspend(() => {
        const askedAt = clock.currentTimeMillisUnsafe()
        return Effect.flatMap(log.sync(view.position, view.highest), (progress) => absorb(progress, askedAt))
      })

      const reach = (position: Position, timeout: number): Effect.Effect<void, CacheError> => {
        const wait: Effect.Effect<void> = Effect.suspend(() =>
          view.position >= position ? Effect.void : Effect.andThen(Deferred.await(moved), wait)
        )
        return Effect.suspend(() =>
          view.position >= position
            ? Effect.void
            : Effect.andThen(catchUp, wait).pipe(
                Effect.timeoutOrElse({
                  duration: timeout,
                  orElse: () =>
                    Effect.fail(
                      new CacheError({
                        reason: new Timeout({ operation: `Reaching position ${position}`, millis: timeout })
                      })
                    )
                })
              )
        )
      }

      const append = Effect.fnUntraced(function* (request: Omit<Append, "from">) {
        const askedAt = clock.currentTimeMillisUnsafe()
        const appended = yield* log.append({ ...request, from: view.position, seen: view.highest })
        // The append is acknowledged only once this process sees it, even if the snapshot it needs has to wait.
        yield* absorb(appended, askedAt)
        // The append is done, whatever becomes of this: the next one tries again.
        if (view.size > config.maxTags) yield* Effect.ignore(compact)
        return appended
      })

      // The newer half of the marks survives; whatever was stamped before them is loaded anew.
      const compact = Effect.suspend(() => {
        const positions = Array.from(view.marks(), ([, position]) => position).toSorted((a, b) => a - b)
        return log.compact(positions[Math.floor(positions.length / 2)] ?? view.floor)
      })

      const heartbeat = config.maxStaleness / 3
      const tail = Effect.gen(function* () {
        yield* catchUp
        while (true) {
          const entries = yield* log.follow(view.position)
          const complete = yield* apply(entries)
          if (!complete) yield* snapshot
          const age = clock.currentTimeMillisUnsafe() - confirmedAt
          if (log.isRemote && (age >= heartbeat || age < 0)) yield* catchUp
          if (log.isRemote && entries.length > 0) yield* Effect.sleep(gathering)
        }
      }).pipe(
        Effect.tapError((error) => {
          broken = true
          return Effect.andThen(report(view.position, view.floor), Effect.logDebug("The tail broke off", error))
        }),
        Effect.retry(
          Schedule.min([Schedule.exponential("20 millis"), Schedule.spaced(heartbeat)]).pipe(Schedule.jittered)
        )
      )

      const meter = yield* Meter.make
      const silence = () => (clock.currentTimeMillisUnsafe() - Math.max(startedAt, confirmedAt)) / 1_000
      meter.observe(Instruments.logPosition, {}, () => view.position)
      meter.observe(Instruments.logLag, {}, () => Math.max(0, head - view.position, view.highest - view.position))
      meter.observe(Instruments.logSilence, {}, () => (log.isRemote ? Math.max(0, silence()) : 0))
      meter.observe(Instruments.logTrusted, {}, () => Number(isTrusted(clock.currentTimeMillisUnsafe())))
      meter.observe(Instruments.viewTags, {}, () => view.size)

      // A server that is away at start must not keep the application from starting: it starts untrusted.
      yield* Effect.ignore(snapshot)
      yield* Effect.forkScoped(tail)

      return LiveView.of({
        view,
        isTrusted,
        isBroken: () => broken,
        catchUp,
        reach,
        append,
        compact: Effect.andThen(compact, catchUp),
        changes: PubSub.subscribe(changes)
      })
    })
  )
}
