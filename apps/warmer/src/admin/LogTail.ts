/**
 * The invalidation log as it grows, from a position on: what a reader missed while it was away comes first.
 */
import { type CacheError, InvalidationLog, LiveView, type Position } from "@letletme/cache"
import { Effect, Option, Schedule, Schema, Stream } from "effect"

const Place = Schema.Finite

/** An element of the tail. Its id is the position up to which the reader then knows everything. */
export const LogEvent = Schema.Union([
  Schema.Struct({
    id: Schema.String,
    event: Schema.Literal("entry"),
    data: Schema.fromJsonString(
      Schema.Struct({
        position: Place,
        tags: Schema.Array(Schema.String),
        cause: Schema.String,
        /** The process that appended it. */
        by: Schema.String,
        /** Entries stamped below it are stale whatever their tags. */
        floor: Schema.optional(Place)
      })
    )
  }),
  /** The log does not keep these any more. */
  Schema.Struct({
    id: Schema.String,
    event: Schema.Literal("gap"),
    data: Schema.fromJsonString(Schema.Struct({ from: Place, to: Place }))
  }),
  /** Everything so far was told, or nothing happened for a while: the connection is there. */
  Schema.Struct({ id: Schema.String, event: Schema.Literal("ping"), data: Schema.fromJsonString(Schema.Struct({})) })
])
export type LogEvent = typeof LogEvent.Type

const pulse = "15 seconds"

/**
 * The entries after a position, those that the log still keeps, and then each as the view hears of it. Whoever reads
 * slowly is caught up from the log: nothing piles up for them. The subscription ends with the scope.
 */
export const tail = Effect.fn("LogTail.tail")(function* (after: Position.Position | undefined) {
  const live = yield* LiveView
  const log = yield* InvalidationLog
  const changes = yield* live.changes
  // A position that nobody has given out would pass for a log that lost its state.
  let known = Math.min(after ?? live.view.position, live.view.position)

  /** The page of the log after what is known. */
  const page = Effect.map(
    Effect.suspend(() => log.sync(known)),
    ({ entries, head }) => {
      const events: Array<LogEvent> = []
      for (const { by, cause, floor, position, tags } of entries) {
        if (position <= known) continue
        if (position > known + 1) {
          events.push({ id: `${position - 1}`, event: "gap", data: { from: known + 1, to: position - 1 } })
        }
        events.push({ id: `${position}`, event: "entry", data: { position, tags, cause, by, floor } })
        known = position
      }
      if (entries.length === 0 && known < head) {
        events.push({ id: `${head}`, event: "gap", data: { from: known + 1, to: head } })
        known = head
      }
      return { events, isBehind: known < head }
    }
  )
  const upToHead: Stream.Stream<LogEvent, CacheError> = Stream.paginate(undefined, () =>
    Effect.map(page, ({ events, isBehind }) => [events, isBehind ? Option.some(undefined) : Option.none()] as const)
  )
  const growth = Stream.fromSubscription(changes).pipe(
    Stream.filter((change) => change._tag === "Applied" && change.entry.position > known),
    Stream.flatMap(() => upToHead)
  )
  const ping = Effect.sync((): LogEvent => ({ id: `${known}`, event: "ping", data: {} }))
  // The first one says that the reader knows everything now.
  const pings = Stream.concat(
    Stream.fromEffect(ping),
    Stream.fromEffectSchedule(Effect.delay(ping, pulse), Schedule.forever)
  )
  return Stream.concat(upToHead, Stream.merge(pings, growth))
})
