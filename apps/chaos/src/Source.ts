/**
 * The source of truth, as a process that caches it sees it: not through Redis.
 */
import { Context, type Effect, Schema } from "effect"

/** The source did not answer, as it was told to. */
export class SourceFailed extends Schema.TaggedError<SourceFailed>()("SourceFailed", {
  rows: Schema.Array(Schema.Int)
}) {
  override get message(): string {
    return `The source failed for the rows ${this.rows.join(", ")}. It is meant to: wait until the fault is over.`
  }
}

export class Source extends Context.Service<
  Source,
  {
    /** The versions of rows now, in their order. */
    readonly read: (rows: ReadonlyArray<number>) => Effect.Effect<ReadonlyArray<number>, SourceFailed>
    /** Changes rows; answers their new version, higher than any before it. */
    readonly change: (rows: ReadonlyArray<number>) => Effect.Effect<number>
  }
>()("chaos/Source") {}
