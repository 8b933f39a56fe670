/**
 * What the tiers have of keys: the near cache, then the store, and first the log where the view has to be newer than it is.
 */
import { Duration, Effect, Exit } from "effect"
import type { CacheError } from "../CacheError.ts"
import type { ReadOptions } from "../Domain.ts"
import type { Entry } from "../Entry.ts"
import { Recorder } from "../Recording.ts"
import type { Tag } from "../Tag.ts"
import * as TraceContext from "../TraceContext.ts"
import type { Keyed } from "./Keys.ts"
import type { Shelf, State } from "./Shelf.ts"

/**
 * What the tiers have of a key. A class for the reason that what `Entry.open` answers is one.
 */
export class Held<Id, A> implements Keyed<Id> {
  readonly id: Id
  readonly key: Tag
  readonly entry: Entry<A> | undefined
  readonly state: State
  /** The store has bytes of it that cannot be read. */
  readonly unreadable: boolean
  /** The caller skips what the tiers have. */
  readonly anew: boolean
  /** The caller needs to know the log's head, and could not learn it. */
  readonly exact: boolean

  constructor(
    { id, key }: Keyed<Id>,
    entry: Entry<A> | undefined,
    state: State,
    anew: boolean,
    exact: boolean,
    unreadable: boolean
  ) {
    this.id = id
    this.key = key
    this.entry = entry
    this.state = state
    this.unreadable = unreadable
    this.anew = anew
    this.exact = exact
  }
}

export interface Tiers<Id, A> {
  /** Reads the tiers. */
  readonly consult: (
    keyed: ReadonlyArray<Keyed<Id>>,
    options: ReadOptions
  ) => Effect.Effect<ReadonlyArray<Held<Id, A>>, CacheError>
  /** Whether a read takes no more than one look into the store: then {@link look} does what {@link consult} would. */
  readonly isPlain: (keyed: Keyed<Id>, options: ReadOptions, recorder: Recorder | undefined) => boolean
  /**
   * Reads the store, and goes on with what is held; `beside` the near cache where that displaces nothing. The caller is
   * suspended once, and the reads of a tick go together.
   */
  readonly look: <B, E>(
    keyed: Keyed<Id>,
    beside: boolean,
    goOn: (held: Held<Id, A>) => Effect.Effect<B, E>
  ) => Effect.Effect<B, E>
}

/** A read of the store, as a span. */
export const client = () => ({ kind: "client" }) as const

const defaultReach = 5_000
const forever = Number.POSITIVE_INFINITY

export const make = <Id, A>(shelf: Shelf<Id, A>): Tiers<Id, A> => {
  type Holding = Held<Id, A>
  const { counts, kernel, near } = shelf
  const { clock, live, tier } = kernel

  /** What is held of a key for which the near cache had `at` and the store these bytes. */
  const hold = (
    keyed: Keyed<Id>,
    at: Entry<A> | undefined,
    bytes: Uint8Array | undefined,
    {
      anew,
      beside,
      exact,
      maxAge,
      now,
      trusted
    }: Readonly<Record<"anew" | "beside" | "exact" | "trusted", boolean>> & Readonly<Record<"maxAge" | "now", number>>
  ): Holding => {
    const opened = bytes === undefined ? undefined : shelf.open(keyed, bytes)
    const entry = opened ?? at
    const state = shelf.stateOf(entry, now, trusted, maxAge)
    if (state === "fresh") {
      if (opened === undefined) {
        if (bytes === undefined) counts.nearHits++
      } else {
        counts.storeHits++
        // Read again past the near cache: what is at hand stays, and does not look used.
        if (!near.hasLoad(keyed.id, opened)) shelf.keep(keyed.id, opened, !beside)
      }
    }
    return new Held(keyed, entry, state, anew, exact, bytes !== undefined && opened === undefined)
  }

  const fetch = (needed: ReadonlyArray<Keyed<Id>>): Effect.Effect<ReadonlyArray<Uint8Array | undefined>> => {
    const [only] = needed
    return needed.length === 1 && only !== undefined
      ? Effect.map(readOne(only), (bytes) => [bytes])
      : tier.getMany(
          "read",
          needed.map(({ key }) => shelf.storeKey(key))
        )
  }

  const readOne = ({ key }: Keyed<Id>): Effect.Effect<Uint8Array | undefined> =>
    Effect.callback((resume) => tier.getOne(shelf.storeKey(key), resume))

  return {
    consult: Effect.fnUntraced(function* (keyed, options): Effect.fn.Return<ReadonlyArray<Holding>, CacheError> {
      if ((yield* Recorder)?.isExact === true) {
        return keyed.map((one) => new Held<Id, A>(one, undefined, "missing", true, true, false))
      }
      const maxAge = options.maxAge === undefined ? forever : Duration.toMillis(options.maxAge)
      if (options.after !== undefined) {
        const bound = options.timeout === undefined ? defaultReach : Duration.toMillis(options.timeout)
        yield* live.reach(options.after, bound)
      }
      const nearby = keyed.map(({ id }) => (options.skip === undefined ? near.get(id) : undefined))
      const stored: Array<Uint8Array | undefined> = []
      /** Reads from the store what stands at these places. */
      const fill = (places: ReadonlyArray<number>) =>
        places.length === 0
          ? Effect.void
          : Effect.map(
              TraceContext.inSpan("CacheStore.read", fetch(places.flatMap((place) => keyed[place] ?? [])), client),
              (found) => {
                for (const [index, place] of places.entries()) stored[place] = found[index]
              }
            )
      const arrivedAt = clock.currentTimeMillisUnsafe()
      /** The places that were not read yet, and for which the near cache has nothing fresh in the view as it is now. */
      const lacking = () =>
        nearby.flatMap((entry, place) =>
          !(place in stored) && shelf.stateOf(entry, arrivedAt, true, maxAge) !== "fresh" ? [place] : []
        )
      const anew = options.skip === "all"
      const isStrong = options.consistency === "strong"
      const read = Effect.suspend(() => (anew || live.isBroken() ? Effect.void : fill(lacking())))
      let isCaughtUp = false
      if (isStrong || (!live.isTrusted(arrivedAt) && !live.isBroken())) {
        ;[isCaughtUp] = yield* Effect.all([tier.catchUp, read], { concurrency: 2 })
      } else yield* read
      // What the near cache had may have been overtaken meanwhile, and another process may have loaded it.
      yield* read
      const now = clock.currentTimeMillisUnsafe()
      // A strong read that could not learn the head knows nothing: the source has to answer it.
      const trusted = isStrong ? isCaughtUp : live.isTrusted(now)
      const exact = isStrong && !isCaughtUp
      const beside = options.skip !== undefined
      return keyed.map((one, place) =>
        hold(one, nearby[place], stored[place], { now, trusted, maxAge, anew, beside, exact })
      )
    }),
    isPlain: ({ id }, options, recorder) =>
      recorder?.isExact !== true &&
      isSimple(options) &&
      (options.skip === "near" || !near.has(id)) &&
      live.isTrusted(clock.currentTimeMillisUnsafe()) &&
      !live.isBroken(),
    look: (keyed, beside, goOn) =>
      Effect.callback((resume) =>
        tier.getOne(shelf.storeKey(keyed.key), (exit) => {
          if (Exit.isFailure(exit)) return resume(Exit.failCause(exit.cause))
          const now = clock.currentTimeMillisUnsafe()
          const trusted = live.isTrusted(now)
          const how = { now, trusted, maxAge: forever, anew: false, beside, exact: false }
          resume(goOn(hold(keyed, undefined, exit.value, how)))
        })
      )
  }
}

const isSimple = ({ after, consistency, maxAge, skip, timeout }: ReadOptions): boolean =>
  skip !== "all" && consistency !== "strong" && after === undefined && maxAge === undefined && timeout === undefined
