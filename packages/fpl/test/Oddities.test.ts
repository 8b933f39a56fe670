import { assert, describe, it } from "@effect/vitest"
import { Tag } from "@letletme/cache"
import {
  CurrentContext,
  EventCache,
  EventMatches,
  Match,
  MatchCache,
  MatchWorkflow,
  PhaseMatches,
  SeasonDeductions,
  type SeasonRevision,
  SeasonSync,
  SimulatedSeason,
  Standing,
  StandingCache,
  TeamCache,
  TeamMatches,
  UnscheduledMatches,
  Workflows
} from "@letletme/fpl"
import { Effect, Layer, Option } from "effect"
import { assembleAt } from "./simulated.ts"
import { tiers } from "./tiers.ts"

type Revision = SeasonRevision.SeasonRevision

const simulated = SimulatedSeason.make({ season: "2030-31", seed: 5, teams: 20 })
const { season } = simulated.options
const hour = 3_600_000
const over = assembleAt(simulated, simulated.end)
const middle = assembleAt(simulated, (simulated.gameweeks[19]?.deadline ?? 0) - hour)
const overall = { _tag: "Overall" } as const

/** A revision with a match in another gameweek, or none. */
const withEvent = (revision: Revision, id: number, event: number | null): Revision => ({
  ...revision,
  time: revision.time + 1,
  matches: revision.matches.map((match) =>
    match.id === id
      ? {
          ...match,
          event,
          kickoff: event === null ? null : match.kickoff,
          phases: revision.phases
            .filter(({ startEvent, stopEvent }) => event !== null && startEvent <= event && event <= stopEvent)
            .map((phase) => phase.id)
        }
      : match
  )
})

const publish = (revision: Revision) => SeasonSync.use((sync) => sync.publish(revision))
const eventIds = (event: number) => EventMatches.use((lists) => lists.get({ season, id: event }))
const tableOf = (of: Revision) =>
  Effect.gen(function* () {
    const id = { season: of.season, scope: overall }
    const standing = yield* StandingCache.use((cache) => cache.get(id))
    assert.deepStrictEqual(standing, Standing.compute({ ...of, scope: overall, deductions: {} }))
    return standing
  })

for (const [name, tier] of Object.entries(tiers(season))) {
  const app = Layer.mergeAll(SeasonSync.layer, Workflows.layer, CurrentContext.layer).pipe(Layer.provideMerge(tier))

  describe(`what real seasons do, over ${name}`, () => {
    it.live("rollover: ids are other clubs', the old season stays readable, current moves in one step", () =>
      Effect.gen(function* () {
        const next = SimulatedSeason.make({ season: "2031-32", seed: 9, teams: 20 })
        const old = yield* over
        const teams = yield* TeamCache
        const context = yield* CurrentContext
        yield* publish(old)
        const before = yield* tableOf(old)
        assert.deepInclude(yield* context.get, { season, current: undefined, revision: old.time })
        // Asked for before it is there: it is told not to exist, and that is forgotten with the publication.
        assert.isTrue(Option.isNone(yield* teams.find({ season: "2031-32", id: 3 })))
        assert.isTrue(Option.isNone(yield* EventMatches.use((lists) => lists.find({ season: "2031-32", id: 1 }))))
        const start = yield* assembleAt(next, next.start)
        // 15 of 20 ids become other clubs.
        const fresh = {
          ...start,
          teams: start.teams.map((team) =>
            team.id <= 15 ? { ...team, name: `New ${team.name}`, code: team.code + 1_000 } : team
          )
        }
        const rolled = yield* publish(fresh)
        assert.strictEqual(rolled.season, "2031-32")
        // Nothing of the old season is among what is invalidated.
        assert.isEmpty(rolled.invalidated.filter((tag) => tag.includes(season)))
        assert.strictEqual((yield* teams.get({ season: "2031-32", id: 3 })).name, fresh.teams[2]?.name)
        assert.strictEqual((yield* teams.get({ season, id: 3 })).name, old.teams[2]?.name)
        assert.isNotEmpty(yield* EventMatches.use((lists) => lists.get({ season: "2031-32", id: 1 })))
        assert.deepStrictEqual(yield* tableOf(old), before)
        yield* tableOf(fresh)
        assert.deepInclude(yield* context.get, { season: "2031-32", revision: fresh.time, lastFinished: undefined })
        // A correction of the old season is published, and does not make it the current one again.
        const [match] = old.matches
        const corrected = {
          ...old,
          time: fresh.time + 1,
          matches: old.matches.map((one) => (one === match ? { ...one, homeScore: 77 } : one))
        }
        assert.deepStrictEqual((yield* publish(corrected)).changed.match, [Tag.of("match", season, `${match?.id}`)])
        assert.strictEqual((yield* context.get).season, "2031-32")
        yield* tableOf(corrected)
      }).pipe(Effect.provide(app))
    )

    it.live("a season of 47 gameweeks, nine of them empty in the middle, as 2019-20 was", () =>
      Effect.gen(function* () {
        const base = yield* over
        const shift = (event: number) => (event >= 30 ? event + 9 : event)
        const events = Array.from({ length: 47 }, (_, index) => {
          const like = base.events[Math.min(index, 37)]
          return { id: index + 1, deadline: (base.events[0]?.deadline ?? 0) + index * 7 * 24 * hour, like }
        }).flatMap(({ deadline, id, like }) =>
          like === undefined ? [] : [{ ...like, id, deadline, name: `Gameweek ${id}` }]
        )
        const phases = base.phases.map((phase) => ({
          ...phase,
          startEvent: shift(phase.startEvent),
          stopEvent: shift(phase.stopEvent)
        }))
        const matches = base.matches.map((match) => {
          const event = match.event === null ? null : shift(match.event)
          return {
            ...match,
            event,
            phases: phases
              .filter(({ startEvent, stopEvent }) => event !== null && startEvent <= event && event <= stopEvent)
              .map(({ id }) => id)
          }
        })
        const long = { ...base, events, phases, matches }
        yield* publish(long)
        assert.strictEqual((yield* EventCache.use((cache) => cache.get({ season, id: 47 }))).name, "Gameweek 47")
        for (const id of [30, 38]) assert.deepStrictEqual(yield* eventIds(id), [])
        assert.isNotEmpty(yield* eventIds(47))
        yield* tableOf(long)
        const asOf = { season, scope: { _tag: "AsOf", event: 38 } } as const
        assert.deepStrictEqual(
          yield* StandingCache.use((cache) => cache.get(asOf)),
          Standing.compute({ ...long, ...asOf, deductions: {} })
        )
      }).pipe(Effect.provide(app))
    )

    it.live("gameweek 7 empties, as in 2022-23, and a team plays three times in another", () =>
      Effect.gen(function* () {
        const base = yield* middle
        yield* publish(base)
        const moving = base.matches.filter(({ event }) => event === 7)
        assert.isNotEmpty(yield* eventIds(7))
        const emptied = moving.reduce((revision, { id }) => withEvent(revision, id, 30), base)
        yield* publish(emptied)
        assert.deepStrictEqual(yield* eventIds(7), [])
        const before = base.matches.filter(({ event }) => event === 30).length
        assert.strictEqual((yield* eventIds(30)).length, before + moving.length)
        yield* tableOf(emptied)

        const team = 4
        const two = emptied.matches.filter(
          ({ away, event, home }) => (home === team || away === team) && (event === 31 || event === 32)
        )
        const triple = two.reduce((revision, { id }) => withEvent(revision, id, 33), emptied)
        yield* publish(triple)
        const own = yield* TeamMatches.use((lists) => lists.get({ season, id: team }))
        const in33 = (yield* eventIds(33)).filter((id) => own.includes(id))
        assert.strictEqual(in33.length, 3)
        assert.deepStrictEqual(
          (yield* eventIds(31)).filter((id) => own.includes(id)),
          []
        )
      }).pipe(Effect.provide(app))
    )

    it.live("a match that is moved three times is in the lists of where it is, and in no others", () =>
      Effect.gen(function* () {
        const base = yield* middle
        const id = base.matches.find(({ event }) => event === 28)?.id ?? 0
        yield* publish(base)
        const months = base.phases.filter(({ name: month }) => month !== "Overall")
        let revision = base
        for (const event of [null, 29, null, 38]) {
          revision = withEvent(revision, id, event)
          const { changed } = yield* publish(revision)
          assert.deepStrictEqual(changed.match, [Tag.of("match", season, `${id}`)])
          for (const week of [28, 29, 38]) assert.strictEqual((yield* eventIds(week)).includes(id), week === event)
          const unscheduled = yield* UnscheduledMatches.use((lists) => lists.get(season))
          assert.strictEqual(unscheduled.includes(id), event === null)
          for (const month of months) {
            const list = yield* PhaseMatches.use((lists) => lists.get({ season, id: month.id }))
            const isIn = event !== null && month.startEvent <= event && event <= month.stopEvent
            assert.strictEqual(list.includes(id), isIn)
          }
        }
        assert.strictEqual((yield* MatchCache.use((cache) => cache.get({ season, id }))).event, 38)
      }).pipe(Effect.provide(app))
    )

    it.live("a final result falls back to provisional: the match and its tables say so", () =>
      Effect.gen(function* () {
        const base = yield* over
        yield* publish(base)
        assert.isFalse((yield* tableOf(base)).provisional)
        const id = base.matches[5]?.id ?? 0
        const back = {
          ...base,
          time: base.time + 1,
          matches: base.matches.map((match) => (match.id === id ? { ...match, finished: false } : match))
        }
        yield* publish(back)
        assert.strictEqual(Match.status(yield* MatchCache.use((cache) => cache.get({ season, id }))), "provisional")
        assert.isTrue((yield* tableOf(back)).provisional)
        yield* MatchWorkflow.use(({ update }) => update(season, [{ id, set: { finished: true } }]))
        assert.isFalse((yield* tableOf(base)).provisional)
        assert.deepStrictEqual(yield* SeasonDeductions.use((cache) => cache.get(season)), {})
      }).pipe(Effect.provide(app))
    )
  })
}
