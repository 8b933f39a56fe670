/**
 * A cached domain: what defines it, and what one can do with it once a `CacheManager` has opened it.
 */
import type { Cause, Duration, Effect, Option, Schema } from "effect"
import type { CacheError } from "./CacheError.ts"
import type { Above, DependencyGraph, Edges } from "./DependencyGraph.ts"
import type { Revision } from "./Entry.ts"
import type { Explanation } from "./Explanation.ts"
import type { Write } from "./InvalidationLog.ts"
import type { Answer, Lookup } from "./Lookup.ts"
import type { Policy, StaleReach } from "./Policy.ts"
import type { Position } from "./Position.ts"
import type { Known, Tag } from "./Tag.ts"

/**
 * What defines a cached domain.
 */
export type Definition<
  D extends string,
  Id,
  A,
  E = never,
  R = never,
  Name extends D = D,
  G extends Edges<D> = Edges<D>
> = Policy<A> &
  Lookup<Id, A, E, R> & {
    /** The graph that the cascade follows. */
    readonly graph: DependencyGraph<D, G>
    /** The domain's name in the graph, and the first segment of its keys. */
    readonly domain: Name
    /** The id, encoded to text: the rest of the key, `{domain}:{id}`. It may have segments of its own. */
    readonly id: Schema.Codec<Id, string>
    /** The value. The fingerprint of its encoded form is part of the key space. */
    readonly value: Schema.Codec<A, unknown>
    /** Changes the fingerprint by hand, where a field changed its meaning and kept its form. */
    readonly version?: string | undefined
    /**
     * Makes this a list: for each entity of another kind, which of the domain's entities belong to it. Its keys are
     * `{domain}:{relation}:{id}:{list}`, and it is invalidated when an entity joins or leaves.
     */
    readonly list?: { readonly of: string; readonly name: string } | undefined
    /**
     * The entities that a value depends on: their cascade reaches it. A tag of a domain that this one does not depend on
     * in the graph does not compile.
     */
    readonly dependsOn?: ((value: A, id: Id) => ReadonlyArray<Known<Above<G, Name>>>) | undefined
    /** The entities whose lists a value belongs to. Default: those it depends on. */
    readonly listedUnder?: ((value: A, id: Id) => ReadonlyArray<Tag>) | undefined
    /**
     * What dependents see of a value. An update that leaves it as it was reaches only the entity itself (early cutoff,
     * as in build systems: Mokhov et al., "Build Systems à la Carte", 2018). Default: the whole value.
     */
    readonly cascadeOn?: ((value: A) => unknown) | undefined
    /**
     * Whether a lookup may answer what was not announced yet, such as a row that another process has just written.
     * Then a loaded entry does not tell what other processes hold, and an update that finds it unchanged is announced all
     * the same. Default: `"anything"`.
     */
    readonly lookupAnswers?: "anything" | "announced" | undefined
  }

/** How fresh an answer has to be, and where from. */
export interface ReadOptions {
  /** `"strong"` learns the log's head first: nothing that was acknowledged before the read is missed. */
  readonly consistency?: "default" | "strong" | undefined
  /** Waits until the view has reached this position: a user sees what they just wrote, whichever process answers. */
  readonly after?: Position | undefined
  /** Values older than this are loaded anew. */
  readonly maxAge?: Duration.Input | undefined
  /** Tiers that are not asked: the near cache, or both tiers. */
  readonly skip?: "near" | "all" | undefined
  /** Overrides the domain's policy for this call. */
  readonly staleWhileRevalidate?: StaleReach | undefined
  readonly staleIfUnavailable?: StaleReach | undefined
  /** Bounds the whole read. */
  readonly timeout?: Duration.Input | undefined
}

/** How a write is ordered among writers, and how far it reaches. */
export interface WriteOptions {
  /** Orders it: a write that is older than what the store holds is refused. */
  readonly revision?: Revision | undefined
  /**
   * `CacheManager.position` from before the source was written. If the log began anew or forgot what is older since,
   * nobody can tell whether a newer write came between: the value is not stored, only its invalidation is appended.
   * Default: the position when the write is prepared.
   */
  readonly since?: Position | undefined
  /** Whether the domain's cascade is invalidated too. Default: true. */
  readonly cascade?: boolean | undefined
  /** Why, for the log. */
  readonly cause?: string | undefined
}

/** A value to write; none says that the entity does not exist any more. */
export interface Replacement<Id, A> {
  readonly id: Id
  readonly value: Option.Option<A>
  /**
   * The value before, where the caller knows it. Otherwise it is what the cache holds, if that came with an append or the
   * definition's `lookupAnswers` is `"announced"`; otherwise it is not known.
   */
  readonly before?: Option.Option<A> | undefined
}

/** What came of a write. */
export type Written =
  | {
      readonly _tag: "Updated"
      readonly key: Tag
      readonly position: Position
      readonly invalidated: ReadonlyArray<Tag>
    }
  /** The content is what it was, and was stamped anew with the append that reached it. */
  | { readonly _tag: "Confirmed"; readonly key: Tag; readonly position: Position }
  /** The content is what it was: nothing was appended, nothing is reloaded. */
  | { readonly _tag: "Unchanged"; readonly key: Tag }
  /** A newer revision was announced: the value was not written, its invalidation was appended all the same. */
  | { readonly _tag: "Superseded"; readonly key: Tag }

/** A write that is prepared and not yet made: `CacheManager.commit` makes any number of them one append. */
export interface Change {
  readonly key: Tag
  /** `unchanged` only states its revision; `superseded` only appends; `confirmed` only writes. */
  readonly verdict: "changed" | "confirmed" | "unchanged" | "superseded"
  /** The entity itself and the lists that it joins or leaves. */
  readonly direct: ReadonlyArray<Tag>
  /** The patterns of its cascade. */
  readonly cascade: ReadonlyArray<Tag>
  readonly write: Write
  /** Told once the append is acknowledged, unless the store refused the write. */
  readonly settle: (position: Position) => void
}

/** What the store holds of a key. */
export type Condition = "fresh" | "expired" | "invalidated" | "missing" | "corrupt"

/** What warming did for one id. */
export interface Warmed<E> {
  /** What the store held: all but `fresh` was loaded. */
  readonly was: Condition
  /** Why it could not be loaded, or not stored. */
  readonly failure: Cause.Cause<E> | undefined
}

/**
 * An open domain. No method needs a service.
 *
 * What fails in the cache is a `CacheError`: by its reasons the source says that there is no such entity (`Absent`),
 * was not asked (`Unavailable`) or is too slow (`Timeout`); the store or the log failed, so that a write is not
 * acknowledged (`StoreFailed`); a value does not fit (`Unencodable`, `TooLarge`). What a lookup fails with comes
 * through as it is.
 */
export interface Domain<Id, A, E> {
  /** The key of an id: the entry's own tag. */
  readonly key: (id: Id) => Tag
  /** The id whose key this is; none where it is not a key of this domain. */
  readonly parse: (key: Tag) => Option.Option<Id>
  /** The value. Fails with the reason `Absent` where the source says that there is none. */
  readonly get: (id: Id, options?: ReadOptions) => Effect.Effect<A, E | CacheError>
  /**
   * The value, loaded with this effect instead of the domain's lookup where no tier has it. Others who want it at that
   * moment wait for this load; if it fails, they fail with the reason `Unavailable`.
   */
  readonly getOrLoad: <E2, R2>(
    id: Id,
    load: Effect.Effect<Answer<A>, E2, R2>,
    options?: ReadOptions
  ) => Effect.Effect<A, E | E2 | CacheError, R2>
  /** The value, or none where the source says that there is none. */
  readonly find: (id: Id, options?: ReadOptions) => Effect.Effect<Option.Option<A>, E | CacheError>
  /** Many values in one round trip and at most one lookup, in the order of the ids; none for those that do not exist. */
  readonly getMany: (
    ids: ReadonlyArray<Id>,
    options?: ReadOptions
  ) => Effect.Effect<ReadonlyArray<Option.Option<A>>, E | CacheError>
  /** What the cache has that is fresh, without a lookup. */
  readonly peek: (id: Id, options?: ReadOptions) => Effect.Effect<Option.Option<A>, CacheError>
  /** Loads the value anew, whatever the cache has. */
  readonly refresh: (ids: ReadonlyArray<Id>) => Effect.Effect<ReadonlyArray<Option.Option<A>>, E | CacheError>
  /**
   * Stores a value that was read from the source, without invalidating anything. `readAt` is `CacheManager.position` from
   * before the source was read: what was invalidated since is not stored. A value that *changed* is written with
   * {@link update}. Answers whether it was stored.
   */
  readonly put: (
    id: Id,
    value: A,
    options: { readonly readAt: Position; readonly revision?: Revision }
  ) => Effect.Effect<boolean, CacheError>
  /** Writes a new value and invalidates what depends on it, in one atomic append. */
  readonly update: (id: Id, value: A, options?: WriteOptions) => Effect.Effect<Written, CacheError>
  /** Writes many in one append; what did not change is left alone. */
  readonly updateMany: (
    replacements: ReadonlyArray<Replacement<Id, A>>,
    options?: WriteOptions
  ) => Effect.Effect<ReadonlyArray<Written>, CacheError>
  /** Prepares writes, for `CacheManager.commit` to make together with those of other domains. */
  readonly changes: (
    replacements: ReadonlyArray<Replacement<Id, A>>,
    options?: WriteOptions
  ) => Effect.Effect<ReadonlyArray<Change>, CacheError>
  /**
   * Prepares to stamp anew those entities that these tags reach and that the caller knows to be unchanged, for
   * `CacheManager.commit`: an unchanged entity then is valid before and after the append that reaches it.
   */
  readonly confirmations: (
    known: ReadonlyArray<{ readonly id: Id; readonly value: A }>,
    reachedBy: ReadonlyArray<Tag>,
    options?: Pick<WriteOptions, "revision">
  ) => Effect.Effect<ReadonlyArray<Change>, CacheError>
  /** Invalidates entities, with their cascade unless told otherwise. Answers the position. */
  readonly invalidate: (
    ids: ReadonlyArray<Id>,
    options?: { readonly cascade?: boolean; readonly cause?: string }
  ) => Effect.Effect<Position, CacheError>
  /** Lets a held entry live anew, for `timeToLive` or as its policy says. Answers whether there was one. */
  readonly touch: (id: Id, timeToLive?: Duration.Input) => Effect.Effect<boolean, CacheError>
  /** What the store holds of each id, past the near cache: read whole, and checked against the log's head. */
  readonly inspect: (ids: ReadonlyArray<Id>) => Effect.Effect<ReadonlyArray<Condition>, CacheError>
  /**
   * Loads into the store what it does not have fresh, and answers for each id what it was. Domains with `lookupMany` are
   * asked once for all of them, whoever else loads one of them: for {@link Warmer}, which leads. What could not be
   * loaded or stored says why; a store that cannot be read fails all.
   */
  readonly warm: (ids: ReadonlyArray<Id>) => Effect.Effect<ReadonlyArray<Warmed<E | CacheError>>, CacheError>
  /** Why an entry is fresh, stale or absent. */
  readonly explain: (id: Id) => Effect.Effect<Explanation, CacheError>
}
