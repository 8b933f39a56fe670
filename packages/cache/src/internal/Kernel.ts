/**
 * What every domain of one manager shares: the tiers, the view, the counters, and the guards in front of the source.
 */
import { Clock, Effect, Exit, Option, PubSub, Schedule, type Scope, Semaphore, Stream } from "effect"
import { CircuitBreaker } from "effect/persistence"
import * as CacheConfig from "../CacheConfig.ts"
import { CacheError, Unavailable } from "../CacheError.ts"
import type { CacheEvent } from "../CacheEvent.ts"
import { CacheMetrics } from "../CacheMetrics.ts"
import { CacheStore } from "../CacheStore.ts"
import { Cipher } from "../Cipher.ts"
import { LiveView } from "../LiveView.ts"
import type { Tag } from "../Tag.ts"
import * as SecondTier from "./SecondTier.ts"

export interface Kernel {
  readonly config: CacheConfig.Settings
  readonly clock: Clock.Clock
  readonly live: LiveView["Service"]
  readonly store: CacheStore["Service"]
  /** Encrypts what the store holds; `undefined` where it holds entries as they are. */
  readonly cipher: Cipher["Service"] | undefined
  readonly metrics: CacheMetrics["Service"]
  /** Log and store for those who can do without them. */
  readonly tier: SecondTier.SecondTier
  /** Runs a lookup behind the bulkhead and the circuit breaker of its domain; a nested one has its place already. */
  readonly guard: <A, E>(
    domain: string,
    key: Tag,
    lookup: Effect.Effect<A, E>,
    nested: boolean
  ) => Effect.Effect<A, E | CacheError>
  readonly events: PubSub.PubSub<CacheEvent>
  readonly tell: (event: CacheEvent) => void
}

// A failing source is left alone after this many failures in a row, for a time that grows while it goes on failing.
const tripAfter = 10

export const make: Effect.Effect<
  Kernel,
  never,
  LiveView | CacheStore | CacheMetrics | CircuitBreaker.CircuitBreakerStore | Scope.Scope
> = Effect.gen(function* () {
  const config = yield* CacheConfig.Settings
  const clock = yield* Clock.Clock
  const live = yield* LiveView
  const store = yield* CacheStore
  const metrics = yield* CacheMetrics
  const cipher = Option.getOrUndefined(yield* Effect.serviceOption(Cipher))
  const events = yield* Effect.acquireRelease(PubSub.sliding<CacheEvent>(4_096), PubSub.shutdown)
  const bulkhead = yield* Semaphore.make(config.maxLookups)
  const breaker = yield* CircuitBreaker.make({
    tripPolicy: CircuitBreaker.consecutive(tripAfter),
    openDuration: Schedule.exponential("100 millis").pipe(Schedule.upTo({ duration: "5 seconds" }))
  })
  let queued = 0

  const tell = (event: CacheEvent): void => {
    PubSub.publishUnsafe(events, event)
  }

  const unavailable = (key: Tag, because: Unavailable["because"], detail: string) =>
    new CacheError({ reason: new Unavailable({ key, because, detail }) })

  // The breaker adds its own failures to the lookup's: the exit is carried through it as a value.
  const unbroken = <A, E>(domain: string, key: Tag, lookup: Effect.Effect<A, E>): Effect.Effect<A, E | CacheError> =>
    breaker
      .execute(Effect.exit(lookup), {
        key: domain,
        classify: (exit) =>
          Exit.isSuccess(exit) && Exit.isSuccess(exit.value) ? CircuitBreaker.success : CircuitBreaker.failure()
      })
      .pipe(
        Effect.mapError(() => unavailable(key, "failing", `lookups of ${domain} failed ${tripAfter} times in a row`)),
        Effect.flatten
      )

  const guard = <A, E>(
    domain: string,
    key: Tag,
    lookup: Effect.Effect<A, E>,
    nested: boolean
  ): Effect.Effect<A, E | CacheError> =>
    nested
      ? unbroken(domain, key, lookup)
      : Effect.suspend(() => {
          if (queued >= config.maxLookups * 11) {
            return Effect.fail(unavailable(key, "overloaded", `${queued} lookups already run or wait`))
          }
          queued++
          return unbroken(domain, key, lookup).pipe(
            bulkhead.withPermit,
            Effect.ensuring(
              Effect.sync(() => {
                queued--
              })
            )
          )
        })

  yield* breaker.transitions.pipe(
    Stream.runForEach(({ key, to }) =>
      Effect.sync(() => tell({ _tag: "Breaker", dependency: `lookup ${key}`, state: to }))
    ),
    Effect.forkScoped
  )

  const tier = yield* SecondTier.make({
    store,
    catchUp: live.catchUp,
    patience: config.storeTimeout,
    leaseFor: config.lease,
    metrics,
    tell
  })

  return { config, clock, live, store, cipher, tier, metrics, guard, events, tell }
})
