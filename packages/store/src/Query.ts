/**
 * One question to the database: bounded in time, its answer decoded, its failure in the terms of the domain.
 */
import { Conflict, DatabaseError, Unavailable, Unreadable } from "@letletme/fpl"
import { Duration, Effect, Schema } from "effect"
import { isSqlError } from "effect/sql/SqlError"

// A database that takes longer counts as away.
const patience = Duration.seconds(5)

const conflicts = new Set(["SerializationError", "DeadlockError", "LockTimeoutError", "UniqueViolation"])

/** What a failure of the client means. */
export const toDatabaseError =
  (operation: string) =>
  (cause: unknown): DatabaseError =>
    new DatabaseError({
      reason:
        isSqlError(cause) && conflicts.has(cause.reason._tag)
          ? new Conflict({ operation })
          : Schema.isSchemaError(cause)
            ? new Unreadable({ operation, detail: cause.message })
            : new Unavailable({ operation, cause })
    })

/** Runs a statement whose answer is of no interest. Fails with `DatabaseError`. */
export const run = (
  operation: string,
  statement: Effect.Effect<unknown, unknown>
): Effect.Effect<void, DatabaseError> =>
  statement.pipe(Effect.timeout(patience), Effect.mapError(toDatabaseError(operation)), Effect.asVoid)

/**
 * Runs a statement and decodes its rows. Fails with `DatabaseError`, of the reason `Unreadable` where one does not fit.
 */
export const rows = <A, I>(
  operation: string,
  row: Schema.Codec<A, I>,
  statement: Effect.Effect<ReadonlyArray<unknown>, unknown>
): Effect.Effect<ReadonlyArray<A>, DatabaseError> => {
  const decode = Schema.decodeUnknownEffect(Schema.Array(row))
  return statement.pipe(
    Effect.timeout(patience),
    Effect.flatMap((found) => decode(found)),
    Effect.mapError(toDatabaseError(operation))
  )
}
