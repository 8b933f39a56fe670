/**
 * The store as a read uses it: what does not answer in time is gone on without, and left alone for a while.
 */
import { Cause, Clock, Effect, Exit, Option, Schedule, type Scope, Stream } from "effect"
import { CircuitBreaker } from "effect/persistence"
import { CacheError, Timeout } from "../CacheError.ts"
import type { CacheEvent } from "../CacheEvent.ts"
import type { CacheMetrics, Operation } from "../CacheMetrics.ts"
import type { CacheStore, Fill } from "../CacheStore.ts"
import * as Batch from "./Batch.ts"
import * as Deadline from "./Deadline.ts"
import { inParts } from "./inParts.ts"
import { timed } from "./timed.ts"

type Store = CacheStore["Service"]
type Bytes = Uint8Array | undefined

/** None of these fails. A failure is counted and told, and answered as if the store had nothing and took everything. */
export interface SecondTier {
  /** Learns the log's head. Answers whether it did. */
  readonly catchUp: Effect.Effect<boolean>
  readonly getMany: (operation: "read" | "poll", keys: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Bytes>>
  /** Reads one key; the reads of a tick share a round trip. */
  readonly getOne: (key: string, answered: Batch.Answered<Bytes, never>) => void
  readonly lease: (leases: Parameters<Store["lease"]>[0]) => Effect.Effect<ReadonlyArray<string | undefined>>
  readonly release: (leases: Parameters<Store["release"]>[0]) => Effect.Effect<void>
  /** Answers for each whether it was stored, as far as is known. */
  readonly fill: (fills: ReadonlyArray<Fill>) => Effect.Effect<ReadonlyArray<boolean>>
}

// A call asks for at most this many keys at once: of the reads of a tick, and of those of one caller.
const batchLimit = 128
const bulkLimit = 512

// One that hangs is asked again so soon: at first, and at last.
const openDuration = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("500 millis")])

/** The name of what is all on one server. */
const everything = "store"

export const make = Effect.fnUntraced(function* (options: {
  readonly store: Store
  readonly catchUp: Effect.Effect<void, CacheError>
  /** How long a call may take (ms). */
  readonly patience: number
  /** How long a lease is held (ms). */
  readonly leaseFor: number
  readonly metrics: Pick<CacheMetrics["Service"], "countStoreError" | "timeStore">
  readonly tell: (event: CacheEvent) => void
}): Effect.fn.Return<SecondTier, never, CircuitBreaker.CircuitBreakerStore | Scope.Scope> {
  const { metrics, patience, store, tell } = options
  const clock = yield* Clock.Clock
  const scope = yield* Effect.scope
  const breaker = yield* CircuitBreaker.make({ tripPolicy: CircuitBreaker.consecutive(1), openDuration })
  yield* breaker.transitions.pipe(
    Stream.runForEach(({ key, to }) => Effect.sync(() => tell({ _tag: "Breaker", dependency: key, state: to }))),
    Effect.forkScoped
  )
  // The servers that did not answer in time: only these are asked by way of the breaker.
  const slow = new Set<string>()

  const inTime = yield* Deadline.make(patience, (operation: string) => {
    const reason = new Timeout({ operation: `The store's "${operation}"`, millis: patience })
    return new CacheError({ reason })
  })

  const isLate = (error: CacheError) => error.reason._tag === "Timeout"

  /** From now on the server is asked by way of the breaker, which begins open. */
  const leave = (server: string, error: CacheError) =>
    Effect.suspend(() => {
      if (slow.has(server)) return Effect.void
      slow.add(server)
      return Effect.ignore(breaker.execute(Effect.fail(error), { key: server }))
    })

  const askSlow = <A>(server: string, timely: Effect.Effect<A, CacheError>) =>
    breaker
      .execute(timely, {
        key: server,
        classify: (exit) =>
          Exit.isFailure(exit) && Option.exists(Cause.findErrorOption(exit.cause), isLate)
            ? CircuitBreaker.failure()
            : CircuitBreaker.success
      })
      .pipe(Effect.tap(() => Effect.sync(() => slow.delete(server))))

  const ask = <A>(
    server: string,
    operation: Operation,
    call: Effect.Effect<A, CacheError>,
    without: () => A
  ): Effect.Effect<A> =>
    Effect.suspend((): Effect.Effect<A, CacheError | CircuitBreaker.CircuitBreakerError> => {
      const timely = timed(clock, inTime(operation, call), (seconds) => metrics.timeStore(operation, seconds))
      if (slow.has(server)) return askSlow(server, timely)
      return Effect.tapError(timely, (error) => (isLate(error) ? leave(server, error) : Effect.void))
    }).pipe(
      Effect.catch((error) =>
        Effect.sync(() => {
          // A server that is left alone was not asked.
          if (error._tag === "CacheError") {
            metrics.countStoreError(operation)
            tell({ _tag: "StoreFailed", operation, error })
          }
          return without()
        })
      )
    )

  const { homeOf = () => everything } = store

  /**
   * Asks each server for what it has: one that is slow keeps nothing from the others. More than `limit` are asked for in
   * several calls, each in time for itself.
   */
  const askEach = <I, A>(
    operation: Operation,
    items: ReadonlyArray<I>,
    keyOf: (item: I) => string,
    call: (some: ReadonlyArray<I>) => Effect.Effect<ReadonlyArray<A>, CacheError>,
    without: A,
    limit = batchLimit
  ): Effect.Effect<ReadonlyArray<A | undefined>> => {
    const partOf = store.homeOf === undefined ? undefined : (item: I) => homeOf(keyOf(item))
    return inParts(items, { limit, partOf }, (some) => {
      const [first] = some
      const server = first === undefined ? everything : homeOf(keyOf(first))
      return ask(server, operation, call(some), () => some.map(() => without))
    })
  }

  const getMany: SecondTier["getMany"] = (operation, keys) =>
    askEach<string, Bytes>(operation, keys, (key) => key, store.getMany, undefined, bulkLimit)

  return {
    catchUp: ask("log", "sync", Effect.as(options.catchUp, true), () => false),
    getMany,
    getOne: yield* Batch.make((keys: ReadonlyArray<string>) => getMany("read", keys), batchLimit),
    lease: (leases) =>
      askEach<(typeof leases)[number], string | undefined>(
        "lease",
        leases,
        ({ key }) => key,
        (some) =>
          // One that is taken too late is nobody's: others would wait for it in vain.
          Effect.onInterrupt(store.lease(some, options.leaseFor), () =>
            Effect.forkIn(Effect.ignore(store.release(some)), scope)
          ),
        undefined
      ),
    release: (leases) =>
      Effect.asVoid(
        askEach(
          "release",
          leases,
          ({ key }) => key,
          (some) => Effect.as(store.release(some), []),
          undefined
        )
      ),
    fill: (fills) =>
      Effect.map(
        askEach("fill", fills, ({ key }) => key, store.fill, true),
        (stored) => stored.map((one) => one !== false)
      )
  }
})
