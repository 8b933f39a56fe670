/**
 * The caches of the partitions that are in use, and of those that were a while ago.
 */
import { Cause, Context, type Duration, Effect, RcMap, Scope, Semaphore } from "effect"
import { CacheError, Unavailable } from "../CacheError.ts"
import type { CacheManager } from "../CacheManager.ts"

/** The cache of one partition. */
export interface Cell<Services> {
  readonly partition: string
  readonly manager: CacheManager["Service"]
  readonly services: Context.Context<Services>
  readonly scope: Scope.Scope
}

/** A domain, which every partition has. */
export interface Member<Services> {
  readonly openIn: (cell: Cell<Services>) => Effect.Effect<void>
}

export interface Pool<Services> {
  /** Uses a partition's cache, with all members open in it. */
  readonly use: <A, E, R>(
    partition: string,
    effect: (cell: Cell<Services>) => Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | CacheError, R>
  /**
   * Uses several at the same time, and answers what came of each. Each does its part, also where another fails; it fails
   * when all are done.
   */
  readonly useEach: <G, A, E, R>(
    groups: ReadonlyMap<string, G>,
    effect: (cell: Cell<Services>, group: G) => Effect.Effect<A, E, R>
  ) => Effect.Effect<ReadonlyMap<string, A>, E | CacheError, R>
  /** Keeps a partition's cache open for the life of the scope. */
  readonly hold: (partition: string) => Effect.Effect<Cell<Services>, CacheError, Scope.Scope>
  /** What is open now. */
  readonly open: Effect.Effect<ReadonlyArray<Cell<Services>>>
  /** Has a domain opened in every partition, for the life of the scope. */
  readonly join: (member: Member<Services>) => Effect.Effect<void, never, Scope.Scope>
}

/**
 * The cell that the fiber is in, which whoever brought it there keeps open: to use it again there is nothing to count. A
 * fiber that outlives that finds it closed, and opens it anew.
 */
export const Held = Context.Reference<unknown>("@letletme/cache/HeldPartition", { defaultValue: () => undefined })

interface Place<Services> {
  readonly cell: Cell<Services>
  readonly mutex: Semaphore.Semaphore
  readonly has: Set<Member<Services>>
}

// So many partitions of one call are asked at once.
const concurrency = 8

export const make = Effect.fnUntraced(function* <Services, R>(options: {
  readonly build: (partition: string) => Effect.Effect<Omit<Cell<Services>, "scope">, never, R | Scope.Scope>
  readonly idleTimeToLive: Duration.Input
  readonly maxOpen: number
}): Effect.fn.Return<Pool<Services>, never, R | Scope.Scope> {
  const { maxOpen } = options
  const context = yield* Effect.context<R>()
  const members = new Set<Member<Services>>()
  const places = new Map<string, Place<Services>>()
  // How many are in each partition; the one that was entered longest ago is the first.
  const inside = new Map<string, number>()

  const build = Effect.fnUntraced(function* (partition: string) {
    const scope = yield* Scope.Scope
    const built = yield* options.build(partition)
    const place: Place<Services> = { cell: { ...built, scope }, mutex: yield* Semaphore.make(1), has: new Set() }
    places.set(partition, place)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        if (places.get(partition) === place) places.delete(partition)
        if (inside.get(partition) === 0) inside.delete(partition)
      })
    )
    return place
  })

  const cells = yield* RcMap.make({
    // What a partition is made of does not belong to the span, the load or the snapshot that happened to come first.
    lookup: (partition: string) =>
      Effect.flatMap(Scope.Scope, (scope) =>
        build(partition).pipe(
          Effect.updateContext<never, R | Scope.Scope>(() => Context.add(context, Scope.Scope, scope))
        )
      ),
    idleTimeToLive: options.idleTimeToLive,
    capacity: maxOpen
  })

  const enter = (partition: string): Effect.Effect<Place<Services>, CacheError, Scope.Scope> =>
    RcMap.get(cells, partition).pipe(
      Effect.catchIf(Cause.isExceededCapacityError, () =>
        Effect.suspend(() => {
          const idle = [...inside].find(([, count]) => count === 0)?.[0]
          if (idle === undefined) {
            const detail = `all ${maxOpen} partitions that may be open are in use`
            const reason = new Unavailable({ key: `Partition ${partition}`, because: "overloaded", detail })
            return Effect.fail(new CacheError({ reason }))
          }
          inside.delete(idle)
          return Effect.andThen(RcMap.invalidate(cells, idle), enter(partition))
        })
      )
    )

  const entered = (partition: string) =>
    Effect.tap(enter(partition), ({ cell, has, mutex }) =>
      has.size === members.size
        ? Effect.void
        : mutex.withPermit(
            Effect.suspend(() =>
              Effect.forEach(
                [...members].filter((member) => !has.has(member)),
                (member) => Effect.map(member.openIn(cell), () => has.add(member)),
                { discard: true }
              )
            )
          )
    )

  const hold = (partition: string) =>
    Effect.andThen(
      Effect.acquireRelease(
        Effect.sync(() => {
          const count = inside.get(partition) ?? 0
          inside.delete(partition)
          inside.set(partition, count + 1)
        }),
        () =>
          Effect.sync(() => {
            const count = (inside.get(partition) ?? 1) - 1
            if (count === 0 && !places.has(partition)) inside.delete(partition)
            else inside.set(partition, count)
          })
      ),
      Effect.map(entered(partition), ({ cell }) => cell)
    )

  const use: Pool<Services>["use"] = (partition, effect) =>
    Effect.flatMap(Held, (held) => {
      const place = places.get(partition)
      return place !== undefined && place.cell === held && place.has.size === members.size
        ? effect(place.cell)
        : Effect.scopedWith((scope) => Effect.flatMap(Scope.provide(hold(partition), scope), effect))
    })

  return {
    use,
    useEach: Effect.fnUntraced(function* <G, A, E, R2>(
      groups: ReadonlyMap<string, G>,
      effect: (cell: Cell<Services>, group: G) => Effect.Effect<A, E, R2>
    ) {
      const exits = yield* Effect.forEach(
        groups,
        ([partition, group]) =>
          Effect.map(Effect.exit(use(partition, (cell) => effect(cell, group))), (exit) => [partition, exit] as const),
        { concurrency: Math.min(maxOpen, concurrency) }
      )
      const done = new Map<string, A>()
      for (const [partition, exit] of exits) done.set(partition, yield* exit)
      return done
    }),
    hold,
    open: Effect.sync(() => Array.from(places.values(), ({ cell }) => cell)),
    join: (member) =>
      Effect.acquireRelease(
        Effect.sync(() => members.add(member)),
        () =>
          Effect.sync(() => {
            members.delete(member)
            for (const { has } of places.values()) has.delete(member)
          })
      )
  }
})
