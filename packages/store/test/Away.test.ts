import { assert, layer } from "@effect/vitest"
import { Outbox } from "@letletme/cache"
import { Database, TeamRepository } from "@letletme/fpl"
import { PostgresServer } from "@letletme/testing"
import { Effect, Schedule } from "effect"
import { mistreated } from "./databases.ts"

const ids = [{ season: "2030-31", id: 1 }]

layer(mistreated, { excludeTestServices: true, timeout: "60 seconds" })("a Postgres that goes away", (it) => {
  it.effect("is an error that says so, for reads, transactions and the outbox, and is well again when it is back", () =>
    Effect.gen(function* () {
      const server = yield* PostgresServer
      const teams = yield* TeamRepository
      const { transaction } = yield* Database
      const outbox = yield* Outbox
      assert.deepStrictEqual((yield* teams.byIds(ids)).length, 1)
      yield* server.kill
      const read = yield* Effect.flip(teams.byIds(ids))
      assert.strictEqual(read.reason._tag, "Unavailable")
      assert.isTrue(read.isTemporary)
      const write = yield* Effect.flip(transaction(teams.remove(ids)))
      assert.strictEqual(write.reason._tag, "Unavailable")
      assert.strictEqual((yield* Effect.flip(outbox.pending(1)))._tag, "OutboxError")
      yield* server.start
      const again = Effect.retry(teams.byIds(ids), { schedule: Schedule.spaced("50 millis"), times: 200 })
      assert.strictEqual((yield* again).length, 1)
    })
  )

  it.effect("a commit that was acknowledged is there after it died and came back", () =>
    Effect.gen(function* () {
      const server = yield* PostgresServer
      const outbox = yield* Outbox
      const id = yield* outbox.put({ tags: [], cause: "before it died" })
      yield* server.kill
      yield* server.start
      const pending = Effect.retry(outbox.pending(10), { schedule: Schedule.spaced("50 millis"), times: 200 })
      assert.deepStrictEqual(
        (yield* pending).map((row) => row.id),
        [id]
      )
    })
  )
})
