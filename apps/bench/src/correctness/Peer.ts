/**
 * What an attack needs of a cache: nodes that read through it and invalidate, and where its bookkeeping is.
 */
import { Effect, Schema, type Scope } from "effect"
import type { Source } from "./Source.ts"

/** A cache's own failure, or its loader's. */
export class PeerFailed extends Schema.TaggedError<PeerFailed>()("PeerFailed", {
  peer: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `${this.peer} failed: ${String(this.cause)}`
  }
}

/** One node: what a process of an application would hold. */
export interface Node {
  /** Reads through the cache; what it does not have it loads from the source. Every entry has the tag `tagOf(key)`. */
  readonly read: (key: string) => Effect.Effect<string, PeerFailed>
  readonly invalidate: (key: string) => Effect.Effect<void, PeerFailed>
  /** Invalidates by tag; `undefined` where the cache has no tags. */
  readonly invalidateTag: ((tag: string) => Effect.Effect<void, PeerFailed>) | undefined
}

/** A cache under attack, in a configuration that its documentation advises. */
export interface Peer {
  readonly name: string
  /** For the head of a column. */
  readonly short: string
  /** How it is set up, and what follows from that. */
  readonly note: string
  readonly node: (port: number, source: Source) => Effect.Effect<Node, PeerFailed, Scope.Scope>
  readonly hasTags: boolean
  /** Keys in Redis, as a pattern, that remember invalidations by tag; `undefined` where there are none. */
  readonly marks: string | undefined
  /** Words by which the connection that listens for other nodes' invalidations is told apart in CLIENT LIST. */
  readonly listener: string | undefined
}

export const tagOf = (key: string) => `tag-${key}`

/** Calls a promise of a peer's. */
export const call = <A>(peer: string, run: () => Promise<A>): Effect.Effect<A, PeerFailed> =>
  Effect.tryPromise({ try: run, catch: (cause) => new PeerFailed({ peer, cause }) })

/** Entries live for an hour, everywhere: nothing runs out during an attack. */
export const timeToLive = 3_600_000
