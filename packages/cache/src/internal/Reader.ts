/**
 * The read path of one domain: near cache, store, load; fresh, stale as the policy allows, or an error.
 */
import { type Cause, type Context, Duration, Effect, Exit, Fiber, Option } from "effect"
import { Absent, CacheError, Timeout, Unavailable } from "../CacheError.ts"
import type { ReadOptions } from "../Domain.ts"
import type { Entry } from "../Entry.ts"
import type { Answer } from "../Lookup.ts"
import { Recorder } from "../Recording.ts"
import type { Tag } from "../Tag.ts"
import * as TraceContext from "../TraceContext.ts"
import type { Loaded, Loader, Wanted } from "./Loader.ts"
import type { Keyed } from "./Keys.ts"
import { nowhere } from "./NearCache.ts"
import { Reading } from "./Reading.ts"
import { mayServe, type Shelf } from "./Shelf.ts"
import { timed } from "./timed.ts"
import type { Held } from "./Tiers.ts"
import * as Tiers from "./Tiers.ts"

export interface Reader<Id, A, E> {
  readonly get: (id: Id, options: ReadOptions | undefined) => Effect.Effect<A, E | CacheError>
  /** Reads one, and loads it with what the caller brought where the tiers do not have it. */
  readonly getOrLoad: <E2, R>(
    id: Id,
    load: Effect.Effect<Answer<A>, E2, R>,
    options: ReadOptions | undefined
  ) => Effect.Effect<A, E | E2 | CacheError, R>
  readonly read: (
    keyed: ReadonlyArray<Keyed<Id>>,
    options: ReadOptions
  ) => Effect.Effect<ReadonlyArray<Option.Option<A>>, E | CacheError>
  readonly peek: (keyed: Keyed<Id>, options: ReadOptions) => Effect.Effect<Option.Option<A>, CacheError>
  readonly refresh: (keyed: ReadonlyArray<Keyed<Id>>) => Effect.Effect<ReadonlyArray<Option.Option<A>>, E | CacheError>
}

/** The answer of an entry to `get`. */
const answerOf = <A>(key: Tag, { value }: Entry<A>): Effect.Effect<A, CacheError> =>
  value === undefined ? Effect.fail(new CacheError({ reason: new Absent({ key }) })) : Effect.succeed(value)

export const make = <Id, A, E>(domain: string, shelf: Shelf<Id, A>, loader: Loader<Id, A, E>): Reader<Id, A, E> => {
  type Holding = Held<Id, A>
  const { kernel, policy, near, counts, meter } = shelf
  const { clock, live } = kernel
  const { view } = live
  const tiers = Tiers.make(shelf)

  const wanted = (
    held: Holding,
    { skip }: ReadOptions,
    nested: boolean,
    load?: Wanted<Id, A>["load"]
  ): Wanted<Id, A> => ({
    id: held.id,
    key: held.key,
    because: held.state === "fresh" ? "expired" : held.state,
    held: held.entry,
    overwrite: held.unreadable,
    beside: skip !== undefined,
    nested,
    anew: held.anew,
    exact: held.exact,
    stored: false,
    load
  })

  const patience = policy.softTimeout === undefined ? Effect.never : Effect.sleep(policy.softTimeout)

  /** Waits for loads only so long. They go on: each has somebody who waits for it from then on. */
  const loadSoftly = (all: ReadonlyArray<Wanted<Id, A>>, arrival: number): Effect.Effect<ReadonlyArray<Loaded<A, E>>> =>
    Effect.raceFirst(
      loader.load(all, arrival),
      Effect.as(Effect.andThen(patience, Effect.forEach(all, loader.refresh, { discard: true })), [])
    )

  const loadAll = (
    hard: ReadonlyArray<Wanted<Id, A>>,
    soft: ReadonlyArray<Wanted<Id, A>>,
    arrival: number
  ): Effect.Effect<readonly [ReadonlyArray<Loaded<A, E>>, ReadonlyArray<Loaded<A, E>>]> =>
    soft.length === 0
      ? Effect.map(loader.load(hard, arrival), (loaded) => [loaded, []])
      : Effect.all([loader.load(hard, arrival), loadSoftly(soft, arrival)], { concurrency: 2 })

  const refreshDue = ({ entry, state }: Holding, now: number): boolean =>
    policy.refreshAhead !== undefined &&
    state === "fresh" &&
    entry !== undefined &&
    now >= entry.createdAt + (entry.freshUntil - entry.createdAt) * policy.refreshAhead

  const describe = (keyed: ReadonlyArray<Keyed<Id>>) => ({
    attributes: {
      "cache.domain": domain,
      "cache.key": TraceContext.short(keyed[0]?.key),
      "cache.keys": keyed.length,
      "cache.near": "missed"
    }
  })

  const isAtHand = (keyed: ReadonlyArray<Keyed<Id>>) => {
    const now = clock.currentTimeMillisUnsafe()
    return live.isTrusted(now) && keyed.every(({ id }) => near.hit(id, now) !== nowhere)
  }

  const entriesOf = (keyed: ReadonlyArray<Keyed<Id>>, options: ReadOptions, load?: Wanted<Id, A>["load"]) =>
    Effect.withFiber((fiber) => {
      const consulted = consult(keyed, options, load)
      // What the near cache answers is no part of a trace.
      return TraceContext.isTracing(fiber) && !isAtHand(keyed)
        ? TraceContext.inSpanOf(fiber, "DomainCache.read", consulted, () => describe(keyed))
        : consulted
    })

  const consult = Effect.fnUntraced(function* (
    keyed: ReadonlyArray<Keyed<Id>>,
    options: ReadOptions,
    load?: Wanted<Id, A>["load"]
  ): Effect.fn.Return<ReadonlyArray<Entry<A>>, E | CacheError> {
    const arrival = loader.arrive()
    return yield* answersOf(yield* tiers.consult(keyed, options), options, yield* Recorder, arrival, load)
  })

  /** From what the tiers have to answers: what is not fresh is loaded, or served stale where that may be. */
  const answersOf = Effect.fnUntraced(function* (
    holdings: ReadonlyArray<Holding>,
    options: ReadOptions,
    recorder: Recorder | undefined,
    arrival: number,
    load: Wanted<Id, A>["load"]
  ): Effect.fn.Return<ReadonlyArray<Entry<A>>, E | CacheError> {
    const now = clock.currentTimeMillisUnsafe()
    // A snapshot and a strong read take nothing stale, and an age that was asked for is meant.
    const isExact = recorder?.isSnapshot === true || options.consistency === "strong"
    const whileRevalidate =
      isExact || options.maxAge !== undefined ? "none" : (options.staleWhileRevalidate ?? policy.staleWhileRevalidate)
    const ifUnavailable = isExact ? "none" : (options.staleIfUnavailable ?? policy.staleIfUnavailable)

    const stale = (held: Holding, entry: Entry<A>) => {
      counts.stale++
      if (held.state !== "fresh") {
        kernel.tell({ _tag: "ServedStale", key: held.key, because: held.state, stamp: entry.stamp })
      }
      return entry
    }

    const toLoad: Array<Wanted<Id, A>> = []
    const toLoadSoftly: Array<Wanted<Id, A>> = []
    for (const held of holdings) {
      if (held.state !== "fresh" && !mayServe(held.state, whileRevalidate)) {
        counts.misses++
        const isSoft = policy.softTimeout !== undefined && mayServe(held.state, ifUnavailable)
        const among = isSoft ? toLoadSoftly : toLoad
        among.push(wanted(held, options, recorder !== undefined, load))
      } else if (held.state !== "fresh" || refreshDue(held, now))
        yield* loader.refresh(wanted(held, options, false, load))
    }
    const [exits, softExits] =
      toLoad.length + toLoadSoftly.length === 0
        ? [[], []]
        : yield* timed(clock, loadAll(toLoad, toLoadSoftly, arrival), meter.read)

    const entries: Array<Entry<A>> = []
    const byKey = new Map<Tag, Loaded<A, E> | undefined>()
    for (const [index, { key }] of toLoad.entries()) byKey.set(key, exits[index])
    for (const [index, { key }] of toLoadSoftly.entries()) byKey.set(key, softExits[index])
    for (const held of holdings) {
      const { entry, key, state } = held
      let answered: Entry<A>
      if (entry !== undefined && state === "fresh") answered = entry
      else if (entry !== undefined && mayServe(state, whileRevalidate)) answered = stale(held, entry)
      else {
        const exit = byKey.get(key)
        if (exit !== undefined && Exit.isSuccess(exit)) answered = exit.value
        else if (entry !== undefined && mayServe(state, ifUnavailable)) answered = stale(held, entry)
        else if (exit !== undefined) return yield* Effect.failCause(exit.cause)
        else return yield* Effect.die("A load was not answered")
      }
      recorder?.record(answered, view.isValid(answered.stamp, answered.tags))
      entries.push(answered)
    }
    return entries
  })

  const bounded = <B, F>(effect: Effect.Effect<B, F>, { timeout }: ReadOptions): Effect.Effect<B, F | CacheError> => {
    if (timeout === undefined) return effect
    const millis = Duration.toMillis(timeout)
    const reason = new Timeout({ operation: "The read", millis })
    return Effect.timeoutOrElse(effect, {
      duration: millis,
      orElse: () => Effect.fail(new CacheError({ reason }))
    })
  }

  const only = ({ key }: Keyed<Id>, entries: Effect.Effect<ReadonlyArray<Entry<A>>, E | CacheError>) =>
    Effect.flatMap(entries, ([entry]) =>
      entry === undefined ? Effect.die("A read was not answered") : answerOf(key, entry)
    )

  const getOne = (id: Id, options: ReadOptions, load?: Wanted<Id, A>["load"]): Effect.Effect<A, E | CacheError> =>
    Effect.withFiber((fiber) => {
      const recorder = fiber.getRef(Recorder)
      const keyed = shelf.keys.keyed(id)
      if (!tiers.isPlain(keyed, options, recorder)) {
        return only(keyed, bounded(entriesOf([keyed], options, load), options))
      }
      const arrival = loader.arrive()
      const beside = options.skip !== undefined
      const answer = (held: Holding): Effect.Effect<A, E | CacheError> => {
        if (held.entry === undefined || held.state !== "fresh" || refreshDue(held, clock.currentTimeMillisUnsafe())) {
          return only(keyed, answersOf([held], options, recorder, arrival, load))
        }
        recorder?.record(held.entry, true)
        return answerOf(keyed.key, held.entry)
      }
      if (!TraceContext.isTracing(fiber)) return tiers.look(keyed, beside, answer)
      const looked = tiers.look(keyed, beside, Effect.succeed)
      const read = Effect.flatMap(TraceContext.inSpanOf(fiber, "CacheStore.read", looked, Tiers.client), answer)
      return TraceContext.inSpanOf(fiber, "DomainCache.read", read, () => describe([keyed]))
    })

  const toOption = (entry: Entry<A>): Option.Option<A> => Option.fromUndefinedOr(entry.value)

  // The reads of a loop run in one context: its recorder is looked up once.
  let lastContext: Context.Context<never> | undefined
  let lastRecorder: Recorder | undefined
  const recorderOf = (fiber: Fiber.Fiber<unknown, unknown> | undefined): Recorder | undefined => {
    if (fiber === undefined) return undefined
    if (fiber.context !== lastContext) {
      lastContext = fiber.context
      lastRecorder = fiber.getRef(Recorder)
    }
    return lastRecorder
  }

  /** The answer of the near cache, if it needs nothing but the validity check. */
  const atHand = (id: Id): A | undefined => {
    const recorder = recorderOf(Fiber.getCurrent())
    const now = clock.currentTimeMillisUnsafe()
    if (recorder?.isExact === true || !live.isTrusted(now)) return undefined
    const slot = near.hit(id, now)
    if (slot === nowhere) return undefined
    const value = near.valueAt(slot)
    if (value === undefined) return undefined
    counts.nearHits++
    recorder?.record(near.entryAt(slot), true)
    return value
  }

  const defaults: ReadOptions = {}
  const plain = { atHand, counts, otherwise: (id: Id) => getOne(id, defaults) }

  /** Loads with what the caller brought. Others may wait for this load, whose errors they do not know: they are told that it failed. */
  const loadOwn = <E2, R>(
    id: Id,
    load: Effect.Effect<Answer<A>, E2, R>,
    options: ReadOptions
  ): Effect.Effect<A, E | E2 | CacheError, R> =>
    Effect.contextWith((context: Context.Context<R>) => {
      const failures: Array<Cause.Cause<E2>> = []
      const detail = "the load of another caller failed"
      const shared = load.pipe(
        Effect.provideContext(context),
        Effect.tapCause((cause) => Effect.sync(() => failures.push(cause))),
        Effect.mapError(() => {
          const { key } = shelf.keys.keyed(id)
          return new CacheError({ reason: new Unavailable({ key, because: "failed", detail }) })
        })
      )
      return Effect.catchCause(getOne(id, options, shared), (cause): Effect.Effect<never, E | E2 | CacheError> => {
        const [own] = failures
        return own === undefined ? Effect.failCause(cause) : Effect.failCause(own)
      })
    })

  return {
    get: (id, options) => (options === undefined ? new Reading(id, plain) : getOne(id, options)),
    getOrLoad: (id, load, options) =>
      options === undefined
        ? new Reading(id, { atHand, counts, otherwise: () => loadOwn(id, load, defaults) })
        : loadOwn(id, load, options),
    read: (keyed, options) =>
      Effect.map(bounded(entriesOf(keyed, options), options), (entries) => entries.map(toOption)),
    peek: (keyed, options) =>
      Effect.gen(function* () {
        const recorder = yield* Recorder
        const [held] = yield* tiers.consult([keyed], options)
        if (held?.entry === undefined || held.state !== "fresh") return Option.none()
        recorder?.record(held.entry, true)
        return toOption(held.entry)
      }).pipe((effect) => bounded(effect, options)),
    refresh: Effect.fnUntraced(function* (keyed) {
      const arrival = loader.arrive()
      const holdings = yield* tiers.consult(keyed, { skip: "near" })
      const loaded = yield* loader.load(
        holdings.map((held) => wanted({ ...held, anew: true }, {}, false)),
        arrival
      )
      const values: Array<Option.Option<A>> = []
      for (const exit of loaded) values.push(toOption(yield* exit))
      return values
    })
  }
}
