/**
 * Judges the entries of one domain beside the source, and mends those that are not right.
 *
 * The source is asked after the view's position was taken, as by a load. So an answer that nothing has overtaken is as
 * good as a load's: it is stored under that position, by a fill that replaces nothing newer.
 */
import { Effect, Exit, Option, Result } from "effect"
import type { Audited, Auditor, Verdict } from "../Auditor.ts"
import type { CacheError } from "../CacheError.ts"
import type { Domain } from "../Domain.ts"
import { compareRevisions, type Entry } from "../Entry.ts"
import { Fence } from "../Fence.ts"
import * as Lookup from "../Lookup.ts"
import type { Position } from "../Position.ts"
import * as Recording from "../Recording.ts"
import * as Tag from "../Tag.ts"
import type { Asked, Asker } from "./Asker.ts"
import type { Keyed } from "./Keys.ts"
import * as Landing from "./Landing.ts"
import { carries, type Shelf, type State } from "./Shelf.ts"

/** What the store holds of a key, and who records what the source's answer was made of. */
interface Look<Id, A> extends Asked<Id> {
  readonly bytes: Uint8Array | undefined
  readonly entry: Entry<A> | undefined
  readonly state: State
  /** Why the bytes cannot be read; empty where they can. */
  readonly unreadable: string
  /** Which of what it was computed from is not right itself. */
  readonly suspect: Tag.Tag | undefined
  readonly recorder: Recording.SnapshotRecorder
  readonly load: Recording.LoadRecorder
}

interface Judged<Id, A> extends Look<Id, A> {
  readonly verdict: Verdict
  readonly detail: string
  readonly answer: Lookup.Answer<A> | undefined
  /** It is not right, and others hold it to be valid: that has to be announced before it is replaced. */
  readonly isBelieved: boolean
}

export const make = <Id, A, E>(options: {
  readonly label: string
  readonly shelf: Shelf<Id, A>
  readonly asker: Asker<Id, A, E>
  readonly domain: Pick<Domain<Id, A, E>, "parse" | "invalidate">
}): Auditor => {
  const { asker, domain, label, shelf } = options
  const { codec, declared, kernel } = shelf
  const { clock, live, store } = kernel
  const { view } = live
  // What does not get through has to be reported: the store is waited for, as long as its own time-out allows.
  const landing = Landing.make(shelf, store.fill)

  /** The form in which a value is compared: that which readers get. */
  const encoded = (value: A | undefined): Result.Result<Uint8Array | undefined, string> =>
    value === undefined ? Result.succeed(undefined) : codec.encode(value)

  const isSame = (one: A | undefined, other: A | undefined): boolean => {
    const [first, second] = [encoded(one), encoded(other)]
    if (Result.isFailure(first) || Result.isFailure(second)) return false
    if (first.success === undefined || second.success === undefined) return first.success === second.success
    return Buffer.compare(first.success, second.success) === 0
  }

  const suspectOf = (tags: ReadonlyArray<Tag.Tag>, suspects: ReadonlySet<Tag.Tag>): Tag.Tag | undefined =>
    suspects.size === 0
      ? undefined
      : // The first is its own.
        tags
          .slice(1)
          .find(
            (tag) => suspects.has(tag) || (Tag.isPattern(tag) && suspects.values().some((one) => carries([tag], one)))
          )

  const look = (one: Keyed<Id>, bytes: Uint8Array | undefined, suspects: ReadonlySet<Tag.Tag>): Look<Id, A> => {
    const decoded = bytes === undefined ? undefined : shelf.decode(one, bytes)
    const entry = decoded === undefined ? undefined : Result.getOrUndefined(decoded)
    const load = Recording.forLoad(view.position, false)
    return {
      ...one,
      bytes,
      entry,
      state: shelf.stateOf(entry, clock.currentTimeMillisUnsafe(), true, Number.POSITIVE_INFINITY),
      unreadable: decoded !== undefined && Result.isFailure(decoded) ? decoded.failure : "",
      suspect: entry === undefined ? undefined : suspectOf(entry.tags, suspects),
      load,
      // As in a snapshot, the lookup is answered nothing stale.
      recorder: Recording.forSnapshot(load)
    }
  }

  /** Why an entry that holds the right value is not fresh. */
  const outdated = ({ entry, load, state }: Look<Id, A>): string => {
    if (state === "expired") return "It holds what the source says, and its time is over."
    const stamp = entry?.stamp ?? 0
    const hit = view.invalidation(stamp, entry?.tags ?? [])
    if (stamp < view.floor || hit === undefined) {
      return `It holds what the source says, and its stamp ${stamp} is below the floor ${view.floor}.`
    }
    return `It holds what the source says, and ${hit.tag} was invalidated at ${hit.position}: it is right again at ${load.stamp}.`
  }

  /** A tag by which an invalidation has to reach the value, and that the entry does not carry. */
  const lacking = ({ load }: Look<Id, A>, entry: Entry<A>, id: Id): Tag.Tag | undefined =>
    // What one lookup reads for many is recorded for each: it does not tell whose it is.
    [...declared(id, entry.value), ...(asker.asksTogether ? [] : load.tags)].find((tag) => !carries(entry.tags, tag))

  const judge = (one: Look<Id, A>, answer: Lookup.Answer<A> | undefined, from: Position): Judged<Id, A> => {
    const { bytes, entry, id, recorder, state, suspect, unreadable } = one
    const isValid = entry !== undefined && view.isValid(entry.stamp, entry.tags)
    const judged = (verdict: Verdict, detail: string, isBelieved = false): Judged<Id, A> => ({
      ...one,
      answer,
      verdict,
      detail,
      isBelieved
    })
    if (bytes === undefined) return judged("missing", "The store has no entry.")
    if (suspect !== undefined) return judged("undecided", `It was computed from ${suspect}, which is not right.`)
    if (unreadable !== "") {
      return answer?._tag === "Absent"
        ? judged("orphaned", `The source does not have it, and its bytes are no entry: ${unreadable}.`)
        : judged("corrupt", `Its bytes are no entry: ${unreadable}.`)
    }
    if (entry === undefined || state === "missing") return judged("missing", "It expired for good.")
    if (answer === undefined || answer._tag === "NotModified") {
      return judged("undecided", "The source did not answer: look at its failures, and try again.")
    }
    const isWhole = !recorder.isTorn && recorder.reads.every(({ stamp, tags }) => view.isValid(stamp, tags))
    if (!isWhole || !view.isValid(from, entry.tags)) {
      return judged("undecided", "It was invalidated while the source was asked.")
    }
    if (answer._tag === "Absent" && !entry.absent) {
      return judged("orphaned", "The source does not have it.", isValid)
    }
    const truth = answer._tag === "Found" ? answer.value : undefined
    if (!isSame(entry.value, truth)) {
      const isBehind =
        answer._tag === "Found" &&
        answer.revision !== undefined &&
        compareRevisions(answer.revision, entry.revision) < 0
      return isBehind
        ? judged("undecided", "It differs from the source, whose revision is older: the source is behind.")
        : judged(
            "stale",
            `The source says otherwise, and ${!isValid ? "that was announced" : state === "fresh" ? "nothing was announced" : "its time is over"}.`,
            isValid && state === "fresh"
          )
    }
    const unknown = lacking(one, entry, id)
    if (isValid && unknown !== undefined) {
      return judged("stale", `It does not carry ${unknown}, on which its value depends.`, state === "fresh")
    }
    return state === "fresh" ? judged("valid", "") : judged("restamped", outdated(one))
  }

  /** Reads, asks and judges; stores nothing. */
  const examine = Effect.fnUntraced(function* (
    keyed: ReadonlyArray<Keyed<Id>>,
    { mends, suspects }: { readonly mends: boolean; readonly suspects: ReadonlySet<Tag.Tag> }
  ): Effect.fn.Return<ReadonlyArray<Judged<Id, A>>, CacheError> {
    const storeKeys = keyed.map(({ key }) => shelf.storeKey(key))
    const [, found] = yield* Effect.all([live.catchUp, store.getMany(storeKeys)], { concurrency: 2 })
    const from = view.position
    const looks = keyed.map((one, index) => look(one, found[index], suspects))
    const asked = looks.filter(({ bytes, suspect }) => suspect === undefined && (mends || bytes !== undefined))
    const exits = yield* asker.ask(asked)
    const answers = new Map(asked.map((one, index) => [one, exits[index]] as const))
    // What was invalidated meanwhile is known before anything is judged.
    yield* live.catchUp
    return looks.map((one) => {
      const exit = answers.get(one)
      return judge(one, exit === undefined ? undefined : Option.getOrUndefined(Exit.getSuccess(exit)), from)
    })
  })

  /** Puts right what nobody holds to be valid. Answers the keys that were mended. */
  const mend = Effect.fnUntraced(function* (all: ReadonlyArray<Judged<Id, A>>) {
    const fence = yield* Fence
    const mended = new Set<Tag.Tag>()
    const gone = all.flatMap(({ bytes, key, verdict }) =>
      bytes !== undefined && (verdict === "orphaned" || verdict === "corrupt")
        ? [{ key: shelf.storeKey(key), tag: key, bytes, verdict }]
        : []
    )
    // Exactly the bytes that were judged: what another process has written since stays.
    const deleted = gone.length === 0 ? [] : yield* store.discard(gone)
    for (const [index, { tag, verdict }] of gone.entries()) {
      if (deleted[index] === true && verdict === "orphaned") mended.add(tag)
    }
    const answered = all.flatMap(({ answer, entry, id, key, load, verdict }) =>
      answer === undefined || !["restamped", "stale", "corrupt", "missing"].includes(verdict)
        ? []
        : // An entry that is right keeps its revision and its tags.
          [
            {
              id,
              key,
              held: entry,
              overwrite: false,
              beside: true,
              fence,
              recorder: load,
              answer: verdict === "restamped" ? Lookup.notModified : answer
            }
          ]
    )
    const landed = yield* landing(answered)
    for (const [index, { key }] of answered.entries()) {
      const exit = landed[index]
      if (exit !== undefined && Exit.isSuccess(exit)) mended.add(key)
    }
    return mended
  })

  return {
    domain: label,
    owns: (key) => Option.isSome(domain.parse(key)),
    storeKey: shelf.storeKey,
    audit: Effect.fnUntraced(function* (keys, options): Effect.fn.Return<ReadonlyArray<Audited>, CacheError> {
      const keyed = keys.flatMap((key) => Option.toArray(Option.map(domain.parse(key), (id) => ({ id, key }))))
      const first = yield* examine(keyed, options)
      const mended = new Set<Tag.Tag>()
      if (options.mends) {
        const believed = first.filter(({ isBelieved }) => isBelieved)
        const ids = believed.map(({ id }) => id)
        if (ids.length > 0) yield* domain.invalidate(ids, { cause: "integrity" })
        // They are asked of again: only what the source says after the announcement may be stored under it.
        const again = yield* examine(believed, options)
        const rest = [
          ...first.filter(({ isBelieved }) => !isBelieved),
          ...again.filter(({ isBelieved }) => !isBelieved)
        ]
        for (const key of yield* mend(rest)) mended.add(key)
        // Announced, and loaded by another reader meanwhile.
        for (const { key, verdict } of again) if (verdict === "valid") mended.add(key)
      }
      return first.map(({ detail, key, verdict }) => ({ key, verdict, detail, mended: mended.has(key) }))
    })
  }
}
