/**
 * What is cached: items in groups, groups on boards. A group is made from its items, a board from its groups, each read
 * through the cache.
 *
 * The source holds *rows*, one for each item and each group, with a version that only grows. Every value says which
 * version of which rows it was made from: that is what is judged.
 */
import { DependencyGraph, DomainCache, Lookup, Tag } from "@letletme/cache"
import { Array as Arr, Effect, Option, Schema } from "effect"
import { Source } from "./Source.ts"

export const itemCount = 60
export const groupCount = 12
export const boardCount = 3
/** How many rows the source holds: the items, then the groups. */
export const rowCount = itemCount + groupCount

const perGroup = itemCount / groupCount
const perBoard = groupCount / boardCount

export const groupOf = (item: number): number => Math.floor(item / perGroup)
export const itemsOf = (group: number): ReadonlyArray<number> =>
  Arr.makeBy(perGroup, (index) => group * perGroup + index)
const groupsOf = (board: number): ReadonlyArray<number> => Arr.makeBy(perBoard, (index) => board * perBoard + index)

/** The row of a group; that of an item is its id. */
export const rowOf = (group: number): number => itemCount + group

/**
 * Whether an item's writers update it, in the order of its revisions. Those of the others, and of groups, invalidate:
 * that states no revision, so an update that comes late would not be known to be late.
 */
export const isUpdated = (row: number): boolean => row < itemCount && row % perGroup < 2

export const nameOf = (row: number): string => (row < itemCount ? `item:${row}` : `group:${row - itemCount}`)

/** Rows with the versions that were seen of them, one after the other: row, version, row, version. */
export const Seen = Schema.Array(Schema.Int)
export type Seen = typeof Seen.Type

const graph = DependencyGraph.make({ batch: [], item: ["batch"], group: ["item"], board: ["group"] })

/**
 * An item. An update may tell its value apart from one that was loaded, by its own number: whoever sees it has seen what
 * that update invalidated. Else it is 0.
 */
export const Item = Schema.Struct({ seen: Seen, update: Schema.Int })
export type Item = typeof Item.Type

const Derived = Schema.Struct({ seen: Seen })

// Room for the version where the number of an update is told with it.
const room = 2 ** 24

/** What a value says that it was made from. The version of an item is told with the number of its update. */
export const seenOf = (value: Item | { readonly seen: Seen }): Seen => {
  const [row = 0, version = 0] = value.seen
  return "update" in value ? [row, value.update * room + version] : value.seen
}

/** Parts a version from the number of the update that is told with it. */
export const part = (version: number): { readonly version: number; readonly update: number } => ({
  version: version % room,
  update: Math.floor(version / room)
})

/** What the values that there are say that they were made from. */
export const allSeen = (values: ReadonlyArray<Option.Option<Item | { readonly seen: Seen }>>): Seen =>
  values.flatMap((value) => (Option.isSome(value) ? seenOf(value.value) : []))

/** A number that grows with the version orders the writers of an item. */
export const revisionOf = (version: number) => ({ time: version, sequence: 0 })

export class Items extends DomainCache.Service<Items>()("chaos/Items", {
  graph,
  domain: "item",
  id: Schema.FiniteFromString,
  value: Item,
  timeToLive: "metadata",
  dependsOn: (_, id) => [Tag.of("batch", `${groupOf(id)}`)],
  lookupMany: (questions) =>
    Source.use((source) =>
      Effect.map(source.read(questions.map(({ id }) => id)), (versions) =>
        Arr.zipWith(questions, versions, ({ id }, version) =>
          Lookup.found({ seen: [id, version], update: 0 }, { revision: revisionOf(version) })
        )
      )
    )
}) {}

export class Groups extends DomainCache.Service<Groups>()("chaos/Groups", {
  graph,
  domain: "group",
  id: Schema.FiniteFromString,
  value: Derived,
  timeToLive: "derived",
  dependsOn: (_, id) => itemsOf(id).map((item) => Tag.of("item", `${item}`)),
  lookup: Effect.fnUntraced(function* (id: number) {
    const items = yield* Items
    const source = yield* Source
    const row = rowOf(id)
    const [version = 0] = yield* source.read([row])
    return Lookup.found({ seen: [row, version, ...allSeen(yield* items.getMany(itemsOf(id)))] })
  })
}) {}

/** A board declares nothing: what it depends on is what its lookup read. */
export class Boards extends DomainCache.Service<Boards>()("chaos/Boards", {
  graph,
  domain: "board",
  id: Schema.FiniteFromString,
  value: Derived,
  timeToLive: "derived",
  lookup: Effect.fnUntraced(function* (id: number) {
    const groups = yield* Groups
    return Lookup.found({ seen: allSeen(yield* groups.getMany(groupsOf(id))) })
  })
}) {}
