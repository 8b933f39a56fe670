/**
 * A process under test: the caches and the workflows over Redis and the database, changed as it is told.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { CacheConfig, CacheManager, Outbox } from "@letletme/cache"
import { FplCaches, FplSource, SeasonRepository, SeasonSync, Workflows } from "@letletme/fpl"
import { Redis } from "@letletme/redis"
import { Embedded, Postgres, SqlOutbox, SqlSeasonStore } from "@letletme/store"
import { Cause, Clock, Effect, Layer, Option, Queue, Random, Redacted, References, Schema } from "effect"
import { flushCompileCache } from "node:module"
import * as Comparison from "../Comparison.ts"
import { Line } from "../Line.ts"
import { Assignment, type Database } from "../Messages.ts"
import * as Model from "../Model.ts"
import * as Operations from "../Operations.ts"

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Assignment))

const databaseOf = (database: Database) => {
  const isServer = database._tag === "Postgres"
  const client = isServer
    ? Postgres.layer({ url: Redacted.make(database.url) })
    : Embedded.layer({ directory: database.directory })
  return Layer.merge(SqlSeasonStore.layer, SqlOutbox.layer({ listens: isServer })).pipe(Layer.provide(client))
}

/** The outbox as a relay without eyes has it. */
const unseen = Layer.effect(
  Outbox,
  Outbox.useSync((outbox) => Outbox.of({ ...outbox, pending: () => Effect.succeed([]) }))
)

/** What is published comes from the coordinator's model. */
const source = Layer.succeed(
  FplSource,
  FplSource.of({ season: undefined, description: "a model", fetch: () => Effect.never })
)

/** Publishes what the run begins with, unless it has begun. */
const seed = Effect.gen(function* () {
  const { current } = yield* SeasonRepository
  if (Option.isSome(yield* current)) return
  const sync = yield* SeasonSync
  for (const season of [Model.updated, Model.published]) yield* sync.publish(Model.revisionOf(season, 0))
})

const program = Effect.fnUntraced(function* (assignment: Assignment, pending: number) {
  const { orders, say } = yield* Line
  yield* seed
  const operations = yield* Operations.make(assignment)
  const readyAt = yield* Clock.currentTimeMillis
  let isNew = true
  // Node would keep for the next life what it compiled when this one ends, and this one will be killed.
  yield* Effect.sync(() => flushCompileCache())
  yield* say({ _tag: "Ready", pending })
  while (true) {
    const order = yield* Queue.take(orders)
    switch (order._tag) {
      case "Work":
        isNew = false
        yield* operations.begin(order)
        break
      case "Rest":
        yield* operations.rest
        yield* say({ _tag: "Resting" })
        break
      case "Judge": {
        const since = isNew ? readyAt : yield* Clock.currentTimeMillis
        yield* say({ _tag: "Judged", findings: yield* Comparison.judge({ from: order.from, since }) })
        break
      }
    }
  }
}, Effect.scoped)

const main = Effect.gen(function* () {
  const assignment = yield* decode(process.argv[2])
  const { mistake, name, redis, seed } = assignment
  const cache = CacheManager.layerRedis.pipe(
    Layer.provide(Redis.layer({ port: redis, lazy: true, commandTimeout: 250, connectTimeout: 500 })),
    Layer.provide(CacheConfig.layer({ process: name }))
  )
  const caches = Layer.merge(Workflows.layer, SeasonSync.layer).pipe(
    Layer.provideMerge(FplCaches.layer),
    Layer.provide(mistake === "relay" ? unseen : Layer.empty),
    Layer.provide(source),
    Layer.provideMerge(cache)
  )
  const run = Effect.gen(function* () {
    // Counted before the relay begins.
    const pending = yield* Outbox.use((outbox) => outbox.pending(1_000))
    return yield* Effect.provide(program(assignment, pending.length), caches)
  })
  return yield* run.pipe(Effect.provide(databaseOf(assignment.database)), Random.withSeed(seed))
})

main.pipe(
  Effect.tapCause((cause) => Line.use(({ say }) => say({ _tag: "Defect", text: Cause.pretty(cause) }))),
  Effect.provide(Line.layer),
  Effect.provideService(References.MinimumLogLevel, "None"),
  NodeRuntime.runMain
)
