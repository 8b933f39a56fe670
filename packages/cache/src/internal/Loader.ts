/**
 * Loads of one domain: single flight in the process, a lease across processes, one lookup for all that is asked in a
 * tick, and entries stamped with the position from before the source was read.
 */
import { Array as Arr, Deferred, Effect, Exit, Fiber, FiberSet, Result, type Scope, type Tracer } from "effect"
import type { CacheError } from "../CacheError.ts"
import type { Staleness } from "../CacheEvent.ts"
import type { Entry } from "../Entry.ts"
import { Fence } from "../Fence.ts"
import type * as Lookup from "../Lookup.ts"
import type { Position } from "../Position.ts"
import * as Recording from "../Recording.ts"
import type { Tag } from "../Tag.ts"
import type { Asker, Loading } from "./Asker.ts"
import * as Landing from "./Landing.ts"
import type { Lessee } from "./Leases.ts"
import * as Leases from "./Leases.ts"
import type { Shelf } from "./Shelf.ts"

/** What is asked of the loader. */
export interface Wanted<Id, A> {
  readonly id: Id
  readonly key: Tag
  readonly because: Staleness
  /** The entry that is no longer fresh, for a conditional lookup. */
  readonly held: Entry<A> | undefined
  /** The store holds bytes that cannot be read: they are to be overwritten whatever they claim. */
  readonly overwrite: boolean
  /** Asked for by another load, which holds a place in the bulkhead already: to wait for a second could never end. */
  readonly nested: boolean
  /** Asked for past the near cache, where it displaces nothing then. */
  readonly beside: boolean
  /** The caller wants none of what the store has: the load is done whoever else does one. */
  readonly anew: boolean
  /** The caller does not know the log's head: only what the source says from now on is an answer. */
  readonly exact: boolean
  /** The caller wants it stored, not only answered: it waits for the store, and fails where that does. */
  readonly stored: boolean
  /** What the caller brought to load it with, instead of the domain's lookup. */
  readonly load: Effect.Effect<Lookup.Answer<A>, CacheError> | undefined
}

/** What a load came to. */
export type Loaded<A, E> = Exit.Exit<Entry<A>, E | CacheError>

export interface Loader<Id, A, E> {
  /** A number that grows with each call: a load that begins later has a higher one. */
  readonly arrive: () => number
  /**
   * Answers each with an entry that is valid now, or whose load began after `arrival`. Several are loaded together.
   */
  readonly load: (wanted: ReadonlyArray<Wanted<Id, A>>, arrival: number) => Effect.Effect<ReadonlyArray<Loaded<A, E>>>
  /** Starts a load that nobody waits for, unless one is under way. */
  readonly refresh: (wanted: Wanted<Id, A>) => Effect.Effect<void>
}

/** A load under way. */
interface Flight<Id, A, E> extends Lessee {
  readonly wanted: Wanted<Id, A>
  /** Empty until the source is asked. */
  recorder: Recording.LoadRecorder
  readonly done: Deferred.Deferred<Entry<A>, E | CacheError>
  /** Under what its caller writes: the load runs in a fiber of its own, and ends when it ends. */
  readonly fence: Position | undefined
  /** What its caller does: the load is part of that. */
  readonly span: Tracer.AnySpan | undefined
  /** Somebody who waits for it wants it stored. */
  stored: boolean
  /** How many wait for it; a load that all of them gave up is interrupted. */
  waiting: number
}

const callerOf = (fiber: Fiber.Fiber<unknown, unknown>) => ({ fence: fiber.getRef(Fence), span: fiber.cache.span })

const firstPoll = 2
const lastPoll = 5

export const make = <Id, A, E>(options: {
  readonly shelf: Shelf<Id, A>
  readonly asker: Asker<Id, A, E>
}): Effect.Effect<Loader<Id, A, E>, never, Scope.Scope> =>
  Effect.gen(function* () {
    type Flown = Flight<Id, A, E>
    const { asker, shelf } = options
    const { kernel, policy, counts } = shelf
    const { clock, config, live, tier } = kernel
    const { view } = live
    const run = yield* FiberSet.makeRuntime()
    const atBest = Landing.make(shelf, (fills) => (live.isBroken() ? Effect.succeed([]) : tier.fill(fills)))
    const surely = Landing.make(shelf, kernel.store.fill)
    const leases = Leases.make(kernel, shelf.codec.fingerprint)
    const flights = new Map<Tag, Flown>()
    const fibers = new WeakMap<Flown, { readonly group: ReadonlyArray<Flown>; readonly fiber: Fiber.Fiber<void> }>()
    let sequence = 0
    let boarding: Array<Flown> = []

    const finish = (flight: Flown, exit: Loaded<A, E>) => {
      if (flights.get(flight.wanted.key) === flight) flights.delete(flight.wanted.key)
      Deferred.doneUnsafe(flight.done, exit)
    }

    const landBy = Effect.fnUntraced(function* (
      landing: typeof atBest | typeof surely,
      answered: ReadonlyArray<readonly [Flown, Lookup.Answer<A>]>
    ) {
      const landed = yield* Effect.exit(
        landing(answered.map(([{ fence, recorder, wanted }, answer]) => ({ ...wanted, fence, recorder, answer })))
      )
      for (const [index, [flight]] of answered.entries()) {
        const exit = Exit.isFailure(landed) ? Exit.failCause(landed.cause) : landed.value[index]
        if (exit !== undefined) finish(flight, exit)
      }
    })

    const land = (answered: ReadonlyArray<readonly [Flown, Lookup.Answer<A>]>) => {
      const landing = Effect.all(
        [
          landBy(
            atBest,
            answered.filter(([{ stored }]) => !stored)
          ),
          landBy(
            surely,
            answered.filter(([{ stored }]) => stored)
          )
        ],
        { concurrency: 2, discard: true }
      )
      return asker.traced(
        "CacheStore.fill",
        answered.map(([flight]) => flight),
        landing
      )
    }

    const loadingOf = ({ span, wanted }: Flown): Loading<Id, A> => ({ ...wanted, span })

    const one = (flight: Flown) =>
      asker.load(loadingOf(flight), flight.recorder, flight.wanted.load).pipe(
        Effect.flatMap((answered) => land([[flight, answered]])),
        Effect.onError((cause) => Effect.sync(() => finish(flight, Exit.failCause(cause)))),
        Effect.ignoreCause
      )

    const many = (group: Arr.NonEmptyReadonlyArray<Flown>) => {
      const everyone = Recording.forAll(group.map(({ recorder }) => recorder))
      return asker.loadMany(Arr.map(group, loadingOf), everyone).pipe(
        Effect.flatMap((answers) => land(Arr.zip(group, answers))),
        Effect.onError((cause) =>
          Effect.sync(() => {
            for (const flight of group) finish(flight, Exit.failCause(cause))
          })
        ),
        Effect.ignoreCause
      )
    }

    const perform = (group: ReadonlyArray<Flown>) => {
      const isApart = ({ wanted }: Flown) => !asker.asksTogether || wanted.load !== undefined
      const apart = group.filter(isApart)
      const together = group.filter((flight) => !isApart(flight))
      return Effect.all([...(Arr.isReadonlyArrayNonEmpty(together) ? [many(together)] : []), ...apart.map(one)], {
        // As many as the bulkhead lets through: the rest would only stand in its queue.
        concurrency: config.maxLookups,
        discard: true
      }).pipe(Effect.ensuring(leases.release(ofOthers(group))))
    }

    const isAlone = ({ wanted }: Flown) => wanted.anew || wanted.exact
    const ofOthers = (group: ReadonlyArray<Flown>) => group.filter((flight) => !isAlone(flight))

    const stored = (group: ReadonlyArray<Flown>) =>
      tier.getMany(
        "poll",
        group.map(({ key }) => shelf.storeKey(key))
      )

    /** Lands those flights whose entry another process has stored meanwhile; answers the others. */
    const settleStored = (group: ReadonlyArray<Flown>, found: ReadonlyArray<Uint8Array | undefined>) => {
      const now = clock.currentTimeMillisUnsafe()
      const trusted = live.isTrusted(now)
      return group.filter((flight, index) => {
        const { held, id } = flight.wanted
        const bytes = found[index]
        const entry = bytes === undefined ? undefined : Result.getOrUndefined(shelf.decode(flight.wanted, bytes))
        const isNew = entry !== undefined && (entry.createdAt !== held?.createdAt || entry.stamp !== held.stamp)
        if (!isNew || shelf.stateOf(entry, now, trusted, Number.POSITIVE_INFINITY) !== "fresh") return true
        shelf.keep(id, entry)
        finish(flight, Exit.succeed(entry))
        return false
      })
    }

    /**
     * Parts the flights into those to load and those that another process loads. The store is read with the leases:
     * a load that ended between the caller's read and its lease is not done again.
     */
    const part = Effect.fnUntraced(function* (group: ReadonlyArray<Flown>) {
      // None of them has asked the source yet: who waited begins only now. With the stamp of then, its lease would be
      // taken from it by the next that comes.
      for (const flight of group) {
        flight.stamp = view.position
        flight.recorder = Recording.forLoad(view.position, flight.wanted.exact)
      }
      const others = ofOthers(group)
      const [taken, found] = live.isBroken()
        ? [new Set(others), []]
        : yield* Effect.all([leases.take(others), stored(others)], { concurrency: 2 })
      const open = new Set(settleStored(others, found))
      const done = others.filter((flight) => taken.has(flight) && !open.has(flight))
      yield* leases.release(done)
      return {
        mine: group.filter((flight) => isAlone(flight) || (taken.has(flight) && open.has(flight))),
        theirs: others.filter((flight) => !taken.has(flight) && open.has(flight))
      }
    })

    /**
     * Waits for the loads of other processes, and takes over those that end without an entry, or take longer than a
     * lease: whoever holds it then has died or hangs. What is left of the time is for a load of one's own.
     */
    const follow = Effect.fnUntraced(function* (group: ReadonlyArray<Flown>) {
      counts.leaseWaits += group.length
      const deadline = clock.currentTimeMillisUnsafe() + Math.min(config.lease, policy.lookupTimeout / 2)
      const performing: Array<Fiber.Fiber<void>> = []
      let rest = group
      for (let delay = firstPoll; rest.length > 0; delay = Math.min(delay * 1.5, lastPoll)) {
        yield* Effect.sleep(delay)
        const { mine, theirs } = yield* part(rest)
        const isOver = clock.currentTimeMillisUnsafe() >= deadline
        const ready = isOver ? [...mine, ...theirs] : mine
        if (ready.length > 0) performing.push(yield* Effect.forkChild(perform(ready)))
        rest = isOver ? [] : theirs
      }
      yield* Effect.forEach(performing, Fiber.join, { discard: true })
    })

    const fly = (group: ReadonlyArray<Flown>) =>
      part(group).pipe(
        Effect.flatMap(({ mine, theirs }) =>
          Effect.all([perform(mine), theirs.length === 0 ? Effect.void : follow(theirs)], {
            concurrency: 2,
            discard: true
          })
        ),
        // Between taking a lease and beginning the load an interruption finds nobody else to give it back.
        Effect.onInterrupt(() => leases.release(group))
      )

    const depart = Effect.suspend(() => {
      const group = boarding
      boarding = []
      const fiber = run(
        Effect.onExit(fly(group), (exit) =>
          Effect.sync(() => {
            // An interrupted flight must not leave its callers waiting.
            if (Exit.isFailure(exit)) for (const flight of group) finish(flight, Exit.failCause(exit.cause))
          })
        )
      )
      for (const flight of group) fibers.set(flight, { group, fiber })
      // The load may have run ahead of this line, and its callers away from it.
      for (const flight of group) abandon(flight)
      return Effect.void
    })

    /** Interrupts a load when nobody waits for any part of it; from then on nobody can join it. */
    const abandon = (flight: Flown) => {
      const flown = fibers.get(flight)
      if (flown === undefined || flown.group.some(({ waiting }) => waiting > 0)) return
      for (const one of flown.group) if (flights.get(one.wanted.key) === one) flights.delete(one.wanted.key)
      flown.fiber.interruptUnsafe()
    }

    /** A load that began later will do; an earlier one if nothing that is known of has overtaken it. */
    const mayJoin = (known: Flown, wanted: Wanted<Id, A>, arrival: number): boolean =>
      wanted.exact
        ? known.wanted.exact && known.sequence > arrival
        : known.sequence > arrival ||
          (live.isTrusted(clock.currentTimeMillisUnsafe()) &&
            view.isValid(known.recorder.stamp, [wanted.key, ...known.recorder.tags]))

    const board = (wanted: Wanted<Id, A>, arrival: number, caller: Pick<Flown, "fence" | "span">): Flown => {
      const known = flights.get(wanted.key)
      if (known !== undefined && mayJoin(known, wanted, arrival)) {
        known.waiting++
        known.stored ||= wanted.stored
        return known
      }
      const flight: Flown = {
        wanted,
        key: wanted.key,
        stamp: view.position,
        sequence: ++sequence,
        recorder: Recording.forLoad(view.position, wanted.exact),
        done: Deferred.makeUnsafe(),
        fence: caller.fence,
        span: caller.span,
        stored: wanted.stored,
        waiting: 1
      }
      flights.set(wanted.key, flight)
      boarding.push(flight)
      if (boarding.length === 1) run(Effect.andThen(Effect.yieldNow, depart))
      return flight
    }

    const leave = (flight: Flown) => {
      flight.waiting--
      abandon(flight)
    }

    const settle = (
      flights: Array<Flown>,
      index: number,
      arrival: number,
      retried: boolean
    ): Effect.Effect<Entry<A>, E | CacheError> => {
      const flight = flights[index]
      if (flight === undefined) return Effect.die("A load without a flight")
      return Effect.flatMap(Deferred.await(flight.done), (entry) => {
        if (view.isValid(entry.stamp, entry.tags)) return Effect.succeed(entry)
        // Overtaken by an invalidation. A load of the caller's own time is tried once more, then answered as it is.
        const isOwn = flight.sequence > arrival
        if (isOwn && retried) return Effect.succeed(entry)
        flights[index] = board(flight.wanted, arrival, flight)
        return settle(flights, index, arrival, retried || isOwn)
      })
    }

    return {
      arrive: () => ++sequence,
      load: (wanted, arrival) =>
        Effect.withFiber((fiber) => {
          const boarded = wanted.map((one) => board(one, arrival, callerOf(fiber)))
          return Effect.forEach(boarded, (_, index) => Effect.exit(settle(boarded, index, arrival, false))).pipe(
            Effect.onInterrupt(() =>
              Effect.sync(() => {
                for (const flight of boarded) leave(flight)
              })
            )
          )
        }),
      refresh: (wanted) =>
        Effect.withFiber((fiber) => {
          // While load is shed the source is asked only for what somebody waits for.
          const isUnderWay = flights.has(wanted.key)
          if (isUnderWay || !kernel.bulkhead.load().isShedding) board(wanted, 0, callerOf(fiber))
          return Effect.void
        })
    }
  })
