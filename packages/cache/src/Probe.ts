/**
 * One open domain as a monitor sees it: which keys are at hand, and whether what claims to be valid agrees.
 */
import type { Effect } from "effect"
import type { CacheError } from "./CacheError.ts"
import type { CacheEvent, Inconsistency } from "./CacheEvent.ts"
import type { Entry } from "./Entry.ts"
import type { Explanation } from "./Explanation.ts"
import type { Tag } from "./Tag.ts"

/**
 * Why a look decides nothing: no tier has a fresh entry, an invalidation overtook the look, the source or the log did
 * not answer, the source is behind the cache by its revision, or what the lookup read is suspected itself.
 */
export type Doubt = "missing" | "overtaken" | "unanswered" | "behind" | "input"

/** An entry that claims to be valid, and differs from something else that does. */
export interface Difference {
  readonly _tag: "Different"
  readonly key: Tag
  readonly cause: Inconsistency
  /** How it came about, in a sentence. */
  readonly detail: string
  /** The entry that differs; `undefined` where the store's bytes cannot be read. */
  readonly entry: Pick<Entry<unknown>, "stamp" | "createdAt" | "tags"> | undefined
  /** The tags of what the lookup read through the cache. */
  readonly inputs: ReadonlyArray<Tag>
  /** Whether the source was asked. */
  readonly asked: boolean
}

/** What came of a look. */
export type Examined =
  | { readonly _tag: "Consistent"; readonly key: Tag; readonly asked: true }
  | { readonly _tag: "Undecided"; readonly key: Tag; readonly because: Doubt; readonly asked: boolean }
  | Difference

/** A key whose entry at hand is to be loaded anew. */
export interface Due {
  readonly key: Tag
  /** For how long it was to be fresh (ms). */
  readonly lifetime: number
}

/**
 * One open domain, for `ConsistencyMonitor` and `Refresh`. What the store or the log does not answer is a `CacheError`.
 */
export interface Probe {
  /** The domain, or the list: as it is counted. */
  readonly domain: string
  /** Reads answered and lookups made since it was opened. */
  readonly demand: () => number
  /** The keys at hand in this process: whatever it answered lately. */
  readonly keys: () => Iterable<Tag>
  /** Of the keys at hand, the latest used first, at most so many that are not valid, or not fresh in so many ms. */
  readonly due: (limit: number, within: number) => ReadonlyArray<Due>
  /** Loads them, unless another process has: nothing stale is taken, nor what expires within so many ms. */
  readonly renew: (due: ReadonlyArray<Due>, within: number) => Effect.Effect<void>
  /** Compares what each tier answers with the source, which is asked past every tier; stores nothing. */
  readonly examine: (keys: ReadonlyArray<Tag>) => Effect.Effect<ReadonlyArray<Examined>, CacheError>
  /** Looks again. What is still the same entry, different and valid by the log's own table is a finding. */
  readonly confirm: (suspects: ReadonlyArray<Difference>) => Effect.Effect<ReadonlyArray<Examined>, CacheError>
  readonly explain: (key: Tag) => Effect.Effect<Explanation, CacheError>
  /** Invalidates the key with its cascade, in one append, and loads it anew. Answers whether both were done. */
  readonly repair: (found: Difference) => Effect.Effect<boolean>
  readonly tell: (event: CacheEvent) => void
}
