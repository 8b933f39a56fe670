import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, describe, it } from "@effect/vitest"
import { FplApi, FplSource, type SeasonRevision, SimulatedSeason, type SourceError } from "@letletme/fpl"
import { ConfigProvider, Effect, Layer } from "effect"
import { type Answer, type Script, serve } from "./scriptedServer.ts"

const simulated = SimulatedSeason.make({ season: "2030-31", seed: 4, teams: 6 })
const moment = (simulated.start + simulated.end) / 2
const { bootstrap, fixtures } = SimulatedSeason.at(simulated, moment)
const bootstrapText = JSON.stringify(bootstrap)
const fixturesText = JSON.stringify(fixtures)
const good: Script = { "bootstrap-static": [{ body: bootstrapText }], fixtures: [{ body: fixturesText }] }

/** Fetches once from a server that follows the script. */
const fetchFrom = (
  baseUrl: string,
  options: Partial<FplApi.Options> = {},
  previous?: SeasonRevision.SeasonRevision
): Effect.Effect<SeasonRevision.SeasonRevision, SourceError> =>
  FplSource.use((source) => source.fetch(previous)).pipe(
    Effect.provide(
      FplApi.layer({ season: "2030-31", baseUrl, spacing: 0, retries: 0, timeout: 10_000, ...options }).pipe(
        Layer.provide(NodeHttpClient.layerUndici)
      )
    )
  )

type Reason = SourceError["reason"]["_tag"]

interface Case {
  readonly name: string
  readonly script: Partial<Script>
  readonly reason: Reason
  /** What the message has to name. */
  readonly names: ReadonlyArray<string>
  readonly timeout?: number
}

const fromBootstrap = (name: string, answer: Answer, reason: Reason, ...names: ReadonlyArray<string>): Case => ({
  name: `bootstrap: ${name}`,
  script: { "bootstrap-static": [answer] },
  reason,
  names
})
const fromFixtures = (name: string, answer: Answer, reason: Reason, ...names: ReadonlyArray<string>): Case => ({
  name: `fixtures: ${name}`,
  script: { fixtures: [answer] },
  reason,
  names
})

const cut = (text: string, at: number): Answer => ({ body: text.slice(0, at) })
const json = (value: unknown): Answer => ({ body: JSON.stringify(value) })

/** A list with a field of one element changed, or, with `undefined`, left out. */
const withField = <A extends object>(list: ReadonlyArray<A>, index: number, field: string, value: unknown) =>
  list.map((element, at) => (at === index ? { ...element, [field]: value } : element))
const { events, phases, teams } = bootstrap
const bootstrapWith = (change: object): Answer => json({ ...bootstrap, ...change })

const maintenancePage = "<html><body><h1>The Game is being updated.</h1></body></html>"

const bodies: ReadonlyArray<Case> = [
  ...[1, 2, 20, 500, bootstrapText.length / 2, bootstrapText.length - 1].map((at) =>
    fromBootstrap(`cut at ${Math.floor(at)}`, cut(bootstrapText, at), "Malformed", "bootstrap-static", "cut off")
  ),
  ...[1, 30, fixturesText.length / 3, fixturesText.length - 1].map((at) =>
    fromFixtures(`cut at ${Math.floor(at)}`, cut(fixturesText, at), "Malformed", "fixtures", "not a JSON document")
  ),
  fromBootstrap(
    "cut after a whole element",
    cut(bootstrapText, bootstrapText.indexOf("}") + 1),
    "Malformed",
    "bootstrap-static",
    "cannot be parsed"
  ),
  fromBootstrap("twice over", { body: bootstrapText + bootstrapText }, "Malformed", "cannot be parsed"),
  fromBootstrap("empty", { body: "" }, "Malformed", "bootstrap-static", "empty"),
  fromBootstrap("white space", { body: " \r\n\t\n " }, "Malformed", "bootstrap-static", "empty"),
  fromFixtures("empty", { body: "" }, "Malformed", "fixtures", "empty"),
  fromBootstrap("a web page", { body: "<!DOCTYPE html><html></html>" }, "Malformed", "web page"),
  fromFixtures("a web page", { body: "<html>Bad gateway</html>" }, "Malformed", "fixtures", "web page"),
  fromBootstrap(
    "not UTF-8",
    { body: Buffer.from(bootstrapText.replace("Alderbrook", "\u00c4"), "latin1") },
    "Malformed",
    "bootstrap-static",
    "UTF-8"
  ),
  fromBootstrap("a hundred thousand open brackets", { body: "[".repeat(100_000) }, "Malformed", "cut off"),
  fromBootstrap("maintenance as text", { body: "The game is being updated." }, "Maintenance", "bootstrap-static"),
  fromBootstrap("maintenance as JSON text", json("The game is being updated."), "Maintenance", "bootstrap-static"),
  fromBootstrap("maintenance as a page", { body: maintenancePage }, "Maintenance", "is being updated"),
  fromFixtures("maintenance as a page", { body: maintenancePage }, "Maintenance", "fixtures"),
  fromBootstrap("null", { body: "null" }, "Invalid", "bootstrap-static", "Expected object"),
  fromBootstrap("a number", { body: "42" }, "Invalid", "bootstrap-static", "Expected object"),
  fromBootstrap("an array instead of an object", json(fixtures), "Invalid", "bootstrap-static"),
  fromBootstrap("an empty object", { body: "{}" }, "Invalid", `["events"]`, "Missing key"),
  fromFixtures("null", { body: "null" }, "Invalid", "fixtures", "Expected array"),
  fromFixtures("an object instead of an array", json(bootstrap), "Invalid", "fixtures", "array"),
  fromFixtures("an array of null", json([null]), "Invalid", "fixtures", "[0]")
]

const fields: ReadonlyArray<Case> = [
  ...(
    [
      ["id", "1"],
      ["id", -1],
      ["id", undefined],
      ["name", 7],
      ["deadline_time", 0],
      ["deadline_time", "soon"],
      ["finished", "false"],
      ["is_current", 1]
    ] as const
  ).map(([field, value]) =>
    fromBootstrap(
      `events[1].${field} is ${JSON.stringify(value)}`,
      bootstrapWith({ events: withField(events, 1, field, value) }),
      "Invalid",
      "bootstrap-static",
      `["events"][1]["${field}"]`
    )
  ),
  ...(
    [
      ["id", undefined],
      ["id", -2],
      ["start_event", "1"],
      ["stop_event", null]
    ] as const
  ).map(([field, value]) =>
    fromBootstrap(
      `phases[0].${field} is ${JSON.stringify(value)}`,
      bootstrapWith({ phases: withField(phases, 0, field, value) }),
      "Invalid",
      `["phases"][0]["${field}"]`
    )
  ),
  ...(
    [
      ["id", undefined],
      ["id", -3],
      ["code", "x"],
      ["name", ""],
      ["short_name", null]
    ] as const
  ).map(([field, value]) =>
    fromBootstrap(
      `teams[2].${field} is ${JSON.stringify(value)}`,
      bootstrapWith({ teams: withField(teams, 2, field, value) }),
      "Invalid",
      `["teams"][2]["${field}"]`
    )
  ),
  ...(
    [
      ["id", undefined],
      ["id", -4],
      ["event", "3"],
      ["event", undefined],
      ["finished", null],
      ["kickoff_time", 12],
      ["team_h", "1"],
      ["team_a", null],
      ["team_h_score", "2"],
      ["team_a_score", -1],
      ["minutes", "90"]
    ] as const
  ).map(([field, value]) =>
    fromFixtures(
      `[3].${field} is ${JSON.stringify(value)}`,
      json(withField(fixtures, 3, field, value)),
      "Invalid",
      "fixtures",
      `[3]["${field}"]`
    )
  ),
  ...(["events", "phases", "teams"] as const).map((field) =>
    fromBootstrap(`${field} is an object`, bootstrapWith({ [field]: {} }), "Invalid", `["${field}"]`, "array")
  )
]

const incoherent: ReadonlyArray<Case> = [
  fromBootstrap("an event twice", bootstrapWith({ events: [...events, events[0]] }), "Incoherent", "event 1", "twice"),
  fromBootstrap("a phase twice", bootstrapWith({ phases: [...phases, phases[1]] }), "Incoherent", "phase 2", "twice"),
  fromBootstrap("a team twice", bootstrapWith({ teams: [...teams, teams[2]] }), "Incoherent", "team 3", "twice"),
  fromFixtures("a match twice", json([...fixtures, fixtures[4]]), "Incoherent", "match 5", "twice"),
  fromBootstrap("no events", bootstrapWith({ events: [] }), "Incoherent", "no events"),
  fromBootstrap("no phases", bootstrapWith({ phases: [] }), "Incoherent", "no phases"),
  fromBootstrap("no teams", bootstrapWith({ teams: [] }), "Incoherent", "0 teams"),
  fromFixtures(
    "in an event that does not exist",
    json(withField(fixtures, 0, "event", 99)),
    "Incoherent",
    "match 1",
    "event 99"
  ),
  fromFixtures(
    "at a team that does not exist",
    json(withField(fixtures, 1, "team_h", 98)),
    "Incoherent",
    "match 2",
    "team 98"
  ),
  fromFixtures(
    "of a guest that does not exist",
    json(withField(fixtures, 2, "team_a", 97)),
    "Incoherent",
    "match 3",
    "team 97"
  ),
  fromFixtures(
    "a team against itself",
    json(fixtures.map((fixture, index) => (index === 0 ? { ...fixture, team_a: fixture.team_h } : fixture))),
    "Incoherent",
    "match 1",
    "against itself"
  ),
  fromBootstrap(
    "a phase that starts nowhere",
    bootstrapWith({ phases: withField(phases, 1, "start_event", 90) }),
    "Incoherent",
    "phase 2",
    "event 90"
  ),
  fromBootstrap(
    "a phase that stops nowhere",
    bootstrapWith({ phases: withField(phases, 1, "stop_event", 91) }),
    "Incoherent",
    "phase 2",
    "event 91"
  ),
  fromBootstrap(
    "a phase that stops before it starts",
    bootstrapWith({ phases: phases.map((one) => (one.id === 1 ? { ...one, start_event: 5, stop_event: 2 } : one)) }),
    "Incoherent",
    "phase 1",
    "stops before it starts"
  )
]

const soon = new Date(Date.now() + 3_600_000).toUTCString()

const transport: ReadonlyArray<Case> = [
  ...[204, 400, 403, 404, 429, 500, 502, 503].map((status) =>
    fromBootstrap(`status ${status}`, { status }, "Unavailable", "bootstrap-static", `${status}`)
  ),
  fromFixtures("status 503 with a page", { status: 503, body: maintenancePage }, "Unavailable", "fixtures", "503"),
  fromBootstrap("429 for a minute", { status: 429, headers: { "retry-after": "60" } }, "Unavailable", "429"),
  fromBootstrap("429 until a date", { status: 429, headers: { "retry-after": soon } }, "Unavailable", "429"),
  fromBootstrap("hung up before a word", { ending: "hangup" }, "Unavailable", "bootstrap-static"),
  fromBootstrap("cut in mid-body", { body: bootstrapText, ending: "cut" }, "Malformed", "bootstrap-static", "cut off"),
  fromFixtures("cut in mid-body", { body: fixturesText, ending: "cut" }, "Malformed", "fixtures", "cut off"),
  { ...fromBootstrap("a slow drip", { body: bootstrapText, ending: "drip" }, "Timeout", "150 ms"), timeout: 150 },
  { ...fromFixtures("a slow drip", { body: fixturesText, ending: "drip" }, "Timeout", "fixtures"), timeout: 150 },
  { ...fromBootstrap("silence", { ending: "silence" }, "Timeout", "bootstrap-static", "150 ms"), timeout: 150 },
  fromBootstrap("17 MB of white space", { body: Buffer.alloc(17 * 1024 * 1024, " ") }, "Malformed", "larger than 16 MB")
]

/** Answers that are coherent, and less than what was there before. */
const shrunken: ReadonlyArray<Case> = [
  {
    name: "fewer teams",
    script: {
      "bootstrap-static": [bootstrapWith({ teams: teams.slice(0, 5) })],
      fixtures: [json(fixtures.filter(({ team_a, team_h }) => team_a <= 5 && team_h <= 5))]
    },
    reason: "Incoherent",
    names: ["6 teams have become 5"]
  },
  {
    name: "fewer events",
    script: {
      "bootstrap-static": [
        bootstrapWith({
          events: events.slice(0, 9),
          phases: [{ id: 1, name: "Overall", start_event: 1, stop_event: 9 }]
        })
      ],
      fixtures: [json(fixtures.map((fixture) => ({ ...fixture, event: null })))]
    },
    reason: "Incoherent",
    names: ["10 events have become 9"]
  },
  {
    name: "half of the matches",
    script: { fixtures: [json(fixtures.slice(0, 14))] },
    reason: "Incoherent",
    names: ["30 matches have become 14"]
  },
  { name: "no matches", script: { fixtures: [json([])] }, reason: "Incoherent", names: ["30 matches have become 0"] }
]

/** Fetches from a server that misbehaves, and checks that there is one error of the right kind, with the right words. */
const isRefused = Effect.fnUntraced(function* (
  { names, reason, script, timeout }: Case,
  previous?: SeasonRevision.SeasonRevision
) {
  const { baseUrl } = yield* serve({ ...good, ...script })
  const error = yield* Effect.flip(fetchFrom(baseUrl, timeout === undefined ? {} : { timeout }, previous))
  assert.strictEqual(error._tag, "SourceError")
  assert.strictEqual(error.reason._tag, reason, error.message)
  for (const name of names) assert.include(error.message, name)
  // It is for people: it stays short whatever was answered, and says what becomes of the data.
  assert.isBelow(error.message.length, 1_000)
  assert.include(error.message, "last good data stays")
})

describe("FplApi", () => {
  it.live("reads a good answer into one revision", () =>
    Effect.gen(function* () {
      const { arrivals, baseUrl } = yield* serve(good)
      const revision = yield* fetchFrom(baseUrl)
      assert.strictEqual(revision.season, "2030-31")
      assert.deepStrictEqual(
        [revision.events.length, revision.teams.length, revision.matches.length],
        [events.length, 6, 30]
      )
      assert.deepStrictEqual(
        arrivals.map(({ accept, path }) => [path, accept]),
        [
          ["bootstrap-static", "application/json"],
          ["fixtures", "application/json"]
        ]
      )
    })
  )

  it.live("accepts the same again, one match less, and fields that it does not know", () =>
    Effect.gen(function* () {
      const { baseUrl } = yield* serve({
        "bootstrap-static": [{ body: bootstrapText }, bootstrapWith({ chips: [{ id: 1 }], game_config: null })],
        fixtures: [{ body: fixturesText }, json(fixtures.slice(1))]
      })
      const first = yield* fetchFrom(baseUrl)
      const second = yield* fetchFrom(baseUrl, {}, first)
      assert.deepStrictEqual(second.teams, first.teams)
      assert.strictEqual(second.matches.length, 29)
    })
  )

  it.live.each([...bodies, ...fields, ...incoherent, ...transport])("refuses $name", (one) => isRefused(one))

  it.live.each(shrunken)("refuses what has become less: $name", (one) =>
    Effect.gen(function* () {
      const { baseUrl } = yield* serve(good)
      const previous = yield* fetchFrom(baseUrl)
      yield* isRefused(one, previous)
    })
  )

  it.live("says when nobody listens", () =>
    Effect.gen(function* () {
      const { baseUrl } = yield* Effect.scoped(serve(good))
      const error = yield* Effect.flip(fetchFrom(baseUrl))
      assert.strictEqual(error.reason._tag, "Unavailable")
      assert.isTrue(error.isTemporary)
    })
  )

  it.live("reads Retry-After in seconds and as a date", () =>
    Effect.gen(function* () {
      const retryAfter = Effect.fnUntraced(function* (value: string) {
        const answer = { status: 429, headers: { "retry-after": value } }
        const { baseUrl } = yield* serve({ ...good, "bootstrap-static": [answer] })
        const { reason } = yield* Effect.flip(fetchFrom(baseUrl))
        return reason._tag === "Unavailable" ? reason.retryAfter : undefined
      })
      assert.strictEqual(yield* retryAfter("60"), 60_000)
      assert.strictEqual(yield* retryAfter(new Date(Date.now() - 60_000).toUTCString()), 0)
      assert.strictEqual(yield* retryAfter("in a while"), null)
      const untilDate = yield* retryAfter(new Date(Date.now() + 120_000).toUTCString())
      assert.isAbove(untilDate ?? 0, 110_000)
      assert.isAtMost(untilDate ?? 0, 120_000)
    })
  )

  it.live("spaces its requests by the server's clock, also when it sends one again", () =>
    Effect.gen(function* () {
      const { arrivals, baseUrl } = yield* serve({
        "bootstrap-static": [{ status: 503 }, { body: bootstrapText }],
        fixtures: [{ body: fixturesText }]
      })
      const revision = yield* fetchFrom(baseUrl, { spacing: 400, retries: 1 })
      assert.strictEqual(revision.matches.length, 30)
      assert.deepStrictEqual(
        arrivals.map(({ path }) => path),
        ["bootstrap-static", "bootstrap-static", "fixtures"]
      )
      // The way there takes a few milliseconds, more or less.
      assert.isAtLeast((arrivals[2]?.at ?? 0) - (arrivals[0]?.at ?? 0), 750)
    })
  )

  it.live("takes the season from the data, and refuses the data of another one than was stated", () =>
    Effect.gen(function* () {
      const { baseUrl } = yield* serve(good)
      assert.strictEqual((yield* fetchFrom(baseUrl, { season: undefined })).season, "2030-31")
      const { reason } = yield* Effect.flip(fetchFrom(baseUrl, { season: "2029-30" }))
      assert.strictEqual(reason._tag, "Incoherent")
      assert.include(reason.message, "the first deadline is of season 2030-31")
    })
  )

  it.live("is configured by the environment", () =>
    Effect.gen(function* () {
      const { arrivals, baseUrl } = yield* serve(good)
      const environment = { FPL_SEASON: "2030-31", FPL_BASE_URL: baseUrl, FPL_TIMEOUT: "5 seconds" }
      const layer = FplApi.layerConfig.pipe(
        Layer.provide(NodeHttpClient.layerUndici),
        Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(environment)))
      )
      const season = yield* FplSource.use((source) => Effect.map(source.fetch(), (revision) => revision.season)).pipe(
        Effect.provide(layer)
      )
      assert.strictEqual(season, "2030-31")
      assert.strictEqual(arrivals.length, 2)
    })
  )

  it.effect.each([{ FPL_SEASON: "2030" }, { FPL_SEASON: "2030-31", FPL_TIMEOUT: "soon" }])(
    "refuses the environment %j",
    (environment) =>
      Effect.gen(function* () {
        const layer = FplApi.layerConfig.pipe(
          Layer.provide(NodeHttpClient.layerUndici),
          Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(environment)))
        )
        const error = yield* Effect.flip(
          FplSource.use(({ season }) => Effect.succeed(season)).pipe(Effect.provide(layer))
        )
        assert.strictEqual(error._tag, "ConfigError")
        assert.match(error.message, /FPL_SEASON|FPL_TIMEOUT/)
      })
  )
})
