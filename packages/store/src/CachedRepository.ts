/**
 * A table behind a cache: reads by the domain's cache, writes in one transaction with their announcement.
 */
import { CacheManager, type Domain, onceName, Outbox, type OutboxError, OutboxRelay, Tag } from "@letletme/cache"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"

/**
 * The writes of a table: what `SqlModel.makeRepository` of Effect makes, or your own.
 *
 * @experimental
 */
export interface Rows<Id, A, Insert, Update, E> {
  readonly insert: (row: Insert) => Effect.Effect<A, E>
  readonly update: (row: Update) => Effect.Effect<A, E>
  readonly delete: (id: Id) => Effect.Effect<void, E>
}

/**
 * The repository.
 *
 * @experimental
 */
export interface CachedRepository<Id, A, Insert, Update, ReadError, E>
  extends Pick<Domain.Domain<Id, A, ReadError>, "get" | "find" | "getMany">, Rows<Id, A, Insert, Update, E> {}

/**
 * Makes a repository of a domain's cache and its table's writes. A write commits the row and a row of the outbox together,
 * and then tells the log, before it answers: who wrote reads what they wrote. If the process ends in between, or the log
 * does not answer, the relay tells it. What rolls back is announced by nobody. Several writes in one `sql.withTransaction`,
 * of several repositories, are announced when that commits.
 *
 * A write invalidates the row, its cascade, and the lists of its domain; the next read loads it. That is right in any order
 * of the writers, and needs no revision. In a transaction read from the table: the cache tells what is committed.
 *
 * @experimental
 *
 * @example
 * ```ts
 * import { CacheManager, DependencyGraph, DomainCache, Lookup, OutboxRelay } from "@letletme/cache"
 * import { CachedRepository, Embedded, SqlOutbox } from "@letletme/store"
 * import { Effect, Layer, Schema } from "effect"
 * import { Model } from "effect/schema"
 * import { SqlModel, SqlResolver } from "effect/sql"
 *
 * class Club extends Model.Class<Club>("Club")({ id: Schema.Int, name: Schema.String }) {}
 *
 * const value: Schema.Codec<Club, unknown> = Club // a model's class hides its type from inference
 * const table = { tableName: "club", spanPrefix: "Club", idColumn: "id" } as const
 *
 * const open = Effect.gen(function* () {
 *   const { findById } = yield* SqlModel.makeResolvers(Club, table)
 *   const manager = yield* CacheManager
 *   const cache = yield* manager.open({
 *     graph: DependencyGraph.make({ club: [] }),
 *     domain: "club",
 *     id: Schema.FiniteFromString,
 *     value,
 *     timeToLive: "metadata",
 *     // the resolver makes one query of them
 *     lookupMany: (questions) =>
 *       Effect.forEach(
 *         questions,
 *         ({ id }) =>
 *           SqlResolver.request(id, findById).pipe(
 *             Effect.asSome,
 *             Effect.catchTag("NoSuchElementError", () => Effect.succeedNone),
 *             Effect.map((club) => Lookup.fromOption(club))
 *           ),
 *         { concurrency: "unbounded" }
 *       )
 *   })
 *   return yield* CachedRepository.make({ cache, rows: yield* SqlModel.makeRepository(Club, table), idOf: (club) => club.id })
 * })
 *
 * const database = Layer.provideMerge(SqlOutbox.layer({ listens: false }), Embedded.layer({}))
 * const layer = OutboxRelay.layer().pipe(Layer.provideMerge(CacheManager.layerMemory), Layer.provideMerge(database))
 *
 * const program = Effect.gen(function* () {
 *   const clubs = yield* open
 *   yield* clubs.insert(Club.insert.make({ id: 1, name: "Arsenal" }))
 *   return yield* clubs.get(1)
 * }).pipe(Effect.scoped, Effect.provide(layer))
 * ```
 */
export const make = Effect.fnUntraced(function* <Id, A, Insert, Update, ReadError, E>(options: {
  readonly cache: Domain.Domain<Id, A, ReadError>
  readonly rows: Rows<Id, A, Insert, Update, E>
  readonly idOf: (row: A) => Id
}): Effect.fn.Return<
  CachedRepository<Id, A, Insert, Update, ReadError, E | SqlError | OutboxError>,
  never,
  SqlClient.SqlClient | CacheManager | Outbox | OutboxRelay
> {
  const { cache, idOf, rows } = options
  const sql = yield* SqlClient.SqlClient
  const manager = yield* CacheManager
  const outbox = yield* Outbox
  // It tells the log what a crash or an outage kept a writer from: without one that would stay untold.
  yield* OutboxRelay

  const announce = (id: string, tags: ReadonlyArray<Tag.Tag>, cause: string): Effect.Effect<void> =>
    manager.commit([], { related: tags, cause, once: onceName(id) }).pipe(
      // Not noted it is told again, which changes nothing.
      Effect.flatMap(({ position }) => Effect.ignore(outbox.delivered([id], position))),
      Effect.catch((error) => Effect.logWarning(`${cause} is committed, and announced later: ${error.message}`))
    )

  /** Makes a change and its announcement one transaction, or part of the one that there is. */
  const committed = <B>(
    what: string,
    write: Effect.Effect<B, E>,
    idIn: (written: B) => Id
  ): Effect.Effect<B, E | SqlError | OutboxError> =>
    sql.withTransaction(
      Effect.gen(function* () {
        const written = yield* write
        const primary = cache.key(idIn(written))
        const lists = Tag.any(Tag.domain(primary), "members")
        // The cache that has the key is open: its domain is known.
        const tags = yield* Effect.orDie(manager.tagsOf({ primary, related: [lists], cascade: true }))
        const cause = `${what} ${primary}`
        const announcement = [...tags]
        const id = yield* outbox.put({ tags: announcement, cause })
        yield* sql.afterCommit(announce(id, announcement, cause))
        return written
      })
    )

  return {
    get: cache.get,
    find: cache.find,
    getMany: cache.getMany,
    insert: (row) => committed("insert", rows.insert(row), idOf),
    update: (row) => committed("update", rows.update(row), idOf),
    delete: (id) => committed("delete", rows.delete(id), () => id)
  }
})
