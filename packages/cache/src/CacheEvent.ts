/**
 * What the cache tells of itself, to those who subscribe. Hits are counted (`CacheMetrics`), not told.
 */
import type { Explanation } from "./Explanation.ts"
import type { StaleReach } from "./Policy.ts"
import type { Position } from "./Position.ts"
import type { Tag } from "./Tag.ts"

/** Why a value had to be loaded or was served stale. */
export type Staleness = "missing" | Exclude<StaleReach, "none">

/**
 * How a difference between the cache and the source, or between the tiers, came about:
 *
 * - `unannounced`: the source changed, and nobody invalidated.
 * - `tier-difference`: the near cache and the store hold different values, and both claim to be valid.
 * - `corrupt`: the store has bytes that are not a readable entry.
 * - `stale-served`: the log says that the entry is invalid, and this process held it to be valid: a fault of the protocol.
 * - `missing-dependency`: computed anew from the same inputs it comes out different, or from one it does not depend on.
 */
export type Inconsistency = "unannounced" | "tier-difference" | "corrupt" | "stale-served" | "missing-dependency"

/** An event of the cache. */
export type CacheEvent =
  | { readonly _tag: "Loaded"; readonly key: Tag; readonly because: Staleness; readonly millis: number }
  | { readonly _tag: "LoadFailed"; readonly key: Tag; readonly error: unknown }
  | { readonly _tag: "ServedStale"; readonly key: Tag; readonly because: Staleness; readonly stamp: Position }
  | { readonly _tag: "Corrupt"; readonly key: Tag; readonly detail: string }
  | { readonly _tag: "WriteRefused"; readonly key: Tag; readonly stamp: Position }
  | { readonly _tag: "StoreFailed"; readonly operation: string; readonly error: unknown }
  | {
      readonly _tag: "Breaker"
      /** `log`, `store`, the address of a node of a cluster, or `lookup` with the domain. */
      readonly dependency: string
      /** Open: it is left alone. HalfOpen: one call tries whether it is well. */
      readonly state: "Open" | "HalfOpen" | "Closed"
    }
  /** So many lookups ran and waited that one was refused; it is not told while load is shed. */
  | { readonly _tag: "Overloaded"; readonly key: Tag }
  /** Load is shed from now on, or no longer; the end is told when the source is next asked for something. */
  | { readonly _tag: "Shedding"; readonly isShedding: boolean }
  | {
      readonly _tag: "Invalidated"
      readonly tags: ReadonlyArray<Tag>
      readonly position: Position
      readonly cause: string
    }
  | {
      readonly _tag: "Inconsistent"
      readonly key: Tag
      /** The domain, or the list: as it is counted. */
      readonly domain: string
      readonly cause: Inconsistency
      /** How it came about, in a sentence. */
      readonly detail: string
      /** How long ago the entry was written (ms); 0 where it cannot be read. */
      readonly age: number
      /** What `explain` said before the repair; `undefined` where the log or the store did not answer. */
      readonly explanation: Explanation | undefined
      /** It was invalidated and loaded anew. */
      readonly repaired: boolean
    }
