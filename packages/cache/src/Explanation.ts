/**
 * Why an entry is fresh, stale or absent: what `explain` answers.
 */
import type { Condition } from "./Domain.ts"
import type { Revision } from "./Entry.ts"
import type { Position } from "./Position.ts"
import type { Tag } from "./Tag.ts"

/** What a tier holds of a key. */
export interface Explanation {
  readonly key: Tag
  /** The key in the store, for `redis-cli`. */
  readonly storeKey: string
  /** Which tier has it. */
  readonly tier: "near" | "store" | "none"
  readonly state: Condition
  /** The state and its reason in a sentence. */
  readonly because: string
  /** The view's position and floor, and whether it is trusted. */
  readonly position: Position
  readonly floor: Position
  readonly isTrusted: boolean
  readonly entry:
    | {
        readonly stamp: Position
        readonly absent: boolean
        readonly revision: Revision
        /** Epoch milliseconds. */
        readonly createdAt: number
        /** When its time to live ends (epoch milliseconds). */
        readonly freshUntil: number
        /** When its grace ends, and it is gone (epoch milliseconds). */
        readonly expiresAt: number
        readonly bytes: number
        /** Each tag with the last position that reached it; 0 is never. */
        readonly tags: ReadonlyArray<{ readonly tag: Tag; readonly reachedAt: Position }>
      }
    | undefined
  /** The log's entry that invalidated it, while the log keeps it. */
  readonly invalidation:
    | {
        readonly tag: Tag
        readonly position: Position
        readonly cause: string | undefined
        readonly by: string | undefined
      }
    | undefined
}
