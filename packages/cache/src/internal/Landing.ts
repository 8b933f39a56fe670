/**
 * From a lookup's answers to entries: encoded, stored while they are still valid, and put at hand.
 */
import { Effect, Exit, Result } from "effect"
import type { CacheError } from "../CacheError.ts"
import type { Fill } from "../CacheStore.ts"
import { type Entry, noRevision, seal } from "../Entry.ts"
import type * as Lookup from "../Lookup.ts"
import type { Position } from "../Position.ts"
import type * as Recording from "../Recording.ts"
import type { Tag } from "../Tag.ts"
import { type Shelf, stamped } from "./Shelf.ts"

/** What was answered, to whom, and what the load read on the way. */
export interface Answered<Id, A> {
  readonly id: Id
  readonly key: Tag
  readonly held: Entry<A> | undefined
  readonly overwrite: boolean
  readonly beside: boolean
  readonly recorder: Recording.LoadRecorder
  readonly fence: Position | undefined
  readonly answer: Lookup.Answer<A>
}

/**
 * Makes the way in: all answers of a lookup go to the store in one call of `storing`, and each comes to an entry of its own.
 * A load uses the store's, which goes on without a store that does not answer at once.
 */
export const make = <Id, A, E>(
  shelf: Shelf<Id, A>,
  storing: (fills: ReadonlyArray<Fill>) => Effect.Effect<ReadonlyArray<boolean>, E>
): ((answered: ReadonlyArray<Answered<Id, A>>) => Effect.Effect<ReadonlyArray<Exit.Exit<Entry<A>, CacheError>>, E>) => {
  const { counts, declared, kernel } = shelf
  const { live } = kernel

  const toEntry = Effect.fnUntraced(function* ({
    answer,
    beside,
    fence,
    held,
    id,
    key,
    overwrite,
    recorder
  }: Answered<Id, A>) {
    const kept = answer._tag === "NotModified" ? held : undefined
    const value = answer._tag === "Found" ? answer.value : kept?.value
    const revision = (answer._tag === "Found" ? answer.revision : kept?.revision) ?? noRevision
    const more = answer._tag === "Found" ? answer.tags : (kept?.tags ?? [])
    const { stamp } = recorder
    const draft = yield* shelf.encode(key, value, [...declared(id, value), ...recorder.tags, ...more], revision, {
      stamp
    })
    const entry = stamped(draft, stamp)
    const bytes = seal(stamp, draft.body)
    // An input may be newer than the view, and another older: together they never were. The log will tell.
    const isWhole =
      live.view.position >= recorder.highest ||
      Result.isSuccess(yield* Effect.result(live.reach(recorder.highest, kernel.config.maxStaleness)))
    const fill: Fill = { key: shelf.storeKey(key), stamp, revision, bytes, timeToLive: draft.keepFor, overwrite, fence }
    // What was invalidated while it was loaded answers those who asked before, and is kept by nobody.
    return { id, key, entry, beside, fill: isWhole && live.view.isValid(stamp, entry.tags) ? fill : undefined }
  })

  return Effect.fnUntraced(function* (answered) {
    const results = yield* Effect.forEach(answered, (one) => Effect.result(toEntry(one)))
    const fills = results.flatMap((result) =>
      Result.isSuccess(result) && result.success.fill !== undefined ? [result.success.fill] : []
    )
    const stored = fills.length === 0 ? [] : yield* storing(fills)
    const refused = new Set(fills.filter((_, index) => stored[index] === false).map(({ key }) => key))
    return results.map((result): Exit.Exit<Entry<A>, CacheError> => {
      if (Result.isFailure(result)) return Exit.fail(result.failure)
      const { beside, entry, fill, id, key } = result.success
      if (fill !== undefined && refused.has(fill.key)) {
        counts.refused++
        kernel.tell({ _tag: "WriteRefused", key, stamp: entry.stamp })
      } else if (fill !== undefined) shelf.keep(id, entry, !beside)
      return Exit.succeed(entry)
    })
  })
}
