import { assert, describe, it } from "@effect/vitest"
import { Event, Match, Phase, Season, StandingId, Team } from "@letletme/fpl"
import { Effect, Result, Schema } from "effect"

const decodes = <A, I>(schema: Schema.Codec<A, I>) => Schema.decodeUnknownResult(schema)

/** The message of a decoding that has to fail. */
const refusal = <A, I>(schema: Schema.Codec<A, I>, input: unknown): string => {
  const result = decodes(schema)(input)
  assert.isTrue(Result.isFailure(result), `${JSON.stringify(input)} is accepted`)
  return Result.isFailure(result) ? result.failure.message : ""
}

describe("Season", () => {
  it.each(["2021-22", "1999-00", "2009-10", "2030-31", "2099-00"])("accepts %s", (name) => {
    assert.deepStrictEqual(decodes(Season.Season)(name), Result.succeed(name))
  })

  it.each(["", "2021", "2021-23", "2021-21", "2021-2022", "21-22", "2021/22", " 2021-22", "2021-22 ", "2022-21"])(
    "refuses %j and says what is expected",
    (name) => {
      assert.include(refusal(Season.Season, name), 'such as "2021-22"')
    }
  )

  it.each([null, undefined, 2021, {}, ["2021-22"]])("refuses %j, which is no text", (input) => {
    assert.include(refusal(Season.Season, input), "string")
  })

  it.each([
    ["2025-26", "2025-26"],
    ["2025-26-dense-gw32", "2025-26"],
    ["season_2019-20.old", "2019-20"],
    ["2025-27", undefined],
    ["2021-08-13T173000Z", undefined],
    ["2021-2022", undefined],
    ["timeline", undefined]
  ])("in the name %s finds %s", (name, season) => {
    assert.strictEqual(Season.inName(name), season)
  })
})

describe("SeasonId", () => {
  it.each([
    ["2021-22:1", { season: "2021-22", id: 1 }],
    ["2021-22:380", { season: "2021-22", id: 380 }],
    ["1999-00:0", { season: "1999-00", id: 0 }]
  ])("reads %s, and writes it again", (text, id) => {
    assert.deepStrictEqual(decodes(Season.SeasonId)(text), Result.succeed(id))
    assert.strictEqual(Schema.encodeSync(Season.SeasonId)(id), text)
  })

  it.each([
    "",
    "17",
    "2021-22",
    "2021-22:",
    ":17",
    "2021-22:-1",
    "2021-22:1.5",
    "2021-22:x",
    "2021-22:1e3",
    "2021-22: 1",
    "2021-23:1",
    "2021-22:17:8",
    "2021-22:017",
    "2021-22:99999999999999999999"
  ])("refuses %j", (text) => {
    assert.notStrictEqual(refusal(Season.SeasonId, text), "")
  })
})

describe("StandingId", () => {
  it.each<readonly [string, StandingId]>([
    ["2021-22:overall", { season: "2021-22", scope: { _tag: "Overall" } }],
    ["2021-22:home", { season: "2021-22", scope: { _tag: "Home" } }],
    ["2021-22:away", { season: "2021-22", scope: { _tag: "Away" } }],
    ["2021-22:phase:8", { season: "2021-22", scope: { _tag: "Phase", phase: 8 } }],
    ["2021-22:asof:28", { season: "2021-22", scope: { _tag: "AsOf", event: 28 } }]
  ])("reads %s, and writes it again", (text, id) => {
    assert.deepStrictEqual(decodes(StandingId)(text), Result.succeed(id))
    assert.strictEqual(Schema.encodeSync(StandingId)(id), text)
  })

  it.each([
    "",
    "2021-22",
    "2021-22:",
    "2021-22:final",
    "2021-22:Overall",
    "2021-22:overall:1",
    "2021-22:phase",
    "2021-22:phase:",
    "2021-22:phase:0",
    "2021-22:phase:08",
    "2021-22:phase:-1",
    "2021-22:asof:x",
    "2021-22:asof:1.5",
    "2021-23:overall"
  ])("refuses %j", (text) => {
    assert.notStrictEqual(refusal(StandingId, text), "")
  })
})

const match: Match.Match = {
  season: "2021-22",
  id: 1,
  code: 1,
  event: 3,
  phases: [1],
  kickoff: 0,
  provisionalKickoff: false,
  started: false,
  finished: false,
  finishedProvisional: false,
  minutes: 0,
  home: 1,
  away: 2,
  homeScore: null,
  awayScore: null,
  homeDifficulty: null,
  awayDifficulty: null
}

describe("Match.status", () => {
  it.each<readonly [string, Partial<Match.Match>, Match.Status]>([
    ["in no gameweek", { event: null, kickoff: null }, "unscheduled"],
    ["in a gameweek", {}, "scheduled"],
    ["with a kick-off that is not certain", { provisionalKickoff: true }, "scheduled"],
    ["without a kick-off", { kickoff: null }, "scheduled"],
    ["kicked off", { started: true }, "live"],
    ["whistled off", { started: true, finishedProvisional: true }, "provisional"],
    ["confirmed", { started: true, finishedProvisional: true, finished: true }, "final"],
    [
      "whose `finished` fell back to false",
      { started: true, finishedProvisional: true, finished: false },
      "provisional"
    ],
    ["finished without a provisional result", { started: true, finished: true }, "final"],
    ["finished, then taken out of its gameweek", { event: null, started: true, finished: true }, "final"],
    ["abandoned and taken out of its gameweek", { event: null, started: true }, "live"]
  ])("a match %s", (_, change, status) => {
    assert.strictEqual(Match.status({ ...match, ...change }), status)
  })
})

describe("Phase.holds", () => {
  it.each([
    [1, 38, 1, true],
    [1, 38, 38, true],
    [4, 7, 3, false],
    [4, 7, 4, true],
    [4, 7, 6, true],
    [4, 7, 7, true],
    [4, 7, 8, false],
    [5, 5, 5, true],
    [5, 5, 6, false]
  ])("a phase from %i to %i and gameweek %i: %s", (startEvent, stopEvent, event, held) => {
    assert.strictEqual(Phase.holds({ startEvent, stopEvent }, event), held)
  })
})

const event = {
  id: 3,
  name: "Gameweek 3",
  deadline_time: "2021-08-28T10:00:00Z",
  finished: false,
  data_checked: false,
  is_previous: false,
  is_current: false,
  is_next: true
}
const phase = { id: 2, name: "August", start_event: 1, stop_event: 3 }
const team = { id: 1, code: 3, name: "Arsenal", short_name: "ARS" }
const fixture = {
  id: 21,
  code: 2_210_271,
  event: 3,
  finished: false,
  team_h: 1,
  team_a: 2,
  team_h_score: null,
  team_a_score: null
}

describe("wire fields", () => {
  it.effect("an event with null flags and without scores", () =>
    Effect.gen(function* () {
      const given = { ...event, data_checked: null, is_previous: null, is_current: null, highest_score: null }
      const decoded = Event.fromApi("2021-22", yield* Schema.decodeEffect(Event.FromApi)(given))
      assert.deepStrictEqual(decoded, {
        season: "2021-22",
        id: 3,
        name: "Gameweek 3",
        deadline: Date.UTC(2021, 7, 28, 10),
        finished: false,
        dataChecked: false,
        isPrevious: false,
        isCurrent: false,
        isNext: true,
        averageScore: null,
        highestScore: null
      })
    })
  )

  it.effect("a phase and a team without what may be missing", () =>
    Effect.gen(function* () {
      const decodedPhase = Phase.fromApi("2021-22", yield* Schema.decodeEffect(Phase.FromApi)(phase))
      assert.strictEqual(decodedPhase.highestScore, null)
      const decodedTeam = Team.fromApi("2021-22", yield* Schema.decodeEffect(Team.FromApi)(team))
      assert.strictEqual(decodedTeam.strength, null)
      assert.strictEqual(decodedTeam.defenceAway, null)
    })
  )

  it.effect("a match knows its phases, and one in no gameweek is in none", () =>
    Effect.gen(function* () {
      const phases = [
        Phase.fromApi("2021-22", { ...phase, id: 1, stop_event: 38 }),
        Phase.fromApi("2021-22", phase),
        Phase.fromApi("2021-22", { ...phase, id: 3, start_event: 4, stop_event: 7 })
      ]
      const decode = Schema.decodeUnknownEffect(Match.FromApi)
      const scheduled = Match.fromApi("2021-22", phases, yield* decode({ ...fixture, started: null }))
      assert.deepStrictEqual(scheduled.phases, [1, 2])
      assert.isFalse(scheduled.started)
      assert.strictEqual(scheduled.kickoff, null)
      const postponed = Match.fromApi("2021-22", phases, yield* decode({ ...fixture, event: null, kickoff_time: null }))
      assert.deepStrictEqual(postponed.phases, [])
    })
  )

  it.effect("unknown fields are left out", () =>
    Effect.gen(function* () {
      const decoded = yield* Schema.decodeUnknownEffect(Team.FromApi)({ ...team, win: 3, pulse_id: 1 })
      assert.deepStrictEqual(decoded, team)
    })
  )

  const bad: ReadonlyArray<readonly [string, Schema.Codec<unknown, unknown>, object, string, unknown]> = [
    ["an event", Event.FromApi, event, "id", 0],
    ["an event", Event.FromApi, event, "id", 1.5],
    ["an event", Event.FromApi, event, "name", ""],
    ["an event", Event.FromApi, event, "deadline_time", "tomorrow"],
    ["an event", Event.FromApi, event, "deadline_time", ""],
    ["an event", Event.FromApi, event, "deadline_time", null],
    ["an event", Event.FromApi, event, "deadline_time", 1_630_144_800],
    ["an event", Event.FromApi, event, "deadline_time", "2021-13-45T99:00:00Z"],
    ["an event", Event.FromApi, event, "finished", null],
    ["an event", Event.FromApi, event, "is_current", "true"],
    ["an event", Event.FromApi, event, "data_checked", 1],
    ["an event", Event.FromApi, event, "average_entry_score", "50"],
    ["a phase", Phase.FromApi, phase, "start_event", 0],
    ["a phase", Phase.FromApi, phase, "stop_event", "3"],
    ["a team", Team.FromApi, team, "code", null],
    ["a team", Team.FromApi, team, "short_name", ""],
    ["a team", Team.FromApi, team, "strength", "high"],
    ["a fixture", Match.FromApi, fixture, "event", 0],
    ["a fixture", Match.FromApi, fixture, "event", undefined],
    ["a fixture", Match.FromApi, fixture, "kickoff_time", "soon"],
    ["a fixture", Match.FromApi, fixture, "team_h", null],
    ["a fixture", Match.FromApi, fixture, "team_a_score", -1],
    ["a fixture", Match.FromApi, fixture, "team_h_score", 1.5],
    ["a fixture", Match.FromApi, fixture, "team_h_score", 100],
    ["a fixture", Match.FromApi, fixture, "minutes", null]
  ]
  it.each(bad)("of %s: %#: the error names the field", (_, schema, good, field, value) => {
    assert.isTrue(Result.isSuccess(decodes(schema)(good)))
    assert.include(refusal(schema, { ...good, [field]: value }), `["${field}"]`)
  })

  it.each(["id", "name", "deadline_time", "finished"])("an event without %s: the error names it", (field) => {
    const rest = Object.fromEntries(Object.entries(event).filter(([name]) => name !== field))
    const message = refusal(Event.FromApi, rest)
    assert.include(message, `["${field}"]`)
    assert.include(message, "Missing key")
  })
})
