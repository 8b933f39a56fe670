import { assert, layer } from "@effect/vitest"
import { Outbox, Tag, TraceContext } from "@letletme/cache"
import * as Migrations from "@letletme/store/Migrations"
import { Deferred, Effect, Fiber, Tracer } from "effect"
import { SqlClient } from "effect/sql"
import { databases } from "./databases.ts"

const rowOf = (name: string) => ({ tags: [Tag.of("match", name), Tag.any("standing", name)], cause: `update ${name}` })

/** What is pending beyond what tests before this one left. */
const pending = Effect.map(
  Outbox.use((outbox) => outbox.pending(1_000)),
  (rows) => rows.map(({ cause, tags }) => ({ cause, tags }))
)

for (const [name, database] of Object.entries(databases)) {
  layer(database, { excludeTestServices: true, timeout: "60 seconds" })(`SqlOutbox over ${name}`, (it) => {
    it.effect("it is migrated as far as this program would; further, by a newer one; not at all", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { applied, known } = yield* Migrations.status
        assert.strictEqual(applied, known)
        const newer = known + 1
        yield* sql`INSERT INTO letletme_migrations (migration_id, name) VALUES (${newer}, 'newer')`
        assert.deepStrictEqual(yield* Migrations.status, { applied: newer, known })
        yield* sql`DELETE FROM letletme_migrations WHERE migration_id = ${newer}`
        yield* sql`ALTER TABLE letletme_migrations RENAME TO elsewhere`
        assert.deepStrictEqual(yield* Migrations.status, { applied: 0, known })
        yield* sql`ALTER TABLE elsewhere RENAME TO letletme_migrations`
      })
    )

    it.effect("a row is there once its transaction has committed, and goes once it is delivered", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const outbox = yield* Outbox
        const id = yield* sql.withTransaction(outbox.put(rowOf("a")))
        assert.deepStrictEqual(yield* pending, [rowOf("a")])
        yield* outbox.delivered([id], 1_795_436_486_995_765)
        // Noted again by who came second: the position stays.
        yield* outbox.delivered([id], 1_795_436_486_995_999)
        assert.deepStrictEqual(yield* pending, [])
        const rows = yield* sql`SELECT position::text FROM outbox WHERE id = ${id}::uuid`
        assert.deepStrictEqual(rows, [{ position: "1795436486995765" }])
      })
    )

    it.effect("a row keeps the trace of its commit, and one of a process that knows of none has none", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const outbox = yield* Outbox
        const committed = Effect.gen(function* () {
          yield* outbox.put(rowOf("t"))
          return yield* TraceContext.current
        })
        const trace = yield* committed.pipe(
          Effect.withSpan("commit"),
          Effect.provideService(Tracer.Tracer, Tracer.make({ span: (options) => new Tracer.NativeSpan(options) }))
        )
        assert.isString(trace)
        // As the release before wrote it.
        yield* sql`INSERT INTO outbox (tags, cause) VALUES ('[]', 'older')`
        const rows = yield* outbox.pending(1_000)
        assert.deepStrictEqual(
          rows.map((row) => row.trace),
          [trace, undefined]
        )
        yield* outbox.delivered(
          rows.map(({ id }) => id),
          1
        )
      })
    )

    it.effect("a transaction that rolls back leaves nothing", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const outbox = yield* Outbox
        yield* Effect.flip(sql.withTransaction(Effect.andThen(outbox.put(rowOf("b")), Effect.fail("no"))))
        assert.deepStrictEqual(yield* pending, [])
      })
    )

    it.effect("an id is never given twice, whatever becomes of the table", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const outbox = yield* Outbox
        const ids = new Set<string>()
        for (let time = 0; time < 3; time++) {
          ids.add(yield* outbox.put(rowOf("c")))
          yield* sql`TRUNCATE outbox RESTART IDENTITY`
        }
        assert.strictEqual(ids.size, 3)
      })
    )

    it.effect("a commit wakes who waits", () =>
      Effect.gen(function* () {
        const outbox = yield* Outbox
        // What woke it before is over.
        yield* Effect.timeoutOption(outbox.awaken, "200 millis")
        const waiting = yield* Effect.forkChild(outbox.awaken)
        const id = yield* outbox.put(rowOf("d"))
        yield* Fiber.join(waiting)
        yield* outbox.delivered([id], 1)
      })
    )
  })
}

layer(databases.Postgres, { excludeTestServices: true, timeout: "60 seconds" })(
  "SqlOutbox, with many sessions",
  (it) => {
    it.effect("the order is that of the commits: who puts first commits first", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const outbox = yield* Outbox
        const hasPut = yield* Deferred.make<void>()
        const mayCommit = yield* Deferred.make<void>()
        const slow = yield* Effect.forkChild(
          sql.withTransaction(
            Effect.gen(function* () {
              yield* outbox.put(rowOf("slow"))
              yield* Deferred.succeed(hasPut, undefined)
              yield* Deferred.await(mayCommit)
            })
          )
        )
        yield* Deferred.await(hasPut)
        const fast = yield* Effect.forkChild(sql.withTransaction(outbox.put(rowOf("fast"))))
        // The fast one stands behind the slow one's lock.
        const waiting = sql`SELECT count(*)::int AS count FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`
        yield* Effect.repeat(waiting, { until: ([row]) => row?.["count"] === 1 })
        assert.deepStrictEqual(yield* pending, [])
        yield* Deferred.succeed(mayCommit, undefined)
        yield* Fiber.join(slow)
        yield* Fiber.join(fast)
        assert.deepStrictEqual(yield* pending, [rowOf("slow"), rowOf("fast")])
      })
    )
  }
)
