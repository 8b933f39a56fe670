/**
 * The bulkhead in front of the source: so many lookups run at once, some wait, and the rest are refused.
 */
import { type Clock, Effect, Semaphore } from "effect"
import { CacheError, Unavailable } from "../CacheError.ts"
import type { CacheEvent } from "../CacheEvent.ts"
import type { Load } from "../Load.ts"
import type { Tag } from "../Tag.ts"

export interface Bulkhead {
  /** Runs the lookup when there is room for it. */
  readonly pass: <A, E>(key: Tag, lookup: Effect.Effect<A, E>) => Effect.Effect<A, E | CacheError>
  readonly load: () => Load
  /** From now on load is shed, until nobody was refused for a while. */
  readonly shed: () => void
}

// So many times as many as run may wait.
const room = 10

// Load is shed until nobody was refused for so long (ms).
const calm = 5_000

export const make = (options: {
  /** Lookups at once. */
  readonly limit: number
  readonly clock: Clock.Clock
  readonly tell: (event: CacheEvent) => void
}): Effect.Effect<Bulkhead> =>
  Effect.map(Semaphore.make(options.limit), (places): Bulkhead => {
    const { clock, limit, tell } = options
    let inside = 0
    let calmAt: number | undefined

    /** Whether load is shed now; it ends by itself. */
    const isShedding = (): boolean => {
      if (calmAt === undefined) return false
      if (clock.currentTimeMillisUnsafe() < calmAt) return true
      calmAt = undefined
      tell({ _tag: "Shedding", isShedding: false })
      return false
    }

    const refuse = (key: Tag) => {
      const shedding = isShedding()
      if (shedding) calmAt = clock.currentTimeMillisUnsafe() + calm
      else tell({ _tag: "Overloaded", key })
      const detail = shedding
        ? `load is shed, ask again in ${calm / 1_000} s`
        : `${inside} lookups already run or wait, ask again in a second`
      return new CacheError({ reason: new Unavailable({ key, because: "overloaded", detail }) })
    }

    return {
      pass: <A, E>(key: Tag, lookup: Effect.Effect<A, E>) =>
        Effect.suspend((): Effect.Effect<A, E | CacheError> => {
          if (inside >= limit * (isShedding() ? 1 : 1 + room)) return Effect.fail(refuse(key))
          inside++
          return places.withPermit(lookup).pipe(
            Effect.ensuring(
              Effect.sync(() => {
                inside--
              })
            )
          )
        }),
      load: () => ({
        running: Math.min(inside, limit),
        waiting: Math.max(0, inside - limit),
        isShedding: isShedding()
      }),
      shed: () => {
        if (!isShedding()) tell({ _tag: "Shedding", isShedding: true })
        calmAt = clock.currentTimeMillisUnsafe() + calm
      }
    }
  })
