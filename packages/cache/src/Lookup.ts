/**
 * Asking the source: what a lookup is asked, and what it may answer.
 */
import { type Array, type Effect, Option } from "effect"
import type { Revision } from "./Entry.ts"
import type { Tag } from "./Tag.ts"

/** A value that the cache holds and that is no longer fresh: a lookup may use it to ask conditionally. */
export interface Previous<A> {
  readonly value: A
  readonly revision: Revision
  /** When it was loaded (epoch ms). */
  readonly createdAt: number
}

/** One question of a lookup. */
export interface Question<Id, A> {
  readonly id: Id
  readonly previous: Previous<A> | undefined
}

/** What a lookup answers to one question. */
export type Answer<A> =
  | {
      readonly _tag: "Found"
      readonly value: A
      readonly revision: Revision | undefined
      readonly tags: ReadonlyArray<Tag>
    }
  | { readonly _tag: "Absent" }
  | { readonly _tag: "NotModified" }

/** The entity exists. A `revision` orders it among writers; `tags` add to what the domain declares. */
export const found = <A>(
  value: A,
  options?: { readonly revision?: Revision; readonly tags?: ReadonlyArray<Tag> }
): Answer<A> => ({ _tag: "Found", value, revision: options?.revision, tags: options?.tags ?? [] })

/** The source answered that the entity does not exist. A source that does not answer is a failure instead. */
export const absent: Answer<never> = { _tag: "Absent" }

/** The value held is still right: it is kept, as fresh as if loaded now. Without a value held it means absent. */
export const notModified: Answer<never> = { _tag: "NotModified" }

/** `found` for some, `absent` for none. */
export const fromOption = <A>(
  option: Option.Option<A>,
  options?: { readonly revision?: Revision; readonly tags?: ReadonlyArray<Tag> }
): Answer<A> => Option.match(option, { onNone: () => absent, onSome: (value) => found(value, options) })

/**
 * A lookup: either one question at a time, each recording its own dependencies, or many in one call, which share them.
 */
export type Lookup<Id, A, E, R> =
  | {
      readonly lookup: (id: Id, previous: Previous<A> | undefined) => Effect.Effect<Answer<A>, E, R>
      readonly lookupMany?: never
    }
  | {
      /** Answers in the order of the questions. */
      readonly lookupMany: (
        questions: Array.NonEmptyReadonlyArray<Question<Id, A>>
      ) => Effect.Effect<ReadonlyArray<Answer<A>>, E, R>
      readonly lookup?: never
    }
