/**
 * From a lookup's answers to entries: encoded, stored while they are still valid, and put at hand.
 */
import { Array as Arr, Effect, Exit, Result } from "effect"
import type { CacheError } from "../CacheError.ts"
import type { Fill } from "../CacheStore.ts"
import { type Entry, noRevision, seal } from "../Entry.ts"
import type * as Lookup from "../Lookup.ts"
import type { Position } from "../Position.ts"
import type * as Recording from "../Recording.ts"
import type { Tag } from "../Tag.ts"
import { type Draft, type Encode, type Shelf, stamped } from "./Shelf.ts"

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

  const draftOf = (
    encode: Encode<A>,
    { answer, held, id, key, recorder }: Answered<Id, A>
  ): Result.Result<Draft<A>, CacheError> => {
    const kept = answer._tag === "NotModified" ? held : undefined
    const value = answer._tag === "Found" ? answer.value : kept?.value
    const revision = (answer._tag === "Found" ? answer.revision : kept?.revision) ?? noRevision
    const more = answer._tag === "Found" ? answer.tags : (kept?.tags ?? [])
    const tags = [...declared(id, value), ...recorder.tags, ...more]
    return encode(key, value, tags, revision, { stamp: recorder.stamp })
  }

  /** An input may be newer than the view, and another older: together they never were. The log will tell. */
  const reachAll = Effect.fnUntraced(function* (answered: ReadonlyArray<Answered<Id, A>>) {
    const ahead = new Set<Position>()
    for (const { recorder } of answered) if (recorder.highest > live.view.position) ahead.add(recorder.highest)
    for (const position of ahead) yield* Effect.ignore(live.reach(position, kernel.config.maxStaleness))
  })

  return Effect.fnUntraced(function* (answered) {
    const encode = yield* shelf.encoder
    const drafts = answered.map((one) => ({ of: one, drafted: draftOf(encode, one) }))
    yield* reachAll(answered)
    const fills: Array<Fill> = []
    const landing = drafts.map(({ drafted, of: { fence, key, overwrite, recorder } }) =>
      Result.map(drafted, (draft) => {
        const { stamp } = recorder
        const entry = stamped(draft, stamp)
        // What was invalidated while it was loaded answers those who asked before, and is kept by nobody.
        if (live.view.position < recorder.highest || !live.view.isValid(stamp, entry.tags)) return { entry }
        const place = fills.length
        const { revision } = draft.header
        const bytes = seal(stamp, draft.body)
        fills.push({ key: shelf.storeKey(key), stamp, revision, bytes, timeToLive: draft.keepFor, overwrite, fence })
        return { entry, place }
      })
    )
    const stored = fills.length === 0 ? [] : yield* storing(fills)
    return Arr.zipWith(answered, landing, ({ beside, id, key }, landed): Exit.Exit<Entry<A>, CacheError> => {
      if (Result.isFailure(landed)) return Exit.fail(landed.failure)
      const { entry, place } = landed.success
      if (place !== undefined && stored[place] === false) {
        counts.refused++
        kernel.tell({ _tag: "WriteRefused", key, stamp: entry.stamp })
      } else if (place !== undefined) shelf.keep(id, entry, !beside)
      return Exit.succeed(entry)
    })
  })
}
