import { CacheManager, InvalidationLog, Outbox, OutboxRelay, Tag } from "@letletme/cache"
import { assert, describe, it } from "@effect/vitest"
import {
  Committer,
  EventCache,
  FplCaches,
  MatchCache,
  MemoryDatabase,
  SeasonSync,
  SimulatedSeason,
  TeamCache
} from "@letletme/fpl"
import { Context, Effect, Layer, Option } from "effect"
import { assembleAt } from "./simulated.ts"
import { tiers } from "./tiers.ts"

const simulated = SimulatedSeason.make()
const { season } = simulated.options
const hour = 3_600_000
const middle = (simulated.gameweeks[20]?.deadline ?? 0) + 18 * hour
const at = (hours: number) => assembleAt(simulated, middle + hours * hour)

/** Another process over the same cache, whose database is empty. */
const restarted = Effect.map(
  Layer.build(SeasonSync.layer.pipe(Layer.provide(FplCaches.layer), Layer.provide(MemoryDatabase.layer), Layer.fresh)),
  (context) => Context.get(context, SeasonSync)
)

for (const [name, tier] of Object.entries(tiers(season))) {
  const app = SeasonSync.layer.pipe(Layer.provideMerge(tier))

  describe(`SeasonSync over ${name}`, () => {
    it.live("the first revision of an empty cache is initial: there is nothing to invalidate", () =>
      Effect.gen(function* () {
        const { publish } = yield* SeasonSync
        const first = yield* publish(yield* at(0))
        assert.strictEqual(first.outcome, "initial")
        // Of the season itself: readers are told of the publication, and that it is the current one.
        assert.deepStrictEqual(first.invalidated, [
          Tag.of("event", "season", season, "publication"),
          Tag.of("event", "season", "current", "name")
        ])
        const matches = yield* MatchCache
        assert.isTrue(Option.isSome(yield* matches.find({ season, id: 1 })))
      }).pipe(Effect.provide(app))
    )

    it.live("a revision that differs is published in one append; the same again appends nothing", () =>
      Effect.gen(function* () {
        const { publish } = yield* SeasonSync
        const log = yield* InvalidationLog
        yield* publish(yield* at(0))
        const before = yield* log.sync(0)
        const published = yield* publish(yield* at(3))
        assert.strictEqual(published.outcome, "published")
        assert.isAbove(published.changed["match"]?.length ?? 0, 0)
        assert.strictEqual((yield* log.sync(0)).head, before.head + 1)
        assert.strictEqual(published.position, before.head + 1)
        const again = yield* publish({ ...(yield* at(3)), time: middle + 4 * hour })
        assert.strictEqual(again.outcome, "unchanged")
        assert.strictEqual((yield* log.sync(0)).head, before.head + 1)
      }).pipe(Effect.provide(app))
    )

    it.live("every reader has the new values at once, and keeps what did not change", () =>
      Effect.gen(function* () {
        const { publish } = yield* SeasonSync
        const matches = yield* MatchCache
        const first = yield* at(0)
        const ids = first.matches.map(({ id }) => ({ season, id }))
        yield* publish(first)
        yield* matches.getMany(ids)
        const next = yield* at(3)
        const { changed } = yield* publish(next)
        const conditions = yield* matches.inspect(ids)
        assert.isTrue(conditions.every((condition) => condition === "fresh"))
        const values = yield* matches.getMany(ids)
        assert.deepStrictEqual(values.map(Option.getOrUndefined), [...next.matches])
        assert.isBelow(changed["match"]?.length ?? 0, 20)
      }).pipe(Effect.provide(app))
    )

    it.live("an older revision loses, also against another process", () =>
      Effect.gen(function* () {
        const { publish } = yield* SeasonSync
        yield* publish(yield* at(3))
        assert.strictEqual((yield* publish(yield* at(0))).outcome, "superseded")
        const elsewhere = yield* restarted
        assert.strictEqual((yield* elsewhere.publish(yield* at(0))).outcome, "superseded")
        const later = yield* elsewhere.publish(yield* at(4))
        assert.strictEqual(later.outcome, "initial")
      }).pipe(Effect.scoped, Effect.provide(app))
    )

    it.live("a process that starts on a cache compares with what is in it, and keeps what is right", () =>
      Effect.gen(function* () {
        const { publish } = yield* SeasonSync
        const events = yield* EventCache
        const first = yield* at(0)
        yield* publish(first)
        yield* events.getMany(first.events.map(({ id }) => ({ season, id })))
        const elsewhere = yield* restarted
        const { outcome, changed } = yield* elsewhere.publish(yield* at(3))
        assert.strictEqual(outcome, "published")
        assert.deepStrictEqual(changed.event, [])
      }).pipe(Effect.scoped, Effect.provide(app))
    )

    it.live("what a cascade reaches and the revision has unchanged is stamped anew, never invalid", () =>
      Effect.gen(function* () {
        const { publish } = yield* SeasonSync
        const teams = yield* TeamCache
        const first = yield* at(0)
        const ids = first.teams.map(({ id }) => ({ season, id }))
        yield* publish(first)
        yield* teams.getMany(ids)
        const moved = { ...first, time: first.time + hour }
        const { changed, confirmed } = yield* publish({
          ...moved,
          events: first.events.map((event) => (event.id === 30 ? { ...event, deadline: event.deadline + hour } : event))
        })
        assert.deepStrictEqual(changed.event, [Tag.of("event", season, "30")])
        assert.includeMembers([...confirmed], ids.map(teams.key))
        assert.isTrue((yield* teams.inspect(ids)).every((condition) => condition === "fresh"))
      }).pipe(Effect.provide(app))
    )
  })
}

describe("SeasonSync without a log", () => {
  it.live("what is committed and not announced is announced by the relay, and nothing stale is left", () =>
    Effect.gen(function* () {
      const { publish } = yield* SeasonSync
      const manager = yield* CacheManager
      const matches = yield* MatchCache
      const relay = yield* OutboxRelay
      const first = yield* at(0)
      const ids = first.matches.map(({ id }) => ({ season, id }))
      yield* publish(first)
      yield* matches.getMany(ids)
      const failure = yield* Effect.flip(manager.invalidate({ primary: Tag.of("nothing", "1"), cascade: true }))
      const away = CacheManager.of({ ...manager, commit: () => Effect.fail(failure) })
      const broken = yield* Layer.build(
        Layer.fresh(
          SeasonSync.layer.pipe(
            Layer.provide(Layer.fresh(Committer.layer)),
            Layer.provide(Layer.succeed(CacheManager, away))
          )
        )
      )
      const next = yield* at(3)
      const published = yield* Context.get(broken, SeasonSync).publish(next)
      assert.strictEqual(published.outcome, "published")
      assert.isUndefined(published.position)
      assert.isNotEmpty(published.invalidated)
      yield* relay.flush
      const outbox = yield* Outbox
      assert.deepStrictEqual(yield* outbox.pending(10), [])
      assert.deepStrictEqual((yield* matches.getMany(ids)).map(Option.getOrUndefined), [...next.matches])
    }).pipe(Effect.scoped, Effect.provide(SeasonSync.layer.pipe(Layer.provideMerge(tiers(season).memory))))
  )
})
