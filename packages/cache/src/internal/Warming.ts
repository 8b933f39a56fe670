/**
 * Warming a batch of one domain: what the store does not have fresh is loaded into it.
 */
import { Array as Arr, Effect, Exit } from "effect"
import type { CacheError } from "../CacheError.ts"
import type { Condition, Warmed } from "../Domain.ts"
import { Fence } from "../Fence.ts"
import * as Recording from "../Recording.ts"
import type { Asker, Loading } from "./Asker.ts"
import { type Inspected, inspect } from "./inspect.ts"
import type { Keyed } from "./Keys.ts"
import * as Landing from "./Landing.ts"
import type { Loaded, Loader } from "./Loader.ts"
import type { Shelf } from "./Shelf.ts"

/** What is to be loaded, and in what condition it was. */
interface Due<Id, A> extends Loading<Id, A> {
  readonly was: Condition
}

const becauseOf = (was: Condition) => (was === "fresh" || was === "corrupt" ? "missing" : was)

/**
 * What one lookup answers for a whole batch takes no leases and joins no load: to the source a key more is nothing, and a
 * batch that asked for a lease of each would pay for it three times. So a key that somebody waits for meanwhile may be
 * loaded by them as well. Where each key has a lookup of its own, loads are those of reads.
 */
export const make = <Id, A, E>(options: {
  readonly shelf: Shelf<Id, A>
  readonly asker: Asker<Id, A, E>
  readonly loader: Loader<Id, A, E>
}): ((keyed: ReadonlyArray<Keyed<Id>>) => Effect.Effect<ReadonlyArray<Warmed<E | CacheError>>, CacheError>) => {
  const { asker, loader, shelf } = options
  const { live, store } = shelf.kernel
  const land = Landing.make(shelf, store.fill)

  const asRead = (due: ReadonlyArray<Due<Id, A>>) =>
    loader.load(
      due.map(({ was, ...one }) => ({
        ...one,
        overwrite: was === "corrupt",
        beside: true,
        anew: false,
        exact: false,
        stored: true,
        load: undefined
      })),
      loader.arrive()
    )

  /** What was invalidated while it was loaded is in no store, and is loaded as a read would load it. */
  const again = Effect.fnUntraced(function* (due: ReadonlyArray<Due<Id, A>>, landed: ReadonlyArray<Loaded<A, E>>) {
    const { view } = live
    const overtaken = due.filter((_, index) => {
      const exit = landed[index]
      return exit !== undefined && Exit.isSuccess(exit) && !view.isValid(exit.value.stamp, exit.value.tags)
    })
    if (overtaken.length === 0) return landed
    const reloaded = yield* asRead(overtaken)
    const anew = new Map(Arr.zip(overtaken, reloaded))
    return Arr.zipWith(due, landed, (one, exit) => anew.get(one) ?? exit)
  })

  const together = Effect.fnUntraced(
    function* (due: Arr.NonEmptyReadonlyArray<Due<Id, A>>) {
      const fence = yield* Fence
      const recorder = Recording.forLoad(live.view.position, false)
      const answers = yield* asker.loadMany(due, recorder)
      const answered = Arr.zipWith(due, answers, ({ held, id, key, was }, answer) => ({
        id,
        key,
        held,
        overwrite: was === "corrupt",
        beside: true,
        recorder,
        fence,
        answer
      }))
      return yield* again(due, yield* land(answered))
    },
    (loads, due) =>
      Effect.catchCause(loads, (cause) => Effect.succeed(due.map((): Loaded<A, E> => Exit.failCause(cause))))
  )

  const load = (due: ReadonlyArray<Due<Id, A>>): Effect.Effect<ReadonlyArray<Loaded<A, E>>> => {
    if (!Arr.isReadonlyArrayNonEmpty(due)) return Effect.succeed([])
    return asker.asksTogether ? together(due) : asRead(due)
  }

  return Effect.fnUntraced(function* (keyed) {
    const { cache } = yield* Effect.fiber
    const span = cache.span
    const found = yield* inspect(shelf, keyed)
    const dueOf = ({ condition, entry, keyed: { id, key } }: Inspected<Id, A>): ReadonlyArray<Due<Id, A>> =>
      condition === "fresh"
        ? []
        : [{ id, key, held: entry, because: becauseOf(condition), nested: false, span, was: condition }]
    const exits = yield* load(found.flatMap(dueOf))
    let next = 0
    return found.map(({ condition }): Warmed<E | CacheError> => {
      const exit = condition === "fresh" ? undefined : exits[next++]
      return { was: condition, failure: exit !== undefined && Exit.isFailure(exit) ? exit.cause : undefined }
    })
  })
}
