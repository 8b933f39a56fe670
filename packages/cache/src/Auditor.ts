/**
 * One open domain as `Integrity` sees it: what each of its entries is worth beside the source, and how it is mended.
 */
import type { Effect } from "effect"
import type { CacheError } from "./CacheError.ts"
import type { Tag } from "./Tag.ts"

/**
 * What an entry is worth.
 *
 * - `valid`: it is fresh by the log and the time, and holds what the source says.
 * - `restamped`: it holds what the source says, and only its stamp or its time is over: it is stamped anew as it is.
 * - `stale`: the source says otherwise, or an invalidation would not reach it.
 * - `corrupt`: its bytes are not an entry of this key and schema.
 * - `missing`: the source has it and the store does not.
 * - `orphaned`: the store has it and the source does not.
 * - `undecided`: nothing can be said now; the next run may tell.
 */
export type Verdict = "valid" | "restamped" | "stale" | "corrupt" | "missing" | "orphaned" | "undecided"

/** What came of one entry. */
export interface Audited {
  readonly key: Tag
  readonly verdict: Verdict
  /** How it came about, in a sentence; empty where it is valid. */
  readonly detail: string
  /** Whether it was mended. That it holds, a second look has to prove. */
  readonly mended: boolean
}

/** One open domain, for `Integrity`. An audit fails with `CacheError` where the store or the log does not answer. */
export interface Auditor {
  /** The domain, or the list: as it is counted. */
  readonly domain: string
  /** Whether this is a key of the domain's. */
  readonly owns: (key: Tag) => boolean
  /** The key's name in the store. */
  readonly storeKey: (key: Tag) => string
  /**
   * Reads the entries in one round trip, asks the source of them in one lookup where the domain has `lookupMany`, and
   * judges each at one position. With `mends`, what is not right is put right. An entry that was computed from one of
   * the `suspects` is not decided.
   */
  readonly audit: (
    keys: ReadonlyArray<Tag>,
    options: { readonly mends: boolean; readonly suspects: ReadonlySet<Tag> }
  ) => Effect.Effect<ReadonlyArray<Audited>, CacheError>
}
