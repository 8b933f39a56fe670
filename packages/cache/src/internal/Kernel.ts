/**
 * What every domain of one manager shares: the tiers, the view, the counters, and the guards in front of the source.
 */
import { Clock, Effect, Exit, Option, PubSub, Schedule, type Scope, Stream } from "effect"
import { CircuitBreaker } from "effect/persistence"
import * as CacheConfig from "../CacheConfig.ts"
import { CacheError, Unavailable } from "../CacheError.ts"
import type { CacheEvent } from "../CacheEvent.ts"
import { CacheMetrics } from "../CacheMetrics.ts"
import { CacheStore } from "../CacheStore.ts"
import { Cipher } from "../Cipher.ts"
import * as Instruments from "../Instruments.ts"
import { LiveView } from "../LiveView.ts"
import * as Meter from "../Meter.ts"
import type { Tag } from "../Tag.ts"
import * as Bulkhead from "./Bulkhead.ts"
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
  readonly bulkhead: Bulkhead.Bulkhead
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
  const breaker = yield* CircuitBreaker.make({
    tripPolicy: CircuitBreaker.consecutive(tripAfter),
    openDuration: Schedule.exponential("100 millis").pipe(Schedule.upTo({ duration: "5 seconds" }))
  })

  const tell = (event: CacheEvent): void => {
    PubSub.publishUnsafe(events, event)
  }
  const bulkhead = yield* Bulkhead.make({ limit: config.maxLookups, clock, tell })
  const meter = yield* Meter.make
  meter.observe(Instruments.lookups, { state: "running" }, () => bulkhead.load().running)
  meter.observe(Instruments.lookups, { state: "waiting" }, () => bulkhead.load().waiting)
  meter.observe(Instruments.shedding, {}, () => Number(bulkhead.load().isShedding))

  const failing = (domain: string, key: Tag) => {
    const detail = `lookups of ${domain} failed ${tripAfter} times in a row`
    return new CacheError({ reason: new Unavailable({ key, because: "failing", detail }) })
  }

  // The breaker adds its own failures to the lookup's: the exit is carried through it as a value.
  const unbroken = <A, E>(domain: string, key: Tag, lookup: Effect.Effect<A, E>): Effect.Effect<A, E | CacheError> =>
    breaker
      .execute(Effect.exit(lookup), {
        key: domain,
        classify: (exit) =>
          Exit.isSuccess(exit) && Exit.isSuccess(exit.value) ? CircuitBreaker.success : CircuitBreaker.failure()
      })
      .pipe(
        Effect.mapError(() => failing(domain, key)),
        Effect.flatten
      )

  const guard = <A, E>(
    domain: string,
    key: Tag,
    lookup: Effect.Effect<A, E>,
    nested: boolean
  ): Effect.Effect<A, E | CacheError> => {
    const asked = unbroken(domain, key, lookup)
    return nested ? asked : bulkhead.pass(key, asked)
  }

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

  return { config, clock, live, store, cipher, tier, metrics, guard, bulkhead, events, tell }
})
