/**
 * The database as a whole: its transactions, and readings that tell how far what they see is announced.
 */
import type { Position } from "@letletme/cache"
import { Context, type Effect, Schema } from "effect"

/** The database did not answer, or not in time. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {
  operation: Schema.String,
  cause: Schema.Defect()
}) {
  readonly temporary = true
  override get message(): string {
    return `${this.operation} failed: ${String(this.cause)}. The database may be away for a while: try again.`
  }
}

/** Another transaction was in the way. */
export class Conflict extends Schema.TaggedError<Conflict>()("Conflict", { operation: Schema.String }) {
  readonly temporary = true
  override get message(): string {
    return `${this.operation} met another transaction, and was undone. Try again.`
  }
}

/** Nothing was ever published: that is not the same as knowing that something does not exist. */
export class Empty extends Schema.TaggedError<Empty>()("Empty", {}) {
  readonly temporary = true
  override get message(): string {
    return "The database holds no season yet. Publish one first: a sync does."
  }
}

/** A row cannot be read: other code wrote it, or a hand. */
export class Unreadable extends Schema.TaggedError<Unreadable>()("Unreadable", {
  operation: Schema.String,
  detail: Schema.String
}) {
  readonly temporary = false
  override get message(): string {
    return `${this.operation} met a row that cannot be read: ${this.detail}. Correct it, or let a sync replace it.`
  }
}

/** Why the database gave no answer. */
export const Reason = Schema.Union([Unavailable, Conflict, Empty, Unreadable])
export type Reason = typeof Reason.Type

/** The error of the database. */
export class DatabaseError extends Schema.TaggedError<DatabaseError>()("DatabaseError", { reason: Reason }) {
  override get message(): string {
    return this.reason.message
  }

  /** Whether trying again may help. */
  get isTemporary(): boolean {
    return this.reason.temporary
  }
}

/** What was read, and how far the state that it was read from is announced. */
export interface Reading<A> {
  readonly value: A
  /** Whether that state holds commits that the log has not been told of, as far as is known. */
  readonly isPending: boolean
  /** Where in the log the last of the others stand; 0 where there is none. */
  readonly position: Position.Position
}

/**
 * The database. `MemoryDatabase.layer` keeps it in the process; `@letletme/store` in Postgres. The repositories beside it
 * take part in the transaction or the reading that their caller is in.
 *
 * Both fail with `DatabaseError`: `Unavailable` and `Conflict` may pass, `Unreadable` does not.
 */
export class Database extends Context.Service<
  Database,
  {
    /**
     * Runs the effect in one transaction: all that it writes is there after it, or, if it fails or is interrupted, none of
     * it. A transaction in another undoes no more than its own part.
     */
    readonly transaction: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | DatabaseError, R>
    /** Runs reads that all see one state of the database. */
    readonly reading: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<Reading<A>, E | DatabaseError, R>
  }
>()("@letletme/fpl/Database") {}
