/**
 * The write path of one domain: changes prepared against what is held, and fills without invalidation.
 */
import { Duration, Effect, Equal, Option, Result } from "effect"
import type { CacheError } from "../CacheError.ts"
import type { Change, Definition, Replacement, WriteOptions } from "../Domain.ts"
import { compareRevisions, type Entry, noRevision, type Revision, seal } from "../Entry.ts"
import { Fence } from "../Fence.ts"
import type { Position } from "../Position.ts"
import * as Tag from "../Tag.ts"
import type { Keyed } from "./Keys.ts"
import { type Draft, type Shelf, stamped } from "./Shelf.ts"

export interface Writer<Id, A> {
  readonly changes: (
    replacements: ReadonlyArray<Replacement<Id, A> & Keyed<Id>>,
    options: WriteOptions
  ) => Effect.Effect<ReadonlyArray<Change>, CacheError>
  readonly confirmations: (
    known: ReadonlyArray<Keyed<Id> & { readonly value: A }>,
    reachedBy: ReadonlyArray<Tag.Tag>,
    revision: Revision
  ) => Effect.Effect<ReadonlyArray<Change>, CacheError>
  readonly put: (keyed: Keyed<Id>, value: A, readAt: Position, revision: Revision) => Effect.Effect<boolean, CacheError>
  readonly touch: (keyed: Keyed<Id>, timeToLive: Duration.Input | undefined) => Effect.Effect<boolean, CacheError>
}

/** What a definition states of its values' dependencies, whichever its graph's names are. */
interface Declaring<Id, A> {
  readonly dependsOn?: ((value: A, id: Id) => ReadonlyArray<Tag.Tag>) | undefined
}

/** The tags that a domain declares for a value, beside its own. */
export const declaredTags = <D extends string, Id, A, E, R>(
  { dependsOn, domain, list }: Pick<Definition<D, Id, A, E, R>, "domain" | "list"> & Declaring<Id, A>,
  relationOf: (id: Id) => Tag.Tag
): ((id: Id, value: A | undefined) => ReadonlyArray<Tag.Tag>) => {
  return (id, value) => {
    const relations = value === undefined ? [] : (dependsOn?.(value, id) ?? [])
    const tags = relations.map((relation) => Tag.related(domain, relation))
    if (list === undefined) return tags
    const relation = relationOf(id)
    return [...tags, Tag.related(domain, relation), Tag.members(domain, relation)]
  }
}

/** The patterns that reach what depends on an entity, in each domain of its cascade. */
export const cascadeTags = (dependents: ReadonlyArray<string>, key: Tag.Tag): ReadonlyArray<Tag.Tag> =>
  dependents.map((dependent) => Tag.patternOf(Tag.stem(Tag.related(dependent, key))))

export const make = <D extends string, Id, A, E, R>(
  definition: Pick<
    Definition<D, Id, A, E, R>,
    "graph" | "domain" | "list" | "listedUnder" | "cascadeOn" | "lookupAnswers"
  > &
    Declaring<Id, A>,
  shelf: Shelf<Id, A>
): Writer<Id, A> => {
  const { domain, graph, list, dependsOn, listedUnder = dependsOn, cascadeOn, lookupAnswers } = definition
  const { kernel, counts, declared } = shelf
  const { clock, live, store } = kernel
  const { view } = live

  // Nothing is declared to depend on a list: what was computed from one has recorded that it read it.
  const cascadeOf = (key: Tag.Tag) => (list !== undefined ? [] : cascadeTags(graph.cascade(domain), key))

  /** The lists that an entity joins or leaves when it turns from `before` into `after`. */
  const membership = (
    id: Id,
    before: Option.Option<A> | undefined,
    after: Option.Option<A>
  ): ReadonlyArray<Tag.Tag> => {
    if (list !== undefined) return []
    // What it was is not known, so neither is which lists it leaves: all lists of the domain are suspect.
    if (before === undefined) return [Tag.any(domain, "members")]
    const under = (value: Option.Option<A>) =>
      new Set(Option.isNone(value) ? [] : (listedUnder?.(value.value, id) ?? []))
    const left = under(before)
    const joined = under(after)
    return [...left.symmetricDifference(joined)].map((relation) => Tag.members(domain, relation))
  }

  const held = Effect.fnUntraced(function* (keyed: ReadonlyArray<Keyed<Id>>) {
    if (keyed.length === 0) return []
    const keys = keyed.map(({ key }) => shelf.storeKey(key))
    const [, found] = yield* Effect.all([live.catchUp, store.getMany(keys)], { concurrency: 2 })
    return keyed.map((one, index) => {
      const bytes = found[index]
      return bytes === undefined ? undefined : shelf.open(one, bytes)
    })
  })

  const seen = cascadeOn ?? ((value: A): unknown => value)

  const change = Effect.fnUntraced(function* (
    { id, key, value, before: stated }: Replacement<Id, A> & Keyed<Id>,
    current: Entry<A> | undefined,
    preparedAt: Position,
    options: WriteOptions
  ) {
    const after = Option.getOrUndefined(value)
    const revision = options.revision ?? noRevision
    const draft = yield* shelf.encode(key, after, declared(id, after), revision, { announced: true })
    const tells =
      current !== undefined &&
      (current.announced || lookupAnswers === "announced") &&
      view.isValid(current.stamp, current.tags)
    const before = stated ?? (tells ? Option.fromUndefinedOr(current.value) : undefined)

    let verdict: Change["verdict"] = "changed"
    if (current !== undefined && revision.time > 0 && compareRevisions(current.revision, revision) > 0) {
      verdict = "superseded"
    } else if (before !== undefined && Option.isSome(before) === Option.isSome(value)) {
      // Compared in their encoded form: that is what readers get.
      const held = Option.isNone(before) ? undefined : Result.getOrUndefined(shelf.codec.encode(before.value))
      if (Buffer.compare(held ?? draft.payload, draft.payload) === 0) verdict = "unchanged"
    }
    const isSeen =
      before === undefined ||
      Option.isNone(before) ||
      Option.isNone(value) ||
      !Equal.equals(seen(before.value), seen(value.value))

    if (verdict === "unchanged") counts.unchanged++
    if (verdict === "superseded") counts.refused++
    const result: Change = {
      key,
      verdict,
      direct: verdict === "unchanged" ? [] : [key, ...membership(id, before, value)],
      cascade: verdict !== "unchanged" && isSeen && options.cascade !== false ? cascadeOf(key) : [],
      write: { key: shelf.storeKey(key), preparedAt, revision, body: draft.body, timeToLive: draft.keepFor },
      settle: (position) => {
        counts.updates++
        shelf.keep(id, stamped(draft, position))
      }
    }
    return result
  })

  const changes: Writer<Id, A>["changes"] = Effect.fnUntraced(function* (replacements, options) {
    const preparedAt = Math.min(options.since ?? view.position, view.position)
    const unknown = replacements.filter(({ before }) => before === undefined)
    const found = yield* held(unknown)
    const current = new Map(unknown.map(({ key }, index) => [key, found[index]] as const))
    return yield* Effect.forEach(replacements, (one) => change(one, current.get(one.key), preparedAt, options))
  })

  const confirmations: Writer<Id, A>["confirmations"] = Effect.fnUntraced(function* (known, reachedBy, revision) {
    const preparedAt = view.position
    const reached = known.filter(({ id, key, value }) =>
      [key, ...declared(id, value)].some((tag) => reachedBy.some((pattern) => Tag.reaches(pattern, tag)))
    )
    return yield* Effect.forEach(reached, ({ id, key, value }) =>
      Effect.map(shelf.encode(key, value, declared(id, value), revision, { announced: true }), (draft): Change => ({
        key,
        verdict: "confirmed",
        direct: [],
        cascade: [],
        write: { key: shelf.storeKey(key), preparedAt, revision, body: draft.body, timeToLive: draft.keepFor },
        settle: (position) => shelf.keep(id, stamped(draft, position))
      }))
    )
  })

  /** Stores a draft under a stamp, invalidating nothing; what is newer is left alone. */
  const fill = Effect.fnUntraced(function* ({ id, key }: Keyed<Id>, draft: Draft<A>, stamp: Position) {
    const { revision } = draft.header
    const bytes = seal(stamp, draft.body)
    const [stored = false] = yield* store.fill([
      {
        key: shelf.storeKey(key),
        stamp,
        revision,
        bytes,
        timeToLive: draft.keepFor,
        overwrite: false,
        fence: yield* Fence
      }
    ])
    if (stored) shelf.keep(id, stamped(draft, stamp))
    return stored
  })

  const put: Writer<Id, A>["put"] = Effect.fnUntraced(function* ({ id, key }, value, readAt, revision) {
    // The view may be behind the position that the caller got elsewhere: nothing can be said of it then.
    const stamp = Math.min(readAt, view.position)
    const draft = yield* shelf.encode(key, value, declared(id, value), revision, { stamp })
    return view.isValid(stamp, draft.header.tags) ? yield* fill({ id, key }, draft, stamp) : false
  })

  const touch: Writer<Id, A>["touch"] = Effect.fnUntraced(function* ({ id, key }, timeToLive) {
    const [entry] = yield* held([{ id, key }])
    const millis = timeToLive === undefined ? undefined : Duration.toMillis(timeToLive)
    if (entry === undefined || clock.currentTimeMillisUnsafe() >= entry.expiresAt) return false
    const { announced, revision, stamp, tags } = entry
    const draft = yield* shelf.encode(key, entry.value, tags, revision, { announced, stamp, timeToLive: millis })
    return yield* fill({ id, key }, draft, stamp)
  })

  return { changes, confirmations, put, touch }
}
