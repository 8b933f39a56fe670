/**
 * Lookups in the database: many ids in one reading of it.
 */
import { InvalidationLog, Lookup, OutboxRelay, Recording } from "@letletme/cache"
import { type Array as Arr, type Context, Effect, Option } from "effect"
import { Database, DatabaseError, Empty } from "./Database.ts"
import type { Repository } from "./Repository.ts"
import type { SeasonId } from "./Season.ts"
import { SeasonRepository } from "./SeasonRepository.ts"

/**
 * Reads the database for a lookup.
 *
 * A commit is in the database before it is in the log. A lookup that reads in between would answer what is new beside
 * what is cached and old, and nobody could tell. So who finds a commit that is not announced announces it, and in any
 * case tells the load how far what was read is announced: it waits until the view has come as far. Where the log does
 * not answer, the lookup does: then no cached value is trusted either. Fails with `DatabaseError` where the outbox
 * cannot be asked.
 */
export const announced = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const database = yield* Database
  const { isRemote } = yield* InvalidationLog
  const { isPending, position, value } = yield* database.reading(effect)
  if (isPending) yield* Effect.ignore(OutboxRelay.use((relay) => relay.flush))
  // A view of a log in this process is never behind it; and a position that the database remembers may be another log's.
  if (!isRemote) return value
  const after = isPending ? yield* database.reading(Effect.void) : { position }
  yield* Recording.readUpTo(after.position)
  return value
})

/** Fails with a `DatabaseError` of the reason `Empty` where there is nothing at all yet: then nothing is known not to exist. */
export const notEmpty = Effect.flatMap(
  SeasonRepository.use(({ current }) => current),
  (current) => (Option.isNone(current) ? Effect.fail(new DatabaseError({ reason: new Empty() })) : Effect.void)
)

/** Finds entities by id. Fails with `DatabaseError`, of the reason `Empty` where nothing was published yet. */
export const byId =
  <I, A>(repository: Context.Key<I, Repository<A>>) =>
  (questions: Arr.NonEmptyReadonlyArray<Lookup.Question<SeasonId, A>>) =>
    announced(
      Effect.gen(function* () {
        const { byIds } = yield* repository
        const rows = yield* byIds(questions.map(({ id }) => id))
        if (rows.some(Option.isNone)) yield* notEmpty
        return rows.map((row) => Lookup.fromOption(Option.map(row, ({ value }) => value)))
      })
    )
