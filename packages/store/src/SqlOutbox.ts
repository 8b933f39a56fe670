/**
 * The outbox in the database: a row in the transaction of the change.
 */
import { PgClient } from "@effect/sql-pg"
import { Announcement, Outbox, OutboxError, TraceContext } from "@letletme/cache"
import { Effect, Latch, Layer, Queue, Schedule, Schema } from "effect"
import type { SqlError } from "effect/sql/SqlError"

const channel = "letletme_outbox"

// Who takes this lock in a transaction commits before the next who does: its number is of no matter.
const commitOrder = 7_236_512

// A delivered row is of use to nobody but who looks for what happened.
const keptFor = "1 hour"

// Past this the database counts as away.
const patience = "5 seconds"

const Row = Schema.Struct({ id: Schema.String, ...Announcement.fields, trace: Schema.NullOr(Schema.String) })
const Rows = Schema.Array(Row)
const Ids = Schema.Array(Schema.Struct({ id: Schema.String }))

/**
 * The outbox over the database in context. `listens` says whether it can have a connection of its own to be told of
 * commits of other processes; without it only commits of this process wake the relay, and the relay's poll finds
 * others. Fails with `SqlError` where its own connection cannot be had.
 *
 * @experimental
 */
export const layer = (options: { readonly listens: boolean }): Layer.Layer<Outbox, SqlError, PgClient.PgClient> =>
  Layer.effect(
    Outbox,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const bell = yield* Latch.make(false)

      const bounded = <A, E>(operation: string, effect: Effect.Effect<A, E>): Effect.Effect<A, OutboxError> =>
        effect.pipe(
          Effect.timeout(patience),
          Effect.mapError((cause) => new OutboxError({ operation, cause }))
        )

      if (options.listens) {
        const listen = Effect.gen(function* () {
          const notices = yield* sql.listen(channel)
          // What was committed before the ear was open.
          yield* bell.open
          return yield* Effect.forever(Effect.andThen(Queue.take(notices), bell.open))
        })
        yield* Effect.scoped(listen).pipe(
          Effect.tapError((error) => Effect.logDebug("Listening for commits broke off", error)),
          Effect.retry(Schedule.spaced("1 second")),
          Effect.forkScoped
        )
      }

      return Outbox.of({
        put: ({ cause, tags }) =>
          bounded(
            "Putting an announcement beside a change",
            Effect.gen(function* () {
              yield* sql`SELECT pg_advisory_xact_lock(${commitOrder})`
              const trace = (yield* TraceContext.current) ?? null
              const rows =
                yield* sql`INSERT INTO outbox (tags, cause, trace) VALUES (${sql.json(tags)}, ${cause}, ${trace}) RETURNING id::text`
              const [row] = yield* Schema.decodeUnknownEffect(Ids)(rows)
              // Told at the commit, to whoever listens then.
              yield* sql`SELECT pg_notify(${channel}, '')`
              yield* bell.open
              return row?.id ?? (yield* Effect.die("An insert without an id"))
            })
          ),
        pending: (limit) =>
          bounded(
            "Reading the outbox",
            Effect.flatMap(
              sql`SELECT id::text, tags, cause, trace FROM outbox WHERE position IS NULL ORDER BY sequence LIMIT ${limit}`,
              Schema.decodeUnknownEffect(Rows)
            ).pipe(Effect.map((rows) => rows.map(({ trace, ...row }) => ({ ...row, trace: trace ?? undefined }))))
          ),
        delivered: (ids, position) =>
          bounded(
            "Noting what was announced",
            Effect.andThen(
              sql`UPDATE outbox SET position = ${position}::bigint WHERE position IS NULL AND id = ANY(${ids}::uuid[])`,
              sql`DELETE FROM outbox WHERE position IS NOT NULL AND created_at < now() - ${keptFor}::interval`
            )
          ).pipe(Effect.asVoid),
        awaken: Effect.andThen(bell.await, bell.close)
      })
    })
  )
