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
import type { Loader, Wanted } from "./Loader.ts"
import type { Keyed } from "./Keys.ts"
import { nowhere } from "./NearCache.ts"
import { Reading } from "./Reading.ts"
import { mayServe, type Shelf, type State } from "./Shelf.ts"

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

/** What the tiers have of a key. */
interface Held<Id, A> extends Keyed<Id> {
  readonly entry: Entry<A> | undefined
  readonly state: State
  /** The store has bytes of it that cannot be read. */
  readonly unreadable: boolean
  /** The caller skips what the tiers have. */
  readonly anew: boolean
  /** The caller needs to know the log's head, and could not learn it. */
  readonly exact: boolean
}

const defaultReach = 5_000

export const make = <Id, A, E>(shelf: Shelf<Id, A>, loader: Loader<Id, A, E>): Reader<Id, A, E> => {
  type Holding = Held<Id, A>
  const { kernel, policy, near, counts } = shelf
  const { clock, live, tier } = kernel
  const { view } = live

  /** Reads the tiers, and first the log where the view has to be newer than it is. */
  const consult = Effect.fnUntraced(function* (
    keyed: ReadonlyArray<Keyed<Id>>,
    options: ReadOptions
  ): Effect.fn.Return<ReadonlyArray<Holding>, CacheError> {
    if ((yield* Recorder)?.isExact === true) {
      return keyed.map((one) => ({
        ...one,
        entry: undefined,
        state: "missing",
        unreadable: false,
        anew: true,
        exact: true
      }))
    }
    const maxAge = options.maxAge === undefined ? Number.POSITIVE_INFINITY : Duration.toMillis(options.maxAge)
    if (options.after !== undefined) {
      const bound = options.timeout === undefined ? defaultReach : Duration.toMillis(options.timeout)
      yield* live.reach(options.after, bound)
    }
    const nearby = keyed.map((one) => (options.skip === undefined ? near.get(one.id) : undefined))
    const arrivedAt = clock.currentTimeMillisUnsafe()
    const isFresh = (entry: Entry<A> | undefined) => shelf.stateOf(entry, arrivedAt, true, maxAge) === "fresh"
    const wasTrusted = live.isTrusted(arrivedAt)
    const needed = keyed.filter((_, index) => !isFresh(nearby[index]))
    const isStrong = options.consistency === "strong"
    const anew = options.skip === "all"
    const [isCaughtUp, bytes] = yield* Effect.all(
      [
        isStrong || (!wasTrusted && !live.isBroken()) ? tier.catchUp : Effect.succeed(false),
        anew || needed.length === 0 || live.isBroken() ? Effect.succeed([]) : fetch(needed)
      ],
      { concurrency: 2 }
    )
    const now = clock.currentTimeMillisUnsafe()
    // A strong read that could not learn the head knows nothing: the source has to answer it.
    const trusted = isStrong ? isCaughtUp : live.isTrusted(now)
    const exact = isStrong && !isCaughtUp
    // What the near cache had may have been overtaken while the log answered: another process may have loaded it.
    const asked = new Set(needed)
    const overtaken = keyed.filter((one, index) => !asked.has(one) && !isFresh(nearby[index]))
    const late = anew || overtaken.length === 0 ? [] : yield* fetch(overtaken)
    const found = new Map<Tag, Uint8Array>()
    for (const [index, { key }] of needed.entries()) {
      const value = bytes[index]
      if (value !== undefined) found.set(key, value)
    }
    for (const [index, { key }] of overtaken.entries()) {
      const value = late[index]
      if (value !== undefined) found.set(key, value)
    }
    return keyed.map(({ id, key }, index): Holding => {
      const at = nearby[index]
      const stored = found.get(key)
      if (stored === undefined) {
        const state = shelf.stateOf(at, now, trusted, maxAge)
        if (state === "fresh") counts.nearHits++
        return { id, key, entry: at, state, unreadable: false, anew, exact }
      }
      const opened = shelf.open({ id, key }, stored)
      const state = shelf.stateOf(opened ?? at, now, trusted, maxAge)
      if (state === "fresh" && opened !== undefined) {
        counts.storeHits++
        shelf.keep(id, opened)
      }
      return { id, key, entry: opened ?? at, state, unreadable: opened === undefined, anew, exact }
    })
  })

  const fetch = (needed: ReadonlyArray<Keyed<Id>>): Effect.Effect<ReadonlyArray<Uint8Array | undefined>> => {
    const [first] = needed
    return needed.length === 1 && first !== undefined
      ? Effect.map(tier.getOne(shelf.storeKey(first.key)), (bytes) => [bytes])
      : tier.getMany(
          "read",
          needed.map(({ key }) => shelf.storeKey(key))
        )
  }

  const wanted = (held: Holding, nested: boolean, load?: Wanted<Id, A>["load"]): Wanted<Id, A> => ({
    id: held.id,
    key: held.key,
    because: held.state === "fresh" ? "expired" : held.state,
    held: held.entry,
    overwrite: held.unreadable,
    nested,
    anew: held.anew,
    exact: held.exact,
    load
  })

  const refreshDue = ({ entry, state }: Holding, now: number): boolean =>
    policy.refreshAhead !== undefined &&
    state === "fresh" &&
    entry !== undefined &&
    now >= entry.createdAt + (entry.freshUntil - entry.createdAt) * policy.refreshAhead

  const entriesOf = Effect.fnUntraced(function* (
    keyed: ReadonlyArray<Keyed<Id>>,
    options: ReadOptions,
    load?: Wanted<Id, A>["load"]
  ): Effect.fn.Return<ReadonlyArray<Entry<A>>, E | CacheError> {
    const recorder = yield* Recorder
    const arrival = loader.arrive()
    const holdings = yield* consult(keyed, options)
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
    for (const held of holdings) {
      if (held.state !== "fresh" && !mayServe(held.state, whileRevalidate)) {
        counts.misses++
        toLoad.push(wanted(held, recorder !== undefined, load))
      } else if (held.state !== "fresh" || refreshDue(held, now)) yield* loader.refresh(wanted(held, false, load))
    }
    const loaded = toLoad.length === 0 ? [] : yield* loader.load(toLoad, arrival)

    const entries: Array<Entry<A>> = []
    let next = 0
    for (const held of holdings) {
      const { entry, state } = held
      let answered: Entry<A>
      if (entry !== undefined && state === "fresh") answered = entry
      else if (entry !== undefined && mayServe(state, whileRevalidate)) answered = stale(held, entry)
      else {
        const exit = loaded[next++]
        if (exit === undefined) return yield* Effect.die("A load was not answered")
        if (Exit.isSuccess(exit)) answered = exit.value
        else if (entry !== undefined && mayServe(state, ifUnavailable)) answered = stale(held, entry)
        else return yield* Effect.failCause(exit.cause)
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

  const getOne = (id: Id, options: ReadOptions, load?: Wanted<Id, A>["load"]) =>
    Effect.suspend(() => {
      const keyed = shelf.keys.keyed(id)
      return Effect.flatMap(bounded(entriesOf([keyed], options, load), options), ([entry]) => {
        if (entry === undefined) return Effect.die("A read was not answered")
        const { value } = entry
        return value === undefined
          ? Effect.fail(new CacheError({ reason: new Absent({ key: keyed.key }) }))
          : Effect.succeed(value)
      })
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
        Effect.mapError(() => new CacheError({ reason: new Unavailable({ key: shelf.keys.keyed(id).key, detail }) }))
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
        const [held] = yield* consult([keyed], options)
        if (held?.entry === undefined || held.state !== "fresh") return Option.none()
        recorder?.record(held.entry, true)
        return toOption(held.entry)
      }).pipe((effect) => bounded(effect, options)),
    refresh: Effect.fnUntraced(function* (keyed) {
      const arrival = loader.arrive()
      const holdings = yield* consult(keyed, { skip: "near" })
      const loaded = yield* loader.load(
        holdings.map((held) => wanted({ ...held, anew: true }, false)),
        arrival
      )
      const values: Array<Option.Option<A>> = []
      for (const exit of loaded) values.push(toOption(yield* exit))
      return values
    })
  }
}
