/**
 * The simulated database: items in groups. Each row has a version that grows with each change, so that an answer tells
 * how old it is.
 */
import type { Seen } from "../Checker.ts"

/** An item as the source states it. */
export interface Item {
  readonly v: number
  readonly group: number
}

/** What a write changed. */
export interface Changed {
  /** The rows with their new versions. */
  readonly rows: ReadonlyArray<Seen>
  readonly items: ReadonlyArray<{
    readonly id: number
    readonly v: number
    readonly before: Item | undefined
    readonly after: Item | undefined
  }>
}

export interface Source {
  readonly item: (id: number) => Item | undefined
  /** The highest version at which the item did not exist, or -1. */
  readonly lastAbsent: (id: number) => number
  readonly group: (id: number) => number
  readonly members: (group: number) => { readonly v: number; readonly ids: ReadonlyArray<number> }
  readonly changeItems: (ids: ReadonlyArray<number>) => Changed
  readonly move: (id: number, to: number) => Changed
  readonly remove: (id: number) => Changed
  readonly changeGroup: (id: number) => Changed
}

export const make = (items: number, groups: number): Source => {
  const rows = Array.from({ length: items }, (_, id) => ({ v: 1, group: id % groups, exists: true, lastAbsent: -1 }))
  const groupVersions = Array.from({ length: groups }, () => 1)
  const memberVersions = Array.from({ length: groups }, () => 1)

  const at = (id: number) => {
    const row = rows[id]
    if (row === undefined) throw new Error(`The simulated source has no item ${id}`)
    return row
  }
  const item = (id: number): Item | undefined => {
    const { exists, group, v } = at(id)
    return exists ? { v, group } : undefined
  }
  const bump = (versions: Array<number>, id: number): number => {
    const next = (versions[id] ?? 0) + 1
    versions[id] = next
    return next
  }

  /** Changes an item; the lists that it joins or leaves change with it. */
  const change = (id: number, group: number, exists: boolean): Changed => {
    const row = at(id)
    const before = item(id)
    const seen: Array<Seen> = []
    row.v++
    row.group = group
    row.exists = exists
    if (!exists) row.lastAbsent = row.v
    const after = item(id)
    seen.push([`item:${id}`, row.v])
    if (before?.group !== after?.group) {
      for (const one of [before, after]) {
        if (one !== undefined) seen.push([`members:${one.group}`, bump(memberVersions, one.group)])
      }
    }
    return { rows: seen, items: [{ id, v: row.v, before, after }] }
  }

  const all = (changes: ReadonlyArray<Changed>): Changed => ({
    rows: changes.flatMap((one) => one.rows),
    items: changes.flatMap((one) => one.items)
  })

  return {
    item,
    lastAbsent: (id) => at(id).lastAbsent,
    group: (id) => groupVersions[id] ?? 0,
    members: (group) => ({
      v: memberVersions[group] ?? 0,
      ids: rows.flatMap((row, id) => (row.exists && row.group === group ? [id] : []))
    }),
    // A change brings back an item that did not exist.
    changeItems: (ids) => all(ids.map((id) => change(id, at(id).group, true))),
    move: (id, to) => change(id, to, true),
    remove: (id) => change(id, at(id).group, false),
    changeGroup: (id) => ({ rows: [[`group:${id}`, bump(groupVersions, id)]], items: [] })
  }
}
