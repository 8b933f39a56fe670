/**
 * Leases of loads, across processes: while one is held, other processes wait for the load instead of doing it too.
 *
 * A lease belongs to one load and says at which position that load began. Correctness does not rest on it.
 *
 * @see Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013, section 3.2.1
 */
import { Effect } from "effect"
import type { Position } from "../Position.ts"
import type { Tag } from "../Tag.ts"
import type { Kernel } from "./Kernel.ts"
import { leasePrefix } from "./namespace.ts"

/** A load that wants a lease. */
export interface Lessee {
  readonly key: Tag
  /** The position at which the load began, or would begin now. */
  stamp: Position
  /** Tells the loads of one process apart. */
  readonly sequence: number
}

export interface Leases {
  /** Takes the leases that are free or overtaken; answers the lessees that got one. */
  readonly take: (lessees: ReadonlyArray<Lessee>) => Effect.Effect<ReadonlySet<Lessee>>
  /** Gives back those leases that the lessees still hold. */
  readonly release: (lessees: ReadonlyArray<Lessee>) => Effect.Effect<void>
}

/** Without a store that answers there is nobody to wait for: every lessee then gets its lease, and none is written. */
export const make = ({ config, live, tier }: Kernel, fingerprint: string): Leases => {
  const keyOf = ({ key }: Lessee) => `${leasePrefix(config.namespace)}${key}@${fingerprint}`
  const holderOf = ({ sequence, stamp }: Lessee) => `${stamp} ${config.process} ${sequence}`
  // The loads of this process that hold a lease.
  const holding = new Set<number>()
  // A lease of this process whose load has ended is one whose release got lost.
  const isLost = (holder: string) => {
    const [, process, sequence] = holder.split(" ", 3)
    return process === config.process && !holding.has(Number(sequence))
  }

  /** Asks for leases, each from the holder that is known to be overtaken; answers who holds those that it did not get. */
  const request = (lessees: ReadonlyArray<Lessee>, from: ReadonlyMap<Lessee, string>) =>
    tier.lease(lessees.map((lessee) => ({ key: keyOf(lessee), holder: holderOf(lessee), from: from.get(lessee) })))

  return {
    take: Effect.fnUntraced(function* (lessees) {
      if (lessees.length === 0 || live.isBroken()) return new Set(lessees)
      const holders = yield* request(lessees, new Map())
      // A load that began before an invalidation is not worth waiting for: its answer would be refused.
      const outdated = new Map<Lessee, string>()
      for (const [index, lessee] of lessees.entries()) {
        const holder = holders[index]
        if (holder === undefined) continue
        const isValid = live.view.isValid(Number.parseInt(holder, 10), [lessee.key])
        if (isLost(holder) || !isValid) outdated.set(lessee, holder)
      }
      const taken = new Set(lessees.filter((_, index) => holders[index] === undefined))
      const asked = [...outdated.keys()]
      const kept = asked.length === 0 ? [] : yield* request(asked, outdated)
      for (const [index, lessee] of asked.entries()) if (kept[index] === undefined) taken.add(lessee)
      for (const { sequence } of taken) holding.add(sequence)
      return taken
    }),
    release: (lessees) =>
      Effect.suspend(() => {
        for (const { sequence } of lessees) holding.delete(sequence)
        return lessees.length === 0 || live.isBroken()
          ? Effect.void
          : tier.release(lessees.map((lessee) => ({ key: keyOf(lessee), holder: holderOf(lessee) })))
      })
  }
}
