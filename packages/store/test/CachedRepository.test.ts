import { assert, layer } from "@effect/vitest"
import {
  CacheError,
  CacheManager,
  DependencyGraph,
  InvalidationLog,
  Lookup,
  Outbox,
  OutboxRelay,
  Tag
} from "@letletme/cache"
import { StoreFailed } from "@letletme/cache/CacheError"
import { CachedRepository } from "@letletme/store"
import { Deferred, Effect, Fiber, Layer, Option, Schema } from "effect"
import { Model } from "effect/schema"
import { SqlClient, SqlModel, SqlResolver } from "effect/sql"
import { databases } from "./databases.ts"

class Club extends Model.Class<Club>("Club")({ id: Schema.Int, name: Schema.String }) {}

// A model's class hides its type from inference.
const value: Schema.Codec<Club, unknown> = Club

const table = { tableName: "club", spanPrefix: "Club", idColumn: "id" } as const

const club = (id: number, name: string) => Club.make({ id, name })

/** A repository over an empty table, and how many lookups and queries it took. */
const open = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`DROP TABLE IF EXISTS club`
  yield* sql`CREATE TABLE club (id integer PRIMARY KEY, name text NOT NULL)`
  const counts = { queries: 0 }
  const findById = SqlResolver.findById({
    Id: Schema.Int,
    Result: Club,
    ResultId: ({ id }) => id,
    execute: (ids) => {
      counts.queries++
      return sql`SELECT * FROM club WHERE ${sql.in("id", ids)}`
    }
  })
  const manager = yield* CacheManager
  const cache = yield* manager.open({
    graph: DependencyGraph.make({ club: [], squad: ["club"] }),
    domain: "club",
    id: Schema.FiniteFromString,
    value,
    timeToLive: "metadata",
    lookupMany: (questions) =>
      Effect.forEach(
        questions,
        ({ id }) =>
          SqlResolver.request(id, findById).pipe(
            Effect.asSome,
            Effect.catchTag("NoSuchElementError", () => Effect.succeedNone),
            Effect.map((found) => Lookup.fromOption(found))
          ),
        { concurrency: "unbounded" }
      )
  })
  // The cache is that of the tests before.
  yield* manager.invalidate({ primary: Tag.any("club") })
  const rows = yield* SqlModel.makeRepository(Club, table)
  const clubs = yield* CachedRepository.make({ cache, rows, idOf: ({ id }) => id })
  return { cache, clubs, counts, manager, rows, sql }
})

const pending = Effect.map(
  Outbox.use((outbox) => outbox.pending(1_000)),
  (rows) => rows.map(({ cause }) => cause)
)

/** A relay that waits to be asked: what is pending stays so. */
const relay = OutboxRelay.layer({ poll: "1 hour" })

for (const [name, database] of Object.entries(databases)) {
  const world = relay.pipe(Layer.provideMerge(CacheManager.layerMemory), Layer.provideMerge(database))

  layer(world, { excludeTestServices: true, timeout: "60 seconds" })(`CachedRepository over ${name}`, (it) => {
    it.effect("reads what it wrote, from the cache until it is written again", () =>
      Effect.gen(function* () {
        const { clubs, counts } = yield* open
        assert.deepStrictEqual(yield* clubs.find(1), Option.none())
        yield* clubs.insert(Club.insert.make({ id: 1, name: "Arsenal" }))
        assert.deepStrictEqual(yield* clubs.get(1), club(1, "Arsenal"))
        yield* clubs.get(1)
        assert.strictEqual(counts.queries, 2)
        yield* clubs.update(Club.update.make({ id: 1, name: "The Arsenal" }))
        assert.deepStrictEqual(yield* clubs.get(1), club(1, "The Arsenal"))
        yield* clubs.delete(1)
        assert.deepStrictEqual(yield* clubs.find(1), Option.none())
        assert.deepStrictEqual(yield* pending, [])
      }).pipe(Effect.scoped)
    )

    it.effect("asks for a hundred rows that are missing in one query", () =>
      Effect.gen(function* () {
        const { clubs, counts, sql } = yield* open
        yield* sql`INSERT INTO club SELECT id, 'club ' || id FROM generate_series(1, 100) AS id`
        const ids = Array.from({ length: 100 }, (_, index) => index + 1)
        const found = yield* clubs.getMany(ids)
        assert.deepStrictEqual(
          found,
          ids.map((id) => Option.some(club(id, `club ${id}`)))
        )
        yield* clubs.getMany(ids)
        assert.strictEqual(counts.queries, 1)
      }).pipe(Effect.scoped)
    )

    it.effect("announces its key, its lists and its cascade, and nothing of what rolls back", () =>
      Effect.gen(function* () {
        const { clubs, manager, sql } = yield* open
        const log = yield* InvalidationLog
        const told = (from: number) => Effect.map(log.sync(from), ({ entries }) => entries.flatMap(({ tags }) => tags))
        const before = yield* manager.position
        yield* clubs.insert(Club.insert.make({ id: 1, name: "a" }))
        assert.deepStrictEqual(yield* told(before), [
          Tag.of("club", "1"),
          Tag.any("club", "members"),
          Tag.any("squad", "club", "1")
        ])
        yield* clubs.get(1)
        const after = yield* manager.position
        const work = Effect.andThen(clubs.update(Club.update.make({ id: 1, name: "b" })), Effect.fail("no"))
        assert.strictEqual(yield* Effect.flip(sql.withTransaction(work)), "no")
        // The row is there already.
        yield* Effect.flip(clubs.insert(Club.insert.make({ id: 1, name: "c" })))
        assert.deepStrictEqual(yield* told(after), [])
        assert.deepStrictEqual(yield* pending, [])
        assert.deepStrictEqual(yield* clubs.get(1), club(1, "a"))
      }).pipe(Effect.scoped)
    )

    it.effect("announces the writes of one transaction when it commits, and not before", () =>
      Effect.gen(function* () {
        const { clubs, manager, sql } = yield* open
        yield* clubs.insert(Club.insert.make({ id: 1, name: "a" }))
        yield* clubs.get(1)
        const before = yield* manager.position
        const wrote = yield* Deferred.make<void>()
        const gate = yield* Deferred.make<void>()
        const writing = yield* Effect.forkChild(
          sql.withTransaction(
            Effect.gen(function* () {
              yield* clubs.update(Club.update.make({ id: 1, name: "b" }))
              yield* clubs.insert(Club.insert.make({ id: 2, name: "c" }))
              yield* Deferred.succeed(wrote, undefined)
              yield* Deferred.await(gate)
            })
          )
        )
        yield* Deferred.await(wrote)
        assert.strictEqual(yield* manager.position, before)
        assert.deepStrictEqual(yield* clubs.get(1), club(1, "a"))
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(writing)
        assert.deepStrictEqual(yield* clubs.getMany([1, 2]), [Option.some(club(1, "b")), Option.some(club(2, "c"))])
        assert.deepStrictEqual(yield* pending, [])
      }).pipe(Effect.scoped)
    )

    it.effect("leaves to the relay what the log does not take", () =>
      Effect.gen(function* () {
        const { cache, clubs, manager, rows } = yield* open
        yield* clubs.insert(Club.insert.make({ id: 1, name: "a" }))
        yield* clubs.get(1)
        const reason = new StoreFailed({ operation: "An append", temporary: true, cause: "away" })
        const unheard = { ...manager, commit: () => Effect.fail(new CacheError({ reason })) }
        const lonely = yield* CachedRepository.make({ cache, rows, idOf: ({ id }) => id }).pipe(
          Effect.provideService(CacheManager, unheard)
        )
        assert.deepStrictEqual(yield* lonely.update(Club.update.make({ id: 1, name: "b" })), club(1, "b"))
        yield* OutboxRelay.use(({ flush }) => flush)
        assert.deepStrictEqual(yield* clubs.get(1), club(1, "b"))
        assert.deepStrictEqual(yield* pending, [])
      }).pipe(Effect.scoped)
    )
  })
}
