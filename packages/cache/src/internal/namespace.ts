/**
 * The keys of a namespace in the store: entries of open domains, leases, and what does not belong.
 */
import { Result } from "effect"
import type { Auditor } from "../Auditor.ts"
import * as Tag from "../Tag.ts"

/** With what the names of all keys of a namespace in the store begin. */
export const prefix = (namespace: string): string => `${namespace}:`

/** With what the name of a lease begins: no tag begins with "#", and a domain may be called "lease". */
export const leasePrefix = (namespace: string): string => `${prefix(namespace)}#lease:`

/** Finds whose a key is. */
export interface Owners {
  readonly of: (key: Tag.Tag | undefined) => Auditor | undefined
  /** Tells names of the store apart; leases are left out. */
  readonly apart: (names: ReadonlyArray<string>) => {
    readonly entries: ReadonlyMap<Auditor, ReadonlyArray<Tag.Tag>>
    /** Entries of open domains whose values have another schema. */
    readonly otherSchema: ReadonlyArray<string>
    readonly foreign: ReadonlyArray<string>
  }
}

export const owners = (namespace: string, auditors: ReadonlyArray<Auditor>): Owners => {
  // An entity's id may look like a list's key: the list, whose name is the longer one, has it then.
  const specificFirst = auditors.toSorted((one, other) => other.domain.length - one.domain.length)
  const of = (key: Tag.Tag | undefined) =>
    key === undefined ? undefined : specificFirst.find((auditor) => auditor.owns(key))
  const start = prefix(namespace).length
  return {
    of,
    apart: (names) => {
      const entries = new Map<Auditor, Array<Tag.Tag>>()
      const otherSchema: Array<string> = []
      const foreign: Array<string> = []
      for (const name of names) {
        if (name.startsWith(leasePrefix(namespace))) continue
        const end = name.lastIndexOf("@")
        const key = Result.getOrUndefined(Tag.parse(name.slice(start, end === -1 ? name.length : end)))
        const owner = of(key)
        if (key === undefined || owner === undefined || end === -1) foreign.push(name)
        else if (owner.storeKey(key) !== name) otherSchema.push(name)
        else entries.set(owner, [...(entries.get(owner) ?? []), key])
      }
      return { entries, otherSchema, foreign }
    }
  }
}
