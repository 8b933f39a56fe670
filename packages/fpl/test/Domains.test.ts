/**
 * What holds for every domain of the season, whichever there are: a domain that is added runs through all of it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Integrity, InvalidationLog, Warmer } from "@letletme/cache"
import { FplCaches, graph, revisionOf, SeasonRevision, SeasonSync, SimulatedSeason } from "@letletme/fpl"
import { Effect, Equal, Layer, Option } from "effect"
import { assembleAt } from "./simulated.ts"
import { tiers } from "./tiers.ts"

const simulated = SimulatedSeason.make({ season: "2030-31", seed: 7, teams: 6 })
const season = simulated.options.season
const hour = 3_600_000
const deadline = simulated.gameweeks[4]?.deadline ?? 0
const moments = [2, 22, 30, 8 * 24].map((hours) => deadline + hours * hour)

describe("the domains of the season", () => {
  it("are those of the graph, but for what is computed", () => {
    const described = Object.keys(SeasonRevision.domains.since)
    assert.deepStrictEqual(
      graph.domains.filter((name) => name !== "standing"),
      graph.domains.filter((name) => described.includes(name))
    )
    assert.strictEqual(described.length, graph.domains.length - 1)
  })

  it("have tables that were made by the first schema, or by a step of their own", () => {
    const later = Object.values(SeasonRevision.domains.since).filter((step) => step !== 2)
    assert.strictEqual(new Set(later).size, later.length)
    assert.isTrue(later.every((step) => step > 2))
  })
})

for (const [name, tier] of Object.entries(tiers(season))) {
  const app = Layer.merge(FplCaches.layerWarmer, FplCaches.layerIntegrity).pipe(
    Layer.provideMerge(SeasonSync.layer),
    Layer.provideMerge(tier)
  )
  describe(`the domains of the season over ${name}`, () => {
    it.live("are read as the source states them, and just what changed is invalidated, in one append", () =>
      Effect.gen(function* () {
        const { publish } = yield* SeasonSync
        const { warm } = yield* Warmer
        const integrity = yield* Integrity
        const log = yield* InvalidationLog
        const opened = yield* SeasonRevision.domains.opened
        let before: SeasonRevision.SeasonRevision = SeasonRevision.empty(season, 0)
        for (const moment of moments) {
          const isFirst = before.time === 0
          const revision: SeasonRevision.SeasonRevision = yield* assembleAt(
            simulated,
            moment,
            isFirst ? undefined : before
          )
          const { head } = yield* log.sync(0)
          const { changed, invalidated, outcome } = yield* publish(revision)
          assert.strictEqual(outcome, isFirst ? "initial" : "published")
          if (!isFirst) assert.strictEqual((yield* log.sync(0)).head, head + 1)
          for (const { cache, entities, name: domain } of opened) {
            const held = new Map(entities(before).map((entity) => [entity.id, entity]))
            const stated = entities(revision)
            const differing = isFirst
              ? []
              : stated.filter((entity) => !Equal.equals(held.get(entity.id), entity)).map(cache.key)
            assert.deepStrictEqual([...(changed[domain] ?? [])].toSorted(), differing.toSorted())
            const entityKey = new RegExp(`^${domain}:\\d{4}-\\d{2}:\\d+$`)
            assert.deepStrictEqual(invalidated.filter((tag) => entityKey.test(tag)).toSorted(), differing.toSorted())
            const found = yield* cache.getMany(stated)
            assert.deepStrictEqual<ReadonlyArray<unknown>>(found.map(Option.getOrUndefined), [...stated])
          }
          assert.deepStrictEqual(yield* revisionOf(season), Option.some(revision))
          assert.strictEqual((yield* warm).failures, 0)
          // The lists too are what the source says.
          assert.isTrue((yield* integrity.verify).isClean)
          before = revision
        }
      }).pipe(Effect.provide(app))
    )

    it.live("whatever is invalidated reaches its cascade by the graph, and no other domain", () =>
      Effect.gen(function* () {
        const { publish } = yield* SeasonSync
        const { warm } = yield* Warmer
        const opened = yield* SeasonRevision.domains.opened
        const revision = yield* assembleAt(simulated, deadline)
        yield* publish(revision)
        yield* warm
        for (const { cache, entities, name: domain } of opened) {
          const first = entities(revision)[0] ?? { season, id: 0 }
          yield* cache.invalidate([first])
          const mayGo = new Set([domain, ...graph.cascade(domain)])
          for (const other of opened) {
            const conditions = yield* other.cache.inspect(other.entities(revision))
            if (!mayGo.has(other.name)) assert.isTrue(conditions.every((one) => one === "fresh"))
            if (other.name === domain) assert.strictEqual(conditions[0], "invalidated")
          }
          assert.strictEqual((yield* warm).failures, 0)
        }
      }).pipe(Effect.provide(app))
    )
  })
}
