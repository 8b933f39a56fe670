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

/** A load that wants a lease. */
export interface Lessee {
  readonly key: Tag
  /** The position at which the load began. */
  readonly stamp: Position
  /** Tells the loads of one process apart. */
  readonly sequence: number
}

export interface Leases {
  /** Takes the leases that are free or outdated; answers the lessees that got one. */
  readonly take: (lessees: ReadonlyArray<Lessee>) => Effect.Effect<ReadonlySet<Lessee>>
  /** Gives back those leases that the lessees still hold. */
  readonly release: (lessees: ReadonlyArray<Lessee>) => Effect.Effect<void>
}

/** Without a store that answers there is nobody to wait for: every lessee then gets its lease, and none is written. */
export const make = ({ config, live, spare, store }: Kernel, fingerprint: string): Leases => {
  const keyOf = ({ key }: Lessee) => `${config.namespace}:lease:${key}@${fingerprint}`
  const holderOf = ({ sequence, stamp }: Lessee) => `${stamp} ${config.process} ${sequence}`
  // A lease of this process that nobody here waits for is one whose release got lost.
  const isOurs = (holder: string) => holder.split(" ", 2)[1] === config.process

  const request = (lessees: ReadonlyArray<Lessee>, takeOver: boolean) =>
    spare(
      "lease",
      store.lease(
        lessees.map((lessee) => ({ key: keyOf(lessee), holder: holderOf(lessee), takeOver })),
        config.lease
      ),
      () => lessees.map(() => undefined)
    )

  return {
    take: Effect.fnUntraced(function* (lessees) {
      if (lessees.length === 0 || live.isBroken()) return new Set(lessees)
      const holders = yield* request(lessees, false)
      // A load that began before an invalidation is not worth waiting for: its answer would be refused.
      const outdated = lessees.filter(({ key }, index) => {
        const holder = holders[index]
        return holder !== undefined && (isOurs(holder) || !live.view.isValid(Number.parseInt(holder, 10), [key]))
      })
      if (outdated.length > 0) yield* request(outdated, true)
      return new Set([...lessees.filter((_, index) => holders[index] === undefined), ...outdated])
    }),
    release: (lessees) =>
      lessees.length === 0 || live.isBroken()
        ? Effect.void
        : spare(
            "release",
            store.release(lessees.map((lessee) => ({ key: keyOf(lessee), holder: holderOf(lessee) }))),
            () => undefined
          )
  }
}
