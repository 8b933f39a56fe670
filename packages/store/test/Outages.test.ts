import { assert, layer } from "@effect/vitest"
import { CacheManager, OutboxRelay } from "@letletme/cache"
import {
  FplCaches,
  RecordedSource,
  SeasonRevision,
  SeasonSync,
  SimulatedSeason,
  StandingCache,
  TeamCache,
  TeamWorkflow,
  Workflows
} from "@letletme/fpl"
import { Redis } from "@letletme/redis"
import { PostgresServer, RedisServer } from "@letletme/testing"
import { Effect, Layer, Schedule } from "effect"
import { mistreated } from "./databases.ts"

const simulated = SimulatedSeason.make({ season: "2030-31", seed: 1, teams: 4 })
const { season } = simulated.options
const time = (simulated.gameweeks[2]?.deadline ?? 0) + 40 * 3_600_000
const { bootstrap, fixtures } = SimulatedSeason.at(simulated, time)
const revision = SeasonRevision.assemble({
  season,
  time,
  bootstrap: JSON.stringify(bootstrap),
  fixtures: JSON.stringify(fixtures)
})
const overall = { season, scope: { _tag: "Overall" } } as const

const redis = Layer.unwrap(RedisServer.useSync(({ port }) => Redis.layer({ port })))
/** One process: caches of its own over the servers in context. */
const caches = Layer.merge(SeasonSync.layer, Workflows.layer).pipe(
  Layer.provideMerge(FplCaches.layer),
  Layer.provideMerge(RecordedSource.layerReplay(season)),
  Layer.provideMerge(CacheManager.layerRedis),
  Layer.provide(redis)
)
const servers = mistreated.pipe(Layer.provideMerge(RedisServer.layer))

/** What another process reads, that has nothing at hand. */
const elsewhere = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provide(effect, Layer.fresh(caches), { local: true })

const rename = (name: string) => TeamWorkflow.use(({ update }) => update(season, [{ id: 1, set: { name } }]))
const nameOf = (id: number) => TeamCache.use((teams) => Effect.map(teams.get({ season, id }), ({ name }) => name))
/** Tries until it holds, for at most ten seconds. */
const eventually = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, { schedule: Schedule.spaced("50 millis"), times: 200 })

layer(caches.pipe(Layer.provideMerge(servers)), { excludeTestServices: true, timeout: "60 seconds" })(
  "caches of a season whose servers go away",
  (it) => {
    it.effect("without Postgres what is cached is read, what is not fails by name, and all catches up", () =>
      Effect.gen(function* () {
        const server = yield* PostgresServer
        yield* SeasonSync.use(({ publish }) => Effect.flatMap(revision, publish))
        const before = yield* nameOf(1)
        yield* StandingCache.use((standings) => standings.get(overall))
        yield* server.kill
        assert.strictEqual(yield* nameOf(1), before)
        const table = yield* StandingCache.use((standings) => standings.get(overall))
        assert.strictEqual(table.rows.length, 4)
        const miss = yield* Effect.flip(
          TeamCache.use((teams) => teams.refresh([{ season, id: 3 }])).pipe(Effect.timeout("5 seconds"))
        )
        assert.strictEqual(miss._tag, "DatabaseError")
        const write = yield* Effect.flip(Effect.timeout(rename("Nobody's"), "5 seconds"))
        assert.strictEqual(write._tag, "DatabaseError")
        yield* server.start
        yield* eventually(rename("Back Again"))
        assert.strictEqual(yield* nameOf(1), "Back Again")
        assert.strictEqual(yield* elsewhere(nameOf(1)), "Back Again")
      })
    )

    it.effect("without Redis workflows commit, reads go to the database, and the relay tells when it is back", () =>
      Effect.gen(function* () {
        const server = yield* RedisServer
        yield* SeasonSync.use(({ publish }) => Effect.flatMap(revision, publish))
        yield* rename("At First")
        const names = (yield* revision).teams.map(({ name }) => name)
        assert.strictEqual(yield* elsewhere(nameOf(1)), "At First")
        yield* server.kill
        const { announcement, changed } = yield* rename("In The Dark")
        assert.strictEqual(announcement._tag, "Pending")
        assert.strictEqual(changed.length, 1)
        // What is at hand counts for as long as the view may be old; then the database answers, what is committed.
        yield* eventually(Effect.filterOrFail(nameOf(1), (name) => name === "In The Dark"))
        assert.strictEqual(yield* nameOf(2), names[1])
        yield* server.start
        yield* eventually(OutboxRelay.use(({ flush }) => flush))
        assert.strictEqual(yield* elsewhere(nameOf(1)), "In The Dark")
        assert.strictEqual(yield* nameOf(1), "In The Dark")
        const told = yield* eventually(rename("Heard By All"))
        assert.strictEqual(told.announcement._tag, "Announced")
        assert.strictEqual(yield* elsewhere(nameOf(1)), "Heard By All")
      })
    )
  }
)
