/**
 * What a database has committed and the log has still to announce.
 *
 * A change and its announcement are one transaction: the announcement is a row beside the change. So a process that dies
 * between the commit and the append leaves nothing stale: {@link OutboxRelay} finds the row and appends it. This is the
 * transactional outbox (https://microservices.io/patterns/data/transactional-outbox.html).
 */
import { Context, Effect, Latch, Layer, Schema } from "effect"
import { randomUUID } from "node:crypto"
import type { Position } from "./Position.ts"
import { Tag } from "./Tag.ts"
import * as TraceContext from "./TraceContext.ts"

/** What is to be appended. */
export const Announcement = Schema.Struct({
  tags: Schema.Array(Tag),
  /** Why, for the log. */
  cause: Schema.String
})
export type Announcement = typeof Announcement.Type

/** An announcement that was committed and, as far as is known, not appended. */
export interface Pending extends Announcement {
  /** Unique for ever, also in a database that began anew: under this name it is appended once. */
  readonly id: string
  /** The trace that the commit belonged to, if it was traced: `put` takes it from the fiber. See `TraceContext`. */
  readonly trace?: string | undefined
}

/** The database that holds the outbox did not answer. */
export class OutboxError extends Schema.TaggedError<OutboxError>()("OutboxError", {
  operation: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `${this.operation} failed: ${String(this.cause)}. What was committed stays in the outbox, and is delivered once the database answers.`
  }
}

/**
 * The outbox. `Outbox.layerMemory` keeps it in the process, without transactions; a database provides its own. A
 * database that does not answer fails with `OutboxError`.
 */
export class Outbox extends Context.Service<
  Outbox,
  {
    /** Puts an announcement beside the change, in the transaction that the fiber is in. Answers its id. */
    readonly put: (announcement: Announcement) => Effect.Effect<string, OutboxError>
    /** What was committed and not delivered, in the order of the commits, at most `limit` rows. */
    readonly pending: (limit: number) => Effect.Effect<ReadonlyArray<Pending>, OutboxError>
    /** Notes that these were appended, up to this position. Noted twice it stays as it was. */
    readonly delivered: (ids: ReadonlyArray<string>, position: Position) => Effect.Effect<void, OutboxError>
    /** Waits until something was committed since the last time; it may answer too often, and, if a notice was lost, not. */
    readonly awaken: Effect.Effect<void>
  }
>()("@letletme/cache/Outbox") {
  static readonly layerMemory: Layer.Layer<Outbox> = Layer.effect(
    this,
    Effect.gen(function* () {
      const rows = new Map<string, Omit<Pending, "id">>()
      const bell = yield* Latch.make(false)
      return Outbox.of({
        put: (announcement) =>
          Effect.gen(function* () {
            const id = randomUUID()
            const trace = yield* TraceContext.current
            rows.set(id, trace === undefined ? announcement : { ...announcement, trace })
            yield* bell.open
            return id
          }),
        pending: (limit) => Effect.sync(() => Array.from(rows, ([id, row]) => ({ id, ...row })).slice(0, limit)),
        delivered: (ids) =>
          Effect.sync(() => {
            for (const id of ids) rows.delete(id)
          }),
        awaken: Effect.andThen(bell.await, bell.close)
      })
    })
  )
}
