import { assert, describe, it } from "@effect/vitest"
import { InvalidationLog } from "@letletme/cache"
import { SeasonRevision, SeasonSync, SimulatedSeason } from "@letletme/fpl"
import { FromApi, fromApi } from "@letletme/fpl/player/Player"
import { PlayerCache, PositionPlayers, TeamPlayers } from "@letletme/fpl/player/PlayerCache"
import { Effect, Layer, Option, Schema } from "effect"
import { assembleAt, bodiesAt } from "./simulated.ts"
import { tiers } from "./tiers.ts"

const simulated = SimulatedSeason.make()
const season = simulated.options.season
const day = 24 * 60 * 60 * 1_000
const noon = simulated.start + 12 * 60 * 60 * 1_000
const at = (days: number) => assembleAt(simulated, noon + days * day)

/** One of `elements`, in the API's shape. */
const element: Readonly<Record<string, unknown>> = {
  id: 328,
  code: 118748,
  web_name: "Salah",
  first_name: "Mohamed",
  second_name: "Salah",
  team: 12,
  team_code: 14,
  element_type: 3,
  now_cost: 129,
  cost_change_event: 0,
  selected_by_percent: "44.9",
  status: "a",
  total_points: 29,
  form: "14.5",
  news: ""
}

describe("Player", () => {
  it.effect("is read from the API's shape: the price and the ownership as whole numbers", () =>
    Effect.gen(function* () {
      const player = fromApi("2024-25", yield* Schema.decodeUnknownEffect(FromApi)(element))
      assert.deepStrictEqual(player, {
        season: "2024-25",
        id: 328,
        code: 118748,
        name: "Salah",
        team: 12,
        position: 3,
        price: 129,
        ownership: 449,
        status: "a",
        totalPoints: 29
      })
    })
  )

  it.effect.each([{ selected_by_percent: "many" }, { element_type: 6 }, { web_name: "" }, { now_cost: 12.9 }])(
    "is refused with the field's name where it does not fit: %j",
    (wrong) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Schema.decodeUnknownEffect(FromApi)({ ...element, ...wrong }))
        assert.include(error.message, Object.keys(wrong).join())
      })
  )

  it.effect("there are 700 in a season, each of a team; from day to day some prices and many owners change", () =>
    Effect.gen(function* () {
      const [{ players }, next] = [yield* at(100), yield* at(101)]
      assert.strictEqual(players.length, 700)
      assert.deepStrictEqual(
        [...new Set(players.map(({ position }) => position))].toSorted((a, b) => a - b),
        [1, 2, 3, 4]
      )
      const later = new Map(next.players.map((player) => [player.id, player]))
      const differing = (of: (player: (typeof players)[number]) => unknown) =>
        players.filter((player) => of(player) !== of(later.get(player.id) ?? player)).length
      assert.isAbove(
        differing(({ price }) => price),
        20
      )
      assert.isBelow(
        differing(({ price }) => price),
        350
      )
      assert.isAbove(
        differing(({ ownership }) => ownership),
        350
      )
      assert.strictEqual(
        differing(({ team }) => team),
        0
      )
    })
  )

  it.effect("one of a team that does not exist is refused, and so is a season that lost most of them", () =>
    Effect.gen(function* () {
      const { bootstrap, fixtures } = bodiesAt(simulated, noon)
      const previous = yield* at(0)
      const assemble = (text: string) =>
        Effect.flip(SeasonRevision.assemble({ season, time: noon + day, bootstrap: text, fixtures, previous }))
      const stray = yield* assemble(bootstrap.replace('"team":20,', '"team":21,'))
      assert.include(stray.message, "is of team 21, which does not exist")
      const Body = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))
      const body = yield* Schema.decodeEffect(Body)(bootstrap)
      const lost = yield* assemble(JSON.stringify({ ...body, elements: [] }))
      assert.include(lost.message, "700 players have become 0")
    })
  )
})

for (const [name, tier] of Object.entries(tiers(season))) {
  const app = SeasonSync.layer.pipe(Layer.provideMerge(tier))
  describe(`players over ${name}`, () => {
    it.live("a day of changes is one append; a transfer moves one player from list to list", () =>
      Effect.gen(function* () {
        const { publish } = yield* SeasonSync
        const log = yield* InvalidationLog
        const cache = yield* PlayerCache
        const ofTeam = yield* TeamPlayers
        const ofPosition = yield* PositionPlayers
        yield* publish(yield* at(100))
        const [first, second, keepers] = [
          yield* ofTeam.get({ season, id: 1 }),
          yield* ofTeam.get({ season, id: 2 }),
          yield* ofPosition.get({ season, id: 1 })
        ]
        assert.deepStrictEqual([first.length, second.length, keepers.length], [35, 35, 80])
        const { head } = yield* log.sync(0)
        const next = yield* at(101)
        const { changed } = yield* publish(next)
        assert.strictEqual((yield* log.sync(0)).head, head + 1)
        assert.isAbove(changed["player"]?.length ?? 0, 350)
        // Prices are not what lists are made of.
        assert.deepStrictEqual(yield* ofTeam.inspect([{ season, id: 1 }]), ["fresh"])

        const moved = first[0] ?? 0
        const transferred = next.players.map((player) => (player.id === moved ? { ...player, team: 2 } : player))
        yield* publish({ ...next, time: next.time + 1, players: transferred })
        const lists = [1, 2, 3].map((id) => ({ season, id }))
        assert.deepStrictEqual(yield* ofTeam.inspect(lists.slice(0, 2)), ["invalidated", "invalidated"])
        assert.deepStrictEqual(yield* ofPosition.inspect([{ season, id: 1 }]), ["fresh"])
        const found = yield* ofTeam.getMany(lists)
        assert.deepStrictEqual(
          found.map((list) => Option.getOrElse(list, () => []).length),
          [34, 36, 35]
        )
        assert.strictEqual((yield* cache.get({ season, id: moved })).team, 2)
      }).pipe(Effect.provide(app))
    )
  })
}
