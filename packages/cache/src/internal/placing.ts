/**
 * To which partition something belongs.
 */
import { Context, Effect } from "effect"
import { CacheError, Misplaced } from "../CacheError.ts"
import type * as Tag from "../Tag.ts"

/** The partition that the fiber is in, if it is in one. */
export const Current = Context.Reference<string | undefined>("@letletme/cache/CurrentPartition", {
  defaultValue: () => undefined
})

/** Some of what was asked, with the places of the answers. */
export interface Group<A> {
  readonly items: ReadonlyArray<A>
  readonly indices: ReadonlyArray<number>
}

export interface Placing {
  /** The one partition of all of these. */
  readonly one: (tags: ReadonlyArray<Tag.Tag>, what?: string) => Effect.Effect<string, CacheError>
  /** What belongs to each partition. */
  readonly apart: <A>(
    items: ReadonlyArray<A>,
    tagOf: (item: A) => Tag.Tag
  ) => Effect.Effect<ReadonlyMap<string, Group<A>>, CacheError>
  /** Fails where one of these is of another partition. */
  readonly refuseStrays: (tags: ReadonlyArray<Tag.Tag>, partition: string) => Effect.Effect<void, CacheError>
}

const misplaced = (what: string, because: Misplaced["because"], partitions: ReadonlyArray<string>) =>
  new CacheError({ reason: new Misplaced({ what: what.slice(0, 100), because, partitions }) })

// It becomes a part of every key: of no other form can one partition's keys be taken for another's.
const grammar = /^[\w-]{1,64}$/

/** Fails unless this is the name of a partition, and of the one that the fiber is in, if it is in one. */
export const checked = Effect.fnUntraced(function* (partition: string | undefined, what: string) {
  const current = yield* Current
  const name = partition ?? current
  if (name === undefined) return yield* misplaced(what, "nowhere", [])
  if (!grammar.test(name)) return yield* misplaced(what, "nowhere", [name.slice(0, 64)])
  if (current !== undefined && name !== current) return yield* misplaced(what, "elsewhere", [current, name])
  return name
})

export const make = (of: (tag: Tag.Tag) => string | undefined): Placing => ({
  one: Effect.fnUntraced(function* (tags, what) {
    const [first, ...rest] = tags
    const partition = yield* checked(first === undefined ? undefined : of(first), first ?? what ?? "What names no key")
    const others = new Set<string>()
    for (const tag of rest) {
      const other = yield* checked(of(tag), tag)
      if (other !== partition) others.add(other)
    }
    return others.size === 0 ? partition : yield* misplaced(`${first}`, "several", [partition, ...others].slice(0, 10))
  }),
  apart: Effect.fnUntraced(function* <A>(items: ReadonlyArray<A>, tagOf: (item: A) => Tag.Tag) {
    const groups = new Map<string, { readonly items: Array<A>; readonly indices: Array<number> }>()
    for (const [index, item] of items.entries()) {
      const tag = tagOf(item)
      const partition = yield* checked(of(tag), tag)
      const group = groups.get(partition) ?? { items: [], indices: [] }
      group.items.push(item)
      group.indices.push(index)
      groups.set(partition, group)
    }
    return groups
  }),
  refuseStrays: (tags, partition) => {
    for (const tag of tags) {
      const other = of(tag)
      if (other !== undefined && other !== partition) {
        return Effect.fail(misplaced(tag, "elsewhere", [partition, other.slice(0, 64)]))
      }
    }
    return Effect.void
  }
})
