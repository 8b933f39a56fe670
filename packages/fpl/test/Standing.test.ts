import { assert, describe, it } from "@effect/vitest"
import { type Match, SimulatedSeason, Standing, type Team } from "@letletme/fpl"
import { Effect } from "effect"
import { assembleAt } from "./simulated.ts"

const season = "2021-22"

const team = (id: number, name: string): Team.Team => ({
  season,
  id,
  code: 100 + id,
  name,
  shortName: name.slice(0, 3).toUpperCase(),
  strength: null,
  attackHome: null,
  attackAway: null,
  defenceHome: null,
  defenceAway: null
})

const teams = [team(1, "Ayton"), team(2, "Brock"), team(3, "Corby"), team(4, "Dale")]

/** A final result in a gameweek; phase 1 is the season, phase 2 gameweeks 1 and 2, phase 3 gameweek 3. */
const result = (
  event: number | null,
  home: number,
  homeScore: number | null,
  awayScore: number | null,
  away: number
): Match.Match => ({
  season,
  id: 1,
  code: 1,
  event,
  phases: event === null ? [] : [1, event <= 2 ? 2 : 3],
  kickoff: 0,
  provisionalKickoff: false,
  started: true,
  finished: true,
  finishedProvisional: true,
  minutes: 90,
  home,
  away,
  homeScore,
  awayScore,
  homeDifficulty: null,
  awayDifficulty: null
})

const matches = [
  result(1, 1, 2, 0, 2),
  result(1, 3, 1, 1, 4),
  result(2, 2, 3, 1, 3),
  result(2, 4, 0, 2, 1),
  result(3, 1, 0, 1, 3)
]

const table = (
  scope: Standing.Scope,
  options: { readonly matches?: ReadonlyArray<Match.Match>; readonly deductions?: Standing.Deductions } = {}
) =>
  Standing.compute({ season, scope, teams, matches: options.matches ?? matches, deductions: options.deductions ?? {} })

/** Name, played, won, drawn, lost, goals for and against, points. */
const brief = ({ rows }: Standing.Standing) =>
  rows.map((row) =>
    [row.name, row.played, row.won, row.drawn, row.lost, row.goalsFor, row.goalsAgainst, row.points].join(" ")
  )

describe("Standing.compute", () => {
  it.each<readonly [string, Standing.Scope, ReadonlyArray<string>]>([
    [
      "overall",
      { _tag: "Overall" },
      ["Ayton 3 2 0 1 4 1 6", "Corby 3 1 1 1 3 4 4", "Brock 2 1 0 1 3 3 3", "Dale 2 0 1 1 1 3 1"]
    ],
    [
      "home",
      { _tag: "Home" },
      ["Brock 1 1 0 0 3 1 3", "Ayton 2 1 0 1 2 1 3", "Corby 1 0 1 0 1 1 1", "Dale 1 0 0 1 0 2 0"]
    ],
    [
      "away",
      { _tag: "Away" },
      ["Ayton 1 1 0 0 2 0 3", "Corby 2 1 0 1 2 3 3", "Dale 1 0 1 0 1 1 1", "Brock 1 0 0 1 0 2 0"]
    ],
    [
      "of a phase",
      { _tag: "Phase", phase: 2 },
      ["Ayton 2 2 0 0 4 0 6", "Brock 2 1 0 1 3 3 3", "Corby 2 0 1 1 2 4 1", "Dale 2 0 1 1 1 3 1"]
    ],
    [
      "of another phase",
      { _tag: "Phase", phase: 3 },
      ["Corby 1 1 0 0 1 0 3", "Brock 0 0 0 0 0 0 0", "Dale 0 0 0 0 0 0 0", "Ayton 1 0 0 1 0 1 0"]
    ],
    [
      "as of gameweek 1",
      { _tag: "AsOf", event: 1 },
      ["Ayton 1 1 0 0 2 0 3", "Corby 1 0 1 0 1 1 1", "Dale 1 0 1 0 1 1 1", "Brock 1 0 0 1 0 2 0"]
    ]
  ])("the table %s", (_, scope, expected) => {
    const standing = table(scope)
    // Two that are level in points and goal difference are told apart by goals scored.
    assert.deepStrictEqual(brief(standing), expected)
    assert.deepStrictEqual(
      standing.rows.map(({ position }) => position),
      [1, 2, 3, 4]
    )
    assert.deepStrictEqual(standing.scope, scope)
    assert.isFalse(standing.provisional)
  })

  it("is by name where no match was played", () => {
    assert.deepStrictEqual(brief(table({ _tag: "Overall" }, { matches: [] })), [
      "Ayton 0 0 0 0 0 0 0",
      "Brock 0 0 0 0 0 0 0",
      "Corby 0 0 0 0 0 0 0",
      "Dale 0 0 0 0 0 0 0"
    ])
  })

  it("is by points, then goal difference, then goals scored, then name", () => {
    const order = (results: ReadonlyArray<Match.Match>) =>
      table({ _tag: "Overall" }, { matches: results }).rows.map(({ name }) => name)
    // Points before goal difference.
    assert.deepStrictEqual(order([result(1, 4, 1, 0, 2), result(1, 3, 0, 0, 1), result(2, 1, 0, 0, 3)])[0], "Dale")
    // Goal difference before goals scored.
    assert.deepStrictEqual(order([result(1, 1, 5, 4, 2), result(1, 4, 2, 0, 3)]), ["Dale", "Ayton", "Brock", "Corby"])
    // Goals scored before the name.
    assert.deepStrictEqual(order([result(1, 1, 1, 0, 2), result(1, 4, 2, 1, 3)]), ["Dale", "Ayton", "Corby", "Brock"])
    assert.deepStrictEqual(order([result(1, 2, 1, 0, 3), result(1, 4, 1, 0, 1)]), ["Brock", "Dale", "Ayton", "Corby"])
  })

  it.each(["Ayton", "101"])("takes points away from the team called %s, where the whole season counts", (key) => {
    const deductions = { [key]: 4 }
    const overall = table({ _tag: "Overall" }, { deductions })
    assert.deepStrictEqual(
      overall.rows.map(({ deducted, name, points }) => [name, points, deducted]),
      [
        ["Corby", 4, 0],
        ["Brock", 3, 0],
        ["Ayton", 2, 4],
        ["Dale", 1, 0]
      ]
    )
    const asOf = table({ _tag: "AsOf", event: 1 }, { deductions }).rows.find(({ name }) => name === "Ayton")
    assert.deepStrictEqual([asOf?.points, asOf?.deducted], [-1, 4])
    for (const scope of [{ _tag: "Home" }, { _tag: "Away" }, { _tag: "Phase", phase: 2 }] as const) {
      assert.deepStrictEqual(table(scope, { deductions }), table(scope))
    }
  })

  it("counts a provisional result and says so, for those who played it", () => {
    const [first, ...rest] = matches
    assert.isDefined(first)
    if (first === undefined) return
    const standing = table({ _tag: "Overall" }, { matches: [{ ...first, finished: false }, ...rest] })
    assert.isTrue(standing.provisional)
    assert.deepStrictEqual(brief(standing), brief(table({ _tag: "Overall" })))
    assert.deepStrictEqual(
      standing.rows.filter(({ provisional }) => provisional).map(({ name }) => name),
      ["Ayton", "Brock"]
    )
    assert.isFalse(
      table({ _tag: "Phase", phase: 3 }, { matches: [{ ...first, finished: false }, ...rest] }).provisional
    )
  })

  it.each<readonly [string, Partial<Match.Match>]>([
    ["live", { finished: false, finishedProvisional: false }],
    ["not started", { started: false, finished: false, finishedProvisional: false, homeScore: null, awayScore: null }],
    ["without a score", { homeScore: null }]
  ])("does not count a match that is %s", (_, change) => {
    const counted = table({ _tag: "Overall" }, { matches: [{ ...result(1, 1, 3, 0, 2), ...change }] })
    assert.isTrue(counted.rows.every(({ played }) => played === 0))
    assert.isFalse(counted.provisional)
  })

  it("counts a finished match that is in no gameweek overall only", () => {
    const loose = [result(null, 1, 1, 0, 2)]
    const played = (scope: Standing.Scope) => table(scope, { matches: loose }).rows.some((row) => row.played > 0)
    assert.isTrue(played({ _tag: "Overall" }))
    assert.isFalse(played({ _tag: "AsOf", event: 38 }))
    assert.isFalse(played({ _tag: "Phase", phase: 1 }))
  })

  const seeds = [1, 2, 3, 5, 8, 13]
  it.effect.each(seeds)("the sums are right at every moment of the season of seed %i", (seed) =>
    Effect.gen(function* () {
      const simulated = SimulatedSeason.make({ season: "2030-31", seed, teams: 8 })
      const length = simulated.end - simulated.start
      for (let step = 0; step <= 12; step++) {
        const revision = yield* assembleAt(simulated, simulated.start + (length * step) / 12)
        const scopes: ReadonlyArray<Standing.Scope> = [
          { _tag: "Overall" },
          ...revision.phases.map(({ id }): Standing.Scope => ({ _tag: "Phase", phase: id })),
          { _tag: "AsOf", event: 1 + step }
        ]
        for (const scope of scopes) {
          const deductions = { Alderbrook: 8, 901: 4 }
          const { rows } = Standing.compute({ ...revision, scope, deductions })
          const sum = (of: (row: Standing.Row) => number) => rows.reduce((total, row) => total + of(row), 0)
          assert.strictEqual(
            sum((row) => row.won),
            sum((row) => row.lost)
          )
          assert.strictEqual(
            sum((row) => row.goalsFor),
            sum((row) => row.goalsAgainst)
          )
          assert.strictEqual(
            sum((row) => row.goalDifference),
            0
          )
          assert.strictEqual(sum((row) => row.drawn) % 2, 0)
          for (const [index, row] of rows.entries()) {
            assert.strictEqual(row.points, 3 * row.won + row.drawn - row.deducted)
            assert.strictEqual(row.played, row.won + row.drawn + row.lost)
            assert.strictEqual(row.position, index + 1)
            assert.isAtMost(row.points, rows[index - 1]?.points ?? Number.POSITIVE_INFINITY)
          }
          assert.strictEqual(
            sum((row) => row.deducted),
            scope._tag === "Phase" ? 0 : 12
          )
        }
        const home = Standing.compute({ ...revision, scope: { _tag: "Home" }, deductions: {} })
        const away = Standing.compute({ ...revision, scope: { _tag: "Away" }, deductions: {} })
        for (const row of Standing.compute({ ...revision, scope: { _tag: "Overall" }, deductions: {} }).rows) {
          const parts = [...home.rows, ...away.rows].filter((part) => part.team === row.team)
          assert.strictEqual(
            row.points,
            parts.reduce((total, { points }) => total + points, 0)
          )
        }
      }
    })
  )
})
