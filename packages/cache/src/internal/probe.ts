/**
 * Compares what the tiers of one domain hold with what its source says.
 *
 * An entry that is valid after the source was asked was valid all the while: nothing that it depends on was announced
 * to have changed. So it must hold what the source says; `docs/monitor.md` says when it may not yet.
 */
import { Effect, Equal, Exit, Option, Result } from "effect"
import type { CacheError } from "../CacheError.ts"
import type { Inconsistency } from "../CacheEvent.ts"
import type { Domain } from "../Domain.ts"
import { compareRevisions, type Entry } from "../Entry.ts"
import type { InvalidationLog } from "../InvalidationLog.ts"
import type { Answer } from "../Lookup.ts"
import type { Position } from "../Position.ts"
import type { Difference, Doubt, Due, Examined, Probe } from "../Probe.ts"
import * as Recording from "../Recording.ts"
import type { Tag } from "../Tag.ts"
import * as View from "../View.ts"
import type { Asker } from "./Asker.ts"
import type { Keyed } from "./Keys.ts"
import { carries, type Shelf } from "./Shelf.ts"

/** A tier that has a fresh entry. */
interface Claim<A> {
  readonly tier: "near cache" | "store"
  readonly entry: Entry<A>
}

/** What the tiers hold of a key, and what the source said. */
interface Look<Id, A> extends Keyed<Id> {
  readonly claims: ReadonlyArray<Claim<A>>
  /** Why the store's bytes cannot be read. */
  readonly corrupt: string | undefined
  readonly said: Said<A> | undefined
}

interface Said<A> {
  /** What the lookup read through the cache. */
  readonly reads: ReadonlyArray<Recording.Read>
  readonly answer: Option.Option<Answer<A>>
}

// Lookups of a monitor under way at once: they are in nobody's way.
const concurrency = 4

const undecided = (key: Tag, because: Doubt, asked: boolean): Examined => ({
  _tag: "Undecided",
  key,
  because,
  asked
})

export const make = <Id, A, E>(options: {
  readonly label: string
  readonly shelf: Shelf<Id, A>
  readonly asker: Asker<Id, A, E>
  readonly log: InvalidationLog["Service"]
  readonly domain: Pick<Domain<Id, A, E>, "parse" | "explain" | "find" | "invalidate" | "refresh">
}): Probe => {
  const { asker, domain, label, log, shelf } = options
  const { codec, counts, kernel, near } = shelf
  const { clock, live, store } = kernel
  const { view } = live

  const keyed = (keys: ReadonlyArray<Tag>): ReadonlyArray<Keyed<Id>> =>
    keys.flatMap((key) => Option.toArray(Option.map(domain.parse(key), (id) => ({ id, key }))))

  /** The value as readers get it: out of the store, in the form that the codec gives it. */
  const asRead = (value: A | undefined): Result.Result<A | undefined, string> =>
    value === undefined ? Result.succeed(undefined) : Result.flatMap(codec.encode(value), codec.decode)

  const look = (one: Keyed<Id>, bytes: Uint8Array | undefined): Omit<Look<Id, A>, "said"> => {
    const now = clock.currentTimeMillisUnsafe()
    const decoded = bytes === undefined ? undefined : shelf.decode(one, bytes)
    const stored = decoded === undefined ? undefined : Result.getOrUndefined(decoded)
    const claim = (tier: Claim<A>["tier"], entry: Entry<A> | undefined): ReadonlyArray<Claim<A>> =>
      entry !== undefined && shelf.stateOf(entry, now, true, Number.POSITIVE_INFINITY) === "fresh"
        ? [{ tier, entry }]
        : []
    return {
      ...one,
      claims: [...claim("near cache", near.peek(one.id)), ...claim("store", stored)],
      corrupt: decoded !== undefined && Result.isFailure(decoded) ? decoded.failure : undefined
    }
  }

  const ask = Effect.fnUntraced(function* (looked: Omit<Look<Id, A>, "said">): Effect.fn.Return<Look<Id, A>> {
    if (looked.corrupt !== undefined || looked.claims.length === 0) return { ...looked, said: undefined }
    // As in a snapshot, the lookup is answered nothing stale, and each of its reads is kept.
    const recorder = Recording.forSnapshot(undefined)
    const [exit] = yield* asker.ask([{ ...looked, recorder }])
    const answer = exit === undefined ? Option.none() : Exit.getSuccess(exit)
    return { ...looked, said: { reads: recorder.reads, answer } }
  })

  const differs = (
    { key, said }: Look<Id, A>,
    cause: Inconsistency,
    detail: string,
    entry: Difference["entry"]
  ): Difference => ({
    _tag: "Different",
    key,
    cause,
    detail,
    entry,
    inputs: said?.reads.flatMap(({ tags }) => tags) ?? [],
    asked: said !== undefined
  })

  /** Says how an entry that both tiers agree on, or only one has, came to differ from the source. */
  const trace = (looked: Look<Id, A>, reads: ReadonlyArray<Recording.Read>, entry: Entry<A>): Difference => {
    const { createdAt, stamp, tags } = entry
    const unknown = reads.flatMap((read) => read.tags).find((tag) => !carries(tags, tag))
    const later = reads.find((read) => read.stamp > stamp || (read.createdAt ?? 0) > createdAt)
    if (unknown !== undefined) {
      const detail = `Its lookup read what carries ${unknown}, which the entry does not depend on.`
      return differs(looked, "missing-dependency", detail, entry)
    }
    if (reads.length > 0 && later === undefined) {
      const detail =
        "Computed anew from inputs that are as old as itself it comes out different: its lookup reads something past the cache."
      return differs(looked, "missing-dependency", detail, entry)
    }
    const what = later === undefined ? "The source says otherwise" : `Its input ${later.tags[0]} was loaded anew since`
    const detail = `${what}, and nothing that the entry depends on was invalidated since its load began at ${stamp}.`
    return differs(looked, "unannounced", detail, entry)
  }

  /** Judges at one position all that was read before it. */
  const judge = (looked: Look<Id, A>): Examined => {
    const { claims, corrupt, key, said } = looked
    if (corrupt !== undefined)
      return differs(looked, "corrupt", `The store's bytes are not an entry: ${corrupt}.`, undefined)
    if (said === undefined) return undecided(key, "missing", false)
    const answer = Option.getOrUndefined(said.answer)
    if (answer === undefined || answer._tag === "NotModified") return undecided(key, "unanswered", true)
    const found = answer._tag === "Found" ? answer : undefined
    const truth = asRead(found?.value)
    if (Result.isFailure(truth)) return undecided(key, "unanswered", true)

    // Each claim carries the key: where one is valid now, nothing was announced of it since the source was asked.
    const valid = claims.filter(({ entry }) => view.isValid(entry.stamp, entry.tags))
    const isSettled = said.reads.every((read) => view.isValid(read.stamp, read.tags))
    if (!isSettled || valid.length === 0) return undecided(key, "overtaken", true)

    const right = valid.filter(({ entry }) => Equal.equals(asRead(entry.value), truth))
    const wrong = valid.find((claim) => !right.includes(claim))
    if (wrong === undefined) return { _tag: "Consistent", key, asked: true }
    if (found?.revision !== undefined && compareRevisions(found.revision, wrong.entry.revision) < 0) {
      return undecided(key, "behind", true)
    }
    const [first, second] = valid
    if (
      first !== undefined &&
      second !== undefined &&
      !Equal.equals(asRead(first.entry.value), asRead(second.entry.value))
    ) {
      const agrees = right[0] === undefined ? "neither" : `the ${right[0].tier}`
      const detail = `The near cache and the store hold different values, both valid; the source agrees with ${agrees}.`
      return differs(looked, "tier-difference", detail, wrong.entry)
    }
    return trace(looked, said.reads, wrong.entry)
  }

  /** Looks at the keys. Answers the position at which it judged, too. */
  const examine = Effect.fnUntraced(function* (
    keys: ReadonlyArray<Tag>
  ): Effect.fn.Return<{ readonly examined: ReadonlyArray<Examined>; readonly seen: Position }, CacheError> {
    const all = keyed(keys)
    const storeKeys = all.map(({ key }) => shelf.storeKey(key))
    const [, found] = yield* Effect.all([live.catchUp, store.getMany(storeKeys)], { concurrency: 2 })
    const looked = yield* Effect.forEach(
      all.map((one, index) => look(one, found[index])),
      ask,
      { concurrency }
    )
    yield* live.catchUp
    return { examined: looked.map(judge), seen: view.position }
  })

  /** Asks the table itself, whatever this process's view made of it. */
  const byTheTable = (table: View.View, seen: Position, found: Difference): Examined => {
    const { entry } = found
    if (entry === undefined) return found
    if (table.isValid(entry.stamp, entry.tags)) return found
    const hit = table.invalidation(entry.stamp, entry.tags)
    const isMissed = table.position <= seen || (hit !== undefined && hit.position <= seen)
    if (!isMissed) return undecided(found.key, "overtaken", found.asked)
    const what =
      hit === undefined ? `The floor rose to ${table.floor}` : `${hit.tag} was invalidated at ${hit.position}`
    return {
      ...found,
      cause: "stale-served",
      detail: `${what}, and this process, whose view is at ${seen}, held the entry of ${entry.stamp} to be valid.`
    }
  }

  const isSameEntry = (before: Difference | undefined, now: Difference): boolean =>
    before !== undefined && before.entry?.stamp === now.entry?.stamp && before.entry?.createdAt === now.entry?.createdAt

  return {
    domain: label,
    demand: () =>
      counts.nearHits + counts.storeHits + counts.misses + counts.stale + counts.loads + counts.loadFailures,
    due: (limit, within) => {
      const now = clock.currentTimeMillisUnsafe()
      const found: Array<Due> = []
      for (const { id, key } of keyed([...near.keys()])) {
        const entry = near.peek(id)
        if (entry === undefined || found.length >= limit) continue
        if (shelf.stateOf(entry, now + within, live.isTrusted(now), Number.POSITIVE_INFINITY) === "fresh") continue
        found.push({ key, lifetime: entry.freshUntil - entry.createdAt })
      }
      return found
    },
    renew: (due, within) =>
      Effect.forEach(
        due,
        ({ key, lifetime }) => {
          const id = domain.parse(key)
          const options = { skip: "near", staleWhileRevalidate: "none", staleIfUnavailable: "none" } as const
          return Option.isNone(id)
            ? Effect.void
            : Effect.ignore(domain.find(id.value, { ...options, maxAge: Math.max(0, lifetime - within) }))
        },
        // What is asked in one tick is read and looked up together.
        { concurrency: "unbounded", discard: true }
      ),
    keys: near.keys,
    examine: (keys) => Effect.map(examine(keys), ({ examined }) => examined),
    confirm: Effect.fnUntraced(function* (suspects) {
      const before = new Map(suspects.map((one) => [one.key, one]))
      const { examined, seen } = yield* examine(suspects.map(({ key }) => key))
      const again = examined.map((one) =>
        one._tag !== "Different" || isSameEntry(before.get(one.key), one)
          ? one
          : undecided(one.key, "overtaken", one.asked)
      )
      if (again.every((one) => one._tag !== "Different")) return again
      const table = View.make()
      table.restore(yield* log.snapshot)
      return again.map((one) => (one._tag === "Different" ? byTheTable(table, seen, one) : one))
    }),
    explain: (key) =>
      Option.match(domain.parse(key), {
        onNone: () => Effect.die(`${key} is no key of ${label}`),
        onSome: domain.explain
      }),
    repair: ({ cause, key }) =>
      Option.match(domain.parse(key), {
        onNone: () => Effect.succeed(false),
        onSome: (id) => {
          // What cannot be read was served by nobody: nothing depends on it.
          const invalidated =
            cause === "corrupt" ? Effect.void : Effect.asVoid(domain.invalidate([id], { cause: `monitor ${cause}` }))
          return Effect.andThen(invalidated, domain.refresh([id])).pipe(
            Effect.as(true),
            Effect.orElseSucceed(() => false)
          )
        }
      }),
    tell: kernel.tell
  }
}
