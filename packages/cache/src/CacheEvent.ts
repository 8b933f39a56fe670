/**
 * What the cache tells of itself, to those who subscribe. Hits are counted (`CacheMetrics`), not told.
 */
import type { StaleReach } from "./Policy.ts"
import type { Position } from "./Position.ts"
import type { Tag } from "./Tag.ts"

/** Why a value had to be loaded or was served stale. */
export type Staleness = "missing" | Exclude<StaleReach, "none">

/** An event of the cache. */
export type CacheEvent =
  | { readonly _tag: "Loaded"; readonly key: Tag; readonly because: Staleness; readonly millis: number }
  | { readonly _tag: "LoadFailed"; readonly key: Tag; readonly error: unknown }
  | { readonly _tag: "ServedStale"; readonly key: Tag; readonly because: Staleness; readonly stamp: Position }
  | { readonly _tag: "Corrupt"; readonly key: Tag; readonly detail: string }
  | { readonly _tag: "WriteRefused"; readonly key: Tag; readonly stamp: Position }
  | { readonly _tag: "StoreFailed"; readonly operation: string; readonly error: unknown }
  | {
      readonly _tag: "Invalidated"
      readonly tags: ReadonlyArray<Tag>
      readonly position: Position
      readonly cause: string
    }
