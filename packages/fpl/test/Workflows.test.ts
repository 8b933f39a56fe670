import { assert, describe, it } from "@effect/vitest"
import { InvalidationLog, LiveView, OutboxRelay, Tag } from "@letletme/cache"
import {
  Database,
  DatabaseError,
  DeductionWorkflow,
  EventRepository,
  EventWorkflow,
  MatchCache,
  MatchWorkflow,
  PhaseMatches,
  PhaseWorkflow,
  SeasonSync,
  SimulatedSeason,
  Standing,
  StandingCache,
  TeamCache,
  TeamWorkflow,
  Unavailable,
  Workflows
} from "@letletme/fpl"
import { Effect, Layer } from "effect"
import { assembleAt } from "./simulated.ts"
import { tiers } from "./tiers.ts"

// In the real time of the test nothing of this season has begun.
const simulated = SimulatedSeason.make({ season: "2090-91", seed: 1, teams: 20 })
const { season } = simulated.options
const deadlineOf = (event: number) => simulated.gameweeks[event - 1]?.deadline ?? Number.NaN
const hour = 3_600_000
const middle = assembleAt(simulated, deadlineOf(21) + 20 * hour)
const overall = { season, scope: { _tag: "Overall" } } as const
const head = Effect.map(
  InvalidationLog.use((log) => log.sync(0)),
  (progress) => progress.head
)

for (const [name, tier] of Object.entries(tiers(season))) {
  const app = Layer.merge(SeasonSync.layer, Workflows.layer).pipe(Layer.provideMerge(tier))
  const published = SeasonSync.use(({ publish }) => Effect.flatMap(middle, publish))

  describe(`workflows over ${name}`, () => {
    it.live("a renamed team is committed, announced, and seen by every table at once", () =>
      Effect.gen(function* () {
        yield* published
        const standings = yield* StandingCache
        const teams = yield* TeamCache
        yield* standings.get(overall)
        const { announcement, changed, invalidated, refused, unchanged } = yield* TeamWorkflow.use(({ update }) =>
          update(season, [
            { id: 3, set: { name: "Carrowby Rovers" } },
            { id: 4, set: {} }
          ])
        )
        assert.deepStrictEqual(
          [changed, unchanged, refused],
          [[Tag.of("team", season, "3")], [Tag.of("team", season, "4")], []]
        )
        const { view } = yield* LiveView
        assert.deepStrictEqual(announcement, { _tag: "Announced", position: view.position })
        assert.includeMembers([...invalidated], [Tag.of("team", season, "3"), Tag.any("standing", "team", season, "3")])
        assert.deepStrictEqual(yield* teams.inspect([{ season, id: 3 }]), ["fresh"])
        const table = yield* standings.get(overall)
        assert.strictEqual(table.rows.find(({ team }) => team === 3)?.name, "Carrowby Rovers")
      }).pipe(Effect.provide(app))
    )

    it.live("an update that changes nothing appends nothing, and nothing downstream is loaded again", () =>
      Effect.gen(function* () {
        yield* published
        const revision = yield* middle
        const standings = yield* StandingCache
        yield* standings.get(overall)
        const before = yield* head
        const name = revision.teams[2]?.name ?? ""
        const updated = yield* TeamWorkflow.use(({ update }) => update(season, [{ id: 3, set: { name } }]))
        assert.deepStrictEqual(updated, {
          changed: [],
          unchanged: [Tag.of("team", season, "3")],
          refused: [],
          announcement: { _tag: "Nothing" },
          invalidated: []
        })
        assert.strictEqual(yield* head, before)
        assert.deepStrictEqual(yield* standings.inspect([overall]), ["fresh"])
      }).pipe(Effect.provide(app))
    )

    it.live("what was stated before the row's revision is refused; a later publication then overrides", () =>
      Effect.gen(function* () {
        yield* published
        const { time } = yield* middle
        const events = yield* EventWorkflow
        const set = { averageScore: 61 }
        const older = yield* events.update(season, [{ id: 5, set }], { revision: time - 1 })
        assert.deepStrictEqual([older.changed, older.refused], [[], [Tag.of("event", season, "5")]])
        const newer = yield* events.update(season, [{ id: 5, set }], { revision: time + 10 })
        assert.deepStrictEqual(newer.changed, [Tag.of("event", season, "5")])
        const { publish } = yield* SeasonSync
        const late = yield* publish({ ...(yield* middle), time: time + 5 })
        assert.deepStrictEqual([late.changed.event, late.refused], [[], [Tag.of("event", season, "5")]])
        const next = yield* publish({ ...(yield* middle), time: time + 20 })
        assert.deepStrictEqual(next.changed.event, [Tag.of("event", season, "5")])
      }).pipe(Effect.provide(app))
    )

    it.live("a phase that changes in mid-season takes its matches along", () =>
      Effect.gen(function* () {
        yield* published
        const revision = yield* middle
        const lists = yield* PhaseMatches
        const matches = yield* MatchCache
        const standings = yield* StandingCache
        const [, , phase] = revision.phases
        assert.isDefined(phase)
        if (phase === undefined) return
        const id = { season, id: phase.id }
        const table = { season, scope: { _tag: "Phase", phase: phase.id } } as const
        yield* lists.get(id)
        yield* standings.get(table)
        const stopEvent = phase.stopEvent + 1
        const { changed } = yield* PhaseWorkflow.use(({ update }) =>
          update(season, [{ id: phase.id, set: { stopEvent } }])
        )
        assert.deepStrictEqual(changed, [Tag.of("phase", season, `${phase.id}`)])
        const expected = revision.matches.filter(
          ({ event }) => event !== null && phase.startEvent <= event && event <= stopEvent
        )
        assert.deepStrictEqual(
          yield* lists.get(id),
          expected.map((match) => match.id)
        )
        const joined = expected.find(({ event }) => event === stopEvent)
        assert.include((yield* matches.get({ season, id: joined?.id ?? 0 })).phases, phase.id)
        const all = yield* matches.getMany(expected.map((match) => ({ season, id: match.id })))
        const held = all.flatMap((match) => (match._tag === "Some" ? [match.value] : []))
        const { teams } = revision
        assert.deepStrictEqual(
          yield* standings.get(table),
          Standing.compute({ ...table, teams, matches: held, deductions: {} })
        )
      }).pipe(Effect.provide(app))
    )

    it.live("points are taken: the tables of the whole season change, those of a month do not", () =>
      Effect.gen(function* () {
        yield* published
        const standings = yield* StandingCache
        const before = yield* standings.get(overall)
        const team = before.rows[0]?.name ?? ""
        const deductions = yield* DeductionWorkflow
        const { changed } = yield* deductions.update(season, { [team]: 100 })
        assert.deepStrictEqual(changed, [Tag.of("team", "season", season, "deductions")])
        const after = yield* standings.get(overall)
        assert.strictEqual(after.rows.at(-1)?.name, team)
        assert.strictEqual(after.rows.at(-1)?.deducted, 100)
        const again = yield* deductions.update(season, { [team]: 100 })
        assert.deepStrictEqual([again.changed, again.invalidated], [[], []])
        const wrong = yield* Effect.flip(deductions.update(season, { Nowhere: 3, [team]: -1 }))
        assert.strictEqual(wrong._tag, "ValidationError")
        assert.match(wrong.message, /Nowhere.*-1 points/)
      }).pipe(Effect.provide(app))
    )

    it.live("a batch that breaks a rule is not made at all, and every problem is named", () =>
      Effect.gen(function* () {
        yield* published
        const before = yield* head
        const teams = yield* TeamWorkflow
        const error = yield* Effect.flip(
          teams.update(season, [
            { id: 1, set: { name: "Fine" } },
            { id: 2, set: { code: 999 } },
            { id: 3, set: { shortName: (yield* middle).teams[4]?.shortName ?? "" } }
          ])
        )
        assert.strictEqual(error._tag, "ValidationError")
        assert.include(error.message, `team:${season}:2: its code is`)
        assert.include(error.message, `team:${season}:3: team 5 is`)
        assert.notInclude(error.message, "Fine")
        assert.notStrictEqual((yield* TeamCache.use((cache) => cache.get({ season, id: 1 }))).name, "Fine")
        assert.strictEqual(yield* head, before)
      }).pipe(Effect.provide(app))
    )
  })
}

describe("workflows", () => {
  const app = Layer.merge(SeasonSync.layer, Workflows.layer).pipe(Layer.provideMerge(tiers(season).memory))
  const published = SeasonSync.use(({ publish }) => Effect.flatMap(middle, publish))

  it.live("a deadline moves to the future, between its neighbours", () =>
    Effect.gen(function* () {
      yield* published
      const { update } = yield* EventWorkflow
      const moved = (id: number, deadline: number) =>
        Effect.map(Effect.flip(update(season, [{ id, set: { deadline } }])), ({ message }) => message)
      assert.include(yield* moved(7, 1_000), "its new deadline has passed already")
      assert.include(yield* moved(7, deadlineOf(9)), "not before that of event 8")
      assert.include(yield* moved(7, deadlineOf(6)), "not after that of event 6")
      assert.include(yield* moved(99, deadlineOf(6)), "it does not exist")
      assert.include(yield* moved(7, Number.NaN), "Expected")
      const { changed, invalidated } = yield* update(season, [{ id: 7, set: { deadline: deadlineOf(7) + hour } }])
      assert.deepStrictEqual(changed, [Tag.of("event", season, "7")])
      // Two of them together: each is held against where the other will be.
      const pair = [8, 9].map((id) => ({ id, set: { deadline: deadlineOf(id + 1) } }))
      const last = { id: 10, set: { deadline: deadlineOf(10) + hour } }
      assert.strictEqual((yield* update(season, [...pair, last])).changed.length, 3)
      assert.includeMembers([...invalidated], [Tag.any("match", "event", season, "7")])
    }).pipe(Effect.provide(app))
  )

  it.live("a deadline that has passed is not moved", () =>
    Effect.gen(function* () {
      const past = SimulatedSeason.make({ ...simulated.options, season: "2020-21" })
      yield* SeasonSync.use(({ publish }) => Effect.flatMap(assembleAt(past, past.start), publish))
      const deadline = (past.gameweeks[6]?.deadline ?? 0) + hour
      const error = yield* EventWorkflow.use(({ update }) =>
        Effect.flip(update("2020-21", [{ id: 7, set: { deadline } }]))
      )
      assert.include(error.message, "event:2020-21:7: its deadline has passed, and cannot be moved")
    }).pipe(Effect.provide(app))
  )

  it.live("a phase's range holds gameweeks that exist; a match's gameweek, teams and result are sound", () =>
    Effect.gen(function* () {
      yield* published
      const phases = yield* PhaseWorkflow
      const matches = yield* MatchWorkflow
      const phase = (set: { readonly startEvent?: number; readonly stopEvent?: number }) =>
        Effect.map(Effect.flip(phases.update(season, [{ id: 3, set }])), ({ message }) => message)
      assert.include(yield* phase({ stopEvent: 77 }), "it stops at event 77, which does not exist")
      assert.include(yield* phase({ startEvent: 30, stopEvent: 20 }), "it stops before it starts")
      const match = (set: Parameters<typeof matches.update>[1][number]["set"]) =>
        Effect.map(Effect.flip(matches.update(season, [{ id: 300, set }])), ({ message }) => message)
      assert.include(yield* match({ event: 77 }), "it is in event 77, which does not exist")
      assert.include(yield* match({ home: 5, away: 5 }), "team 5 plays against itself")
      assert.include(yield* match({ away: 50 }), "team 50 does not exist")
      assert.include(yield* match({ finished: true }), "it is over, and has no result")
      assert.include(yield* match({ code: 1 }), "wherever it is moved")
      const moved = yield* matches.update(season, [{ id: 300, set: { event: 38 } }])
      assert.deepStrictEqual(moved.changed, [Tag.of("match", season, "300")])
      const { phases: ids } = yield* MatchCache.use((cache) => cache.get({ season, id: 300 }))
      const may = (yield* middle).phases.filter(({ stopEvent }) => stopEvent === 38).map(({ id }) => id)
      assert.deepStrictEqual(ids, may)
    }).pipe(Effect.provide(app))
  )

  it.live("an update in a transaction that rolls back invalidates nothing", () =>
    Effect.gen(function* () {
      yield* published
      const before = yield* head
      const rows = yield* EventRepository
      const database = yield* Database
      const stop = { reason: new Unavailable({ operation: "Saving", cause: "the disk is full" }) }
      const failing = Workflows.layer.pipe(
        Layer.provide(
          Layer.succeed(
            EventRepository,
            EventRepository.of({
              ...rows,
              // The rows are written, and then the database goes away.
              save: (all) => Effect.andThen(rows.save(all), Effect.fail(new DatabaseError(stop)))
            })
          )
        ),
        Layer.fresh
      )
      const error = yield* EventWorkflow.use(({ update }) =>
        Effect.flip(update(season, [{ id: 30, set: { deadline: deadlineOf(30) + hour } }]))
      ).pipe(Effect.provide(failing))
      assert.strictEqual(error._tag, "DatabaseError")
      const [row] = (yield* database.reading(rows.byIds([{ season, id: 30 }]))).value
      assert.strictEqual(row?._tag === "Some" ? row.value.value.deadline : 0, deadlineOf(30))
      assert.isUndefined(yield* OutboxRelay.use((relay) => relay.flush))
      assert.strictEqual(yield* head, before)
    }).pipe(Effect.provide(app))
  )
})
