import { CacheManager, InvalidationLog, Tag } from "@letletme/cache"
import { assert, describe, it } from "@effect/vitest"
import { EventCache, MatchCache, PrimaryData, SeasonSync, SimulatedSeason, TeamCache } from "@letletme/fpl"
import { Effect, Layer, Option } from "effect"
import { assembleAt } from "./simulated.ts"
import { tiers } from "./tiers.ts"

const simulated = SimulatedSeason.make()
const { season } = simulated.options
const hour = 3_600_000
const noDomain = Tag.of("nothing", "1")
const middle = (simulated.gameweeks[20]?.deadline ?? 0) + 18 * hour
const at = (hours: number) => assembleAt(simulated, middle + hours * hour)

for (const [name, tier] of Object.entries(tiers(season))) {
  const app = SeasonSync.layer.pipe(Layer.provideMerge(tier))

  describe(`SeasonSync over ${name}`, () => {
    it.live("the first revision of an empty cache is initial: there is nothing to invalidate", () =>
      Effect.gen(function* () {
        const { publish } = yield* SeasonSync
        const first = yield* publish(yield* at(0))
        assert.strictEqual(first.outcome, "initial")
        assert.deepStrictEqual(first.invalidated, [])
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
        assert.isAbove(published.changed.match.length, 0)
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
        assert.isBelow(changed.match.length, 20)
      }).pipe(Effect.provide(app))
    )

    it.live("an older revision loses, also against another process", () =>
      Effect.gen(function* () {
        const { publish } = yield* SeasonSync
        yield* publish(yield* at(3))
        assert.strictEqual((yield* publish(yield* at(0))).outcome, "superseded")
        const other = yield* Layer.build(Layer.fresh(SeasonSync.layer))
        const elsewhere = yield* Effect.provideContext(
          SeasonSync.use((sync) => Effect.succeed(sync)),
          other
        )
        assert.strictEqual((yield* elsewhere.publish(yield* at(0))).outcome, "superseded")
        assert.strictEqual((yield* elsewhere.publish(yield* at(4))).outcome, "initial")
      }).pipe(Effect.scoped, Effect.provide(app))
    )

    it.live("a process that starts on a cache compares with what is in it, and keeps what is right", () =>
      Effect.gen(function* () {
        const { publish } = yield* SeasonSync
        const events = yield* EventCache
        const first = yield* at(0)
        yield* publish(first)
        yield* events.getMany(first.events.map(({ id }) => ({ season, id })))
        const restarted = yield* Layer.build(Layer.fresh(SeasonSync.layer))
        const { outcome, changed } = yield* Effect.provideContext(
          SeasonSync.use((sync) => Effect.flatMap(at(3), sync.publish)),
          restarted
        )
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
  it.live("a difference that did not reach the log is in the next one", () =>
    Effect.gen(function* () {
      const primary = yield* PrimaryData
      const manager = yield* CacheManager
      const { publish } = yield* SeasonSync
      const first = yield* at(0)
      yield* publish(first)
      // Nothing of a revision is read before it is announced: what fails to be announced leaves the old one.
      const failed = yield* Effect.flip(
        primary.publishWith(yield* at(3), manager.invalidate({ primary: noDomain, cascade: true }))
      )
      assert.strictEqual(failed.reason._tag, "UnknownDomain")
      assert.strictEqual((yield* primary.current).time, first.time)
      assert.strictEqual((yield* publish(yield* at(3))).outcome, "published")
    }).pipe(Effect.provide(SeasonSync.layer.pipe(Layer.provideMerge(tiers(season).memory))))
  )
})
