/**
 * A simulated process: the cache as it is shipped, with four domains opened in it, and what its users do.
 */
import { CacheConfig, CacheManager, DependencyGraph, type Domain, LiveView, Lookup, Tag } from "@letletme/cache"
import type { CacheError } from "@letletme/cache/CacheError"
import { Effect, Layer, Option, Schema } from "effect"
import type { Seen } from "../Checker.ts"
import type { Link } from "../SimulatedNetwork.ts"
import type { Kind, Plan, Reading, Work } from "./Plan.ts"
import type { Changed, Item as ItemRow, Source } from "./Source.ts"

const graph = DependencyGraph.make({ group: [], item: ["group"], table: ["item", "group"] })

// `w`: the value was written by an update, and so is announced; not loaded.
const Item = Schema.Struct({ v: Schema.Int, group: Schema.Int, w: Schema.Boolean })
type Item = typeof Item.Type
const Group = Schema.Struct({ v: Schema.Int })
const Members = Schema.Struct({ v: Schema.Int, ids: Schema.Array(Schema.Int) })
const Table = Schema.Struct({
  group: Schema.Int,
  members: Schema.Int,
  items: Schema.Array(Schema.Struct({ id: Schema.Int, item: Schema.NullOr(Item) }))
})
type Table = typeof Table.Type

/** A lookup was refused by the simulated source. */
export class SourceDown extends Schema.TaggedError<SourceDown>()("SourceDown", { what: Schema.String }) {}

type Failure = SourceDown | CacheError

/** What an answer was made from, and how the view stood when its last read began. */
export interface Outcome {
  readonly rows: ReadonlyArray<Seen>
  /** Those of the rows whose values were written by updates. */
  readonly written: ReadonlyArray<Seen>
  readonly position: number
}

/** What a write came to. */
export interface Written {
  readonly rows: ReadonlyArray<Seen>
  readonly position: number
}

/** What its users do in a process that has started. */
export interface Users {
  readonly read: (work: Reading, after: number) => Effect.Effect<Outcome, Failure>
  readonly announce: (
    work: Extract<Work, { _tag: "Write" }>,
    changed: Changed,
    /** The position of the view before the source was written. */
    since: number
  ) => Effect.Effect<Written, Failure>
  /** The position of the view now. */
  readonly position: () => number
}

/** How the source is asked: it takes time, and may fail. */
export type Ask = <A>(rows: ReadonlyArray<string>, read: () => A) => Effect.Effect<A, SourceDown>

const tagOf = <const Kind extends string>(kind: Kind, id: number): Tag.Of<Kind> => Tag.of(kind, String(id))

/** Starts the cache in a process, for the life of the scope. */
export const start = (options: {
  readonly plan: Plan
  readonly name: string
  readonly link: Link
  readonly source: Source
  readonly ask: Ask
}) =>
  Effect.gen(function* () {
    const { ask, name, plan, source } = options
    const settings = { ...plan.settings, process: name }
    const context = yield* Layer.build(
      CacheManager.layerRedis.pipe(Layer.provide(options.link.layer), Layer.provide(CacheConfig.layer(settings)))
    )
    return yield* Effect.provideContext(
      Effect.gen(function* () {
        const manager = yield* CacheManager
        const { view } = yield* LiveView
        const revision = (v: number) => ({ time: v, sequence: 0 })
        const stated = (v: number) => (plan.statesRevisions ? { revision: revision(v) } : {})
        const common = { graph, id: Schema.FiniteFromString, timeToLive: plan.timeToLive } as const

        const answerItem = (item: ItemRow | undefined) =>
          item === undefined ? Lookup.absent : Lookup.found({ ...item, w: false }, stated(item.v))
        const items = yield* manager.open({
          ...common,
          domain: "item",
          value: Item,
          dependsOn: ({ group }) => [tagOf("group", group)],
          ...(plan.asksTogether
            ? {
                lookupMany: (questions: ReadonlyArray<{ readonly id: number }>) =>
                  ask(
                    questions.map(({ id }) => `item:${id}`),
                    () => questions.map(({ id }) => answerItem(source.item(id)))
                  )
              }
            : {
                lookup: (id: number) =>
                  Effect.map(
                    ask([`item:${id}`], () => source.item(id)),
                    answerItem
                  )
              })
        })
        const groups = yield* manager.open({
          ...common,
          domain: "group",
          value: Group,
          ...(plan.servesStale ? { staleIfUnavailable: "invalidated" } : {}),
          lookup: (id) =>
            Effect.map(
              ask([`group:${id}`], () => source.group(id)),
              (v) => Lookup.found({ v }, stated(v))
            )
        })
        const members = yield* manager.open({
          ...common,
          domain: "item",
          list: { of: "group", name: "items" },
          value: Members,
          lookup: (id) =>
            Effect.map(
              ask([`members:${id}`], () => source.members(id)),
              (list) => Lookup.found(list)
            )
        })
        const tables = yield* manager.open({
          ...common,
          domain: "table",
          value: Table,
          dependsOn: (_, id) => [tagOf("group", id)],
          lookup: Effect.fnUntraced(function* (id): Effect.fn.Return<Lookup.Answer<Table>, Failure> {
            const [group, list] = yield* Effect.all([groups.get(id), members.get(id)], { concurrency: 2 })
            const found = yield* items.getMany(list.ids)
            return Lookup.found({
              group: group.v,
              members: list.v,
              items: list.ids.map((item, index) => ({ id: item, item: found[index]?.pipe(Option.getOrNull) ?? null }))
            })
          })
        })

        type Rows = Pick<Outcome, "rows" | "written">
        const row = (name: string, v: number): Rows => ({ rows: [[name, v]], written: [] })
        const all = (parts: ReadonlyArray<Rows>): Rows => ({
          rows: parts.flatMap(({ rows }) => rows),
          written: parts.flatMap(({ written }) => written)
        })
        const itemRow = (id: number, item: Item | null): Rows => {
          const { rows } = row(`item:${id}`, item?.v ?? source.lastAbsent(id))
          return { rows, written: item?.w === true ? rows : [] }
        }
        const itemRows = (ids: ReadonlyArray<number>, found: ReadonlyArray<Option.Option<Item>>): Rows =>
          all(ids.map((id, index) => itemRow(id, found[index]?.pipe(Option.getOrNull) ?? null)))
        const tableRows = (id: number, table: Table): Rows =>
          all([
            row(`group:${id}`, table.group),
            row(`members:${id}`, table.members),
            ...table.items.map((one) => itemRow(one.id, one.item))
          ])

        const readOne = (kind: Kind, id: number, options: Domain.ReadOptions | undefined) => {
          switch (kind) {
            case "item":
              return Effect.map(items.find(id, options), (found) => itemRow(id, Option.getOrNull(found)))
            case "group":
              return Effect.map(groups.get(id, options), ({ v }) => row(`group:${id}`, v))
            case "members":
              return Effect.map(members.get(id, options), ({ v }) => row(`members:${id}`, v))
            case "table":
              return Effect.map(tables.get(id, options), (table) => tableRows(id, table))
          }
        }

        const optionsOf = (how: Extract<Work, { _tag: "Read" }>["how"], after: number) => {
          switch (how) {
            case "default":
              return undefined
            case "strong":
              return { consistency: "strong" } as const
            case "after":
              return { after }
            case "past near":
              return { skip: "near" } as const
          }
        }

        const at =
          (position: number) =>
          (rows: Rows): Outcome => ({ ...rows, position })

        const read: Users["read"] = (work, after) =>
          Effect.suspend(() => {
            const position = view.position
            switch (work._tag) {
              case "Read":
                return Effect.map(readOne(work.kind, work.id, optionsOf(work.how, after)), at(position))
              case "ReadMany":
                return items.getMany(work.ids, work.isStrong ? { consistency: "strong" } : {}).pipe(
                  Effect.map((found) => itemRows(work.ids, found)),
                  Effect.map(at(position))
                )
              case "Refresh":
                return items.refresh(work.ids).pipe(
                  Effect.map((found) => itemRows(work.ids, found)),
                  Effect.map(at(position))
                )
              case "Warm":
                // What it has stored is judged when it is read.
                return items
                  .warm(work.ids)
                  .pipe(
                    Effect.flatMap(
                      Effect.forEach(({ failure }) => (failure === undefined ? Effect.void : Effect.failCause(failure)))
                    ),
                    Effect.as(at(position)(all([])))
                  )
              case "Snapshot":
                return manager.snapshot(
                  Effect.gen(function* () {
                    const group = yield* groups.get(work.group)
                    const list = yield* members.get(work.group)
                    const found = yield* items.getMany(list.ids)
                    const last = view.position
                    const table = yield* tables.get(work.group)
                    return at(last)(
                      all([
                        row(`group:${work.group}`, group.v),
                        row(`members:${work.group}`, list.v),
                        itemRows(list.ids, found),
                        tableRows(work.group, table)
                      ])
                    )
                  })
                )
            }
          })

        const listsOf = ({ after, before }: Changed["items"][number]): ReadonlyArray<Tag.Tag> =>
          before?.group === after?.group
            ? []
            : [before, after].flatMap((one) =>
                one === undefined ? [] : [Tag.members("item", tagOf("group", one.group))]
              )

        const invalidate = (changed: Changed, work: Extract<Work, { _tag: "Write" }>) => {
          if (work.change._tag === "Group") return groups.invalidate([work.change.id])
          if (work.how === "pattern") {
            const pattern = Tag.any("item")
            return manager.invalidate({ primary: pattern, related: changed.items.flatMap(listsOf) })
          }
          return manager.invalidate(
            changed.items.map((item) => ({ primary: tagOf("item", item.id), related: listsOf(item), cascade: true }))
          )
        }

        const written = (item: ItemRow): Item => ({ ...item, w: true })
        const update = Effect.fnUntraced(function* (
          changed: Changed,
          work: Extract<Work, { _tag: "Write" }>,
          since: number
        ): Effect.fn.Return<Written, CacheError> {
          if (work.change._tag === "Group") {
            const v = changed.rows[0]?.[1] ?? 0
            const written = yield* groups.update(work.change.id, { v }, { revision: revision(v), since })
            return { rows: changed.rows, position: written._tag === "Updated" ? written.position : view.position }
          }
          const prepared = yield* Effect.forEach(changed.items, ({ after, before, id, v }) =>
            items.changes(
              [
                {
                  id,
                  value: Option.map(Option.fromUndefinedOr(after), written),
                  ...(work.how === "update stated"
                    ? { before: Option.map(Option.fromUndefinedOr(before), written) }
                    : {})
                }
              ],
              { revision: revision(v), since }
            )
          )
          const { invalidated, position, written: outcomes } = yield* manager.commit(prepared.flat())
          // What is the same as what the writer states, or is gone as it was, is announced by the one who changed it.
          const unchanged = new Set(
            changed.items.flatMap(({ after, id }, index) =>
              outcomes[index]?._tag === "Unchanged" && (work.how === "update stated" || after === undefined)
                ? [`item:${id}`]
                : []
            )
          )
          // Who does not state what an item was before is promised those lists only that the answer names.
          const lists = new Map(Array.from({ length: plan.groups }, (_, id) => [`members:${id}`, id]))
          const isReached = (row: string): boolean => {
            const list = lists.get(row)
            const tag = list === undefined ? undefined : Tag.members("item", tagOf("group", list))
            return tag === undefined || invalidated.some((one) => Tag.reaches(one, tag))
          }
          return { rows: changed.rows.filter(([row]) => isReached(row) && !unchanged.has(row)), position }
        })

        const announce: Users["announce"] = (work, changed, since) =>
          work.how === "update" || work.how === "update stated"
            ? update(changed, work, since)
            : Effect.map(invalidate(changed, work), (position) => ({ rows: changed.rows, position }))

        return { read, announce, position: () => view.position }
      }),
      context
    )
  })
