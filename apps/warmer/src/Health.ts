/**
 * Whether the process is of use: ready once the first revision is published and warmed, degraded while the source or
 * the log does not answer.
 */
import { Clock, Context, Deferred, Effect, Layer, Option, Ref } from "effect"
import {
  Advice,
  CacheManager,
  ConsistencyMonitor,
  Leadership,
  LiveView,
  Meter,
  Recovery,
  type WarmStage
} from "@letletme/cache"
import * as Instruments from "./Instruments.ts"
import * as Rotations from "./Rotations.ts"

/** The status that `/health/ready` answers. */
export interface Status {
  readonly status: "starting" | "ready" | "degraded" | "stopping"
  /** Why it is not simply ready. */
  readonly reasons: ReadonlyArray<string>
  /** The source time of the revision in force, and when it was last confirmed. */
  readonly revision: string | null
  readonly checkedAt: string | null
  /** How long ago that was (ms). */
  readonly age: number | null
  /** The last run of the warmer. */
  readonly warmed: {
    readonly path: string
    readonly entries: number
    readonly loaded: number
    readonly millis: number
  } | null
  /** What the consistency monitor found, if there is one. */
  readonly consistency: {
    readonly samples: number
    readonly inconsistent: number
    readonly nines: number
    /** The greatest age of an inconsistent entry (ms). */
    readonly oldest: number
  } | null
  /** Whether this process leads, or who does. One that stands by is ready once it knows. */
  readonly leadership: { readonly state: "leading" | "standing by" | "unknown"; readonly leader: string | null }
  readonly log: { readonly position: number; readonly floor: number; readonly isTrusted: boolean }
  /** What is to be mended in how Redis is set up. It goes on meanwhile: this alone makes it not degraded. */
  readonly advice: ReadonlyArray<Advice.Finding>
  /** How far the rotation of the encryption keys is, where this process does it. */
  readonly rotation: Rotations.Status | null
}

const describe = (name: string, state: Effect.Success<Leadership["Service"]["state"]>) => {
  switch (state._tag) {
    case "Leading":
      return { state: "leading", leader: name } as const
    case "StandingBy":
      return { state: "standing by", leader: state.leader } as const
    case "Unknown":
      return { state: "unknown", leader: null } as const
  }
}

// A poll that is so much overdue is a finding (ms): the data is older than it is meant to be.
const patience = 60_000

/** The health of the process. */
export class Health extends Context.Service<
  Health,
  {
    readonly status: Effect.Effect<Status>
    readonly isReady: Effect.Effect<boolean>
    readonly awaitReady: Effect.Effect<void>
    readonly polled: (revision: number) => Effect.Effect<void>
    readonly pollFailed: (reason: string) => Effect.Effect<void>
    /** When the source is to be asked again (epoch ms). */
    readonly nextPollAt: (time: number) => Effect.Effect<void>
    /** It takes no new work: whoever balances load sends it elsewhere. */
    readonly stopping: Effect.Effect<void>
    /** It leads no longer: what the last poll said is another's concern. */
    readonly stoodDown: Effect.Effect<void>
    readonly warmed: (report: WarmStage.Report) => Effect.Effect<void>
  }
>()("@letletme/warmer/Health") {
  static readonly layer: Layer.Layer<Health, never, CacheManager | LiveView | Leadership | Recovery> = Layer.effect(
    this,
    Effect.gen(function* () {
      const manager = yield* CacheManager
      const live = yield* LiveView
      const leadership = yield* Leadership
      const recovery = yield* Recovery
      const clock = yield* Clock.Clock
      const monitor = Option.getOrNull(yield* Effect.serviceOption(ConsistencyMonitor))
      const advice = Option.getOrNull(yield* Effect.serviceOption(Advice.Advice))
      const rotations = Option.getOrNull(yield* Effect.serviceOption(Rotations.Rotations))
      const ready = yield* Deferred.make<void>()
      const poll = yield* Ref.make<{ revision: number | null; checkedAt: number | null; failure: string | null }>({
        revision: null,
        checkedAt: null,
        failure: null
      })
      const last = yield* Ref.make<Status["warmed"]>(null)
      const due = yield* Ref.make(Number.POSITIVE_INFINITY)
      const isStopping = yield* Ref.make(false)
      const meter = yield* Meter.make
      const startedAt = clock.currentTimeMillisUnsafe()
      meter.observe(
        Instruments.sourceAge,
        {},
        () => (clock.currentTimeMillisUnsafe() - (Ref.getUnsafe(poll).checkedAt ?? startedAt)) / 1_000
      )
      meter.observe(Instruments.sourceFailing, {}, () => Number(Ref.getUnsafe(poll).failure !== null))
      meter.observe(Instruments.ready, {}, () => Number(Deferred.isDoneUnsafe(ready)))
      const iso = (millis: number | null) => (millis === null ? null : new Date(millis).toISOString())
      const isReady = Effect.sync(() => Deferred.isDoneUnsafe(ready))

      return Health.of({
        isReady,
        awaitReady: Deferred.await(ready),
        polled: (revision) => Ref.set(poll, { revision, checkedAt: clock.currentTimeMillisUnsafe(), failure: null }),
        pollFailed: (failure) => Ref.update(poll, (state) => ({ ...state, failure })),
        nextPollAt: (time) => Ref.set(due, time),
        stopping: Ref.set(isStopping, true),
        stoodDown: Effect.andThen(
          Ref.update(poll, (state) => ({ ...state, failure: null })),
          Ref.set(due, Number.POSITIVE_INFINITY)
        ),
        warmed: ({ loaded, millis, path, total }) =>
          Effect.andThen(Ref.set(last, { path, entries: total, loaded, millis }), Deferred.succeed(ready, undefined)),
        status: Effect.gen(function* () {
          const { checkedAt, failure, revision } = yield* Ref.get(poll)
          const now = clock.currentTimeMillisUnsafe()
          const isTrusted = live.isTrusted(now)
          const late = now - (yield* Ref.get(due))
          const { leader, state } = describe(leadership.name, yield* leadership.state)
          const started = state === "standing by" || (yield* isReady)
          const counts = monitor === null ? null : yield* monitor.counts
          const { isShedding } = yield* manager.load
          const reasons = [
            ...(failure === null ? [] : [failure]),
            ...(late > patience
              ? [`The source was to be asked ${Math.round(late / 1000)} s ago, and has not answered.`]
              : []),
            ...(isTrusted ? [] : ["The invalidation log does not answer."]),
            ...(state === "unknown" ? ["Who leads is not known: the log does not say."] : []),
            ...Array.from(
              yield* recovery.unresolved,
              ([problem, finding]) => `Recovery from ${problem} needs a person: ${finding}`
            ),
            ...(isShedding ? ["Load is shed: a lookup that would have to wait is refused."] : []),
            ...(started ? [] : ["The first warming has not ended."])
          ]
          return {
            status: (yield* Ref.get(isStopping))
              ? "stopping"
              : !started
                ? "starting"
                : reasons.length > 0
                  ? "degraded"
                  : "ready",
            reasons,
            revision: iso(revision),
            checkedAt: iso(checkedAt),
            age: checkedAt === null ? null : now - checkedAt,
            warmed: yield* Ref.get(last),
            consistency: counts && {
              samples: counts.samples,
              inconsistent: counts.inconsistent,
              nines: counts.nines,
              oldest: counts.oldest
            },
            leadership: { state, leader },
            log: { position: live.view.position, floor: live.view.floor, isTrusted },
            advice: advice === null ? [] : (yield* advice.latest).findings,
            rotation: rotations === null ? null : Option.getOrNull(yield* rotations.status)
          } satisfies Status
        })
      })
    })
  )
}
