import { assert, describe, layer } from "@effect/vitest"
import { CacheManager, Tag } from "@letletme/cache"
import {
  EventCache,
  EventMatches,
  MatchCache,
  PhaseCache,
  type SeasonRevision,
  SimulatedSeason,
  StandingCache,
  TeamCache
} from "@letletme/fpl"
import { Effect, Option } from "effect"
import { seed } from "./seed.ts"
import { assembleAt } from "./simulated.ts"
import { nothing, type Reached, survey } from "./survey.ts"
import { tiers } from "./tiers.ts"

const simulated = SimulatedSeason.make()
const season = simulated.options.season
const day = 24 * 60 * 60 * 1000

/** The day before gameweek 28, which is in phases 1 (the season) and 9 (March). */
const moment = (simulated.gameweeks[27]?.deadline ?? Number.NaN) - day
const revisionBefore28 = assembleAt(simulated, moment)

const keys = (kind: string, ids: ReadonlyArray<number>): ReadonlyArray<string> =>
  ids.map((id) => `${kind}:${season}:${id}`).toSorted()
const matchesWhere = (
  { matches }: SeasonRevision.SeasonRevision,
  holds: (match: SeasonRevision.SeasonRevision["matches"][number]) => boolean
) =>
  keys(
    "match",
    matches.filter(holds).map(({ id }) => id)
  )
const all = (kind: string, entities: ReadonlyArray<{ readonly id: number }>) =>
  keys(
    kind,
    entities.map(({ id }) => id)
  )
const tables = (...names: ReadonlyArray<string>) => names.map((name) => `standing:${season}:${name}`).toSorted()
const everyTable = tables(
  "overall",
  "home",
  "away",
  "asof:2",
  "asof:28",
  ...Array.from({ length: 11 }, (_, index) => `phase:${index + 1}`)
)
/** The tables that count gameweek 28, or may. */
const tablesWith28 = tables("overall", "home", "away", "asof:28", "phase:1", "phase:9")

for (const [name, tier] of Object.entries(tiers(season))) {
  layer(tier, { excludeTestServices: true })(`Cascade over ${name}`, (it) => {
    /** Warms everything, does something, and answers exactly what is no longer fresh. */
    const reachedBy = Effect.fnUntraced(function* <A, E, R>(
      act: Effect.Effect<A, E, R>,
      revision?: SeasonRevision.SeasonRevision
    ) {
      const held = revision ?? (yield* revisionBefore28)
      const { reached, warmed } = yield* survey(held)
      assert.isAbove(warmed, 550)
      assert.deepStrictEqual(yield* reached, nothing)
      const value = yield* act
      return { reached: yield* reached, revision: held, value }
    })

    const invalidate = (primary: Tag.Tag, cascade: boolean) =>
      CacheManager.use((manager) => reachedBy(manager.invalidate({ primary, cascade })))
    const event28 = EventCache.use((events) => invalidate(events.key({ season, id: 28 }), true))
    const phase9 = PhaseCache.use((phases) => invalidate(phases.key({ season, id: 9 }), true))
    const team3 = TeamCache.use((teams) => invalidate(teams.key({ season, id: 3 }), true))

    describe("by an event", () => {
      it.effect("Event → phases: those whose range holds it, and no other", () =>
        Effect.gen(function* () {
          const { reached } = yield* event28
          assert.deepStrictEqual(reached.event, [`event:${season}:28`])
          assert.deepStrictEqual(reached.phase, keys("phase", [1, 9]))
        })
      )

      it.effect("Event → teams: all, whose strengths are rated anew as gameweeks go by", () =>
        Effect.gen(function* () {
          const { reached, revision } = yield* event28
          assert.deepStrictEqual(reached.team, all("team", revision.teams))
        })
      )

      it.effect("Event → matches: those in it, and none of another gameweek", () =>
        Effect.gen(function* () {
          const { reached, revision } = yield* event28
          assert.deepStrictEqual(
            reached.match,
            matchesWhere(revision, ({ event }) => event === 28)
          )
          assert.strictEqual(reached.match.length, 10)
          assert.deepStrictEqual(reached.lists, [`match:event:${season}:28:ids`, `phase:event:${season}:28:ids`])
        })
      )

      it.effect("Event → standings (through matches)", () =>
        Effect.gen(function* () {
          const { reached, revision } = yield* event28
          assert.deepStrictEqual(reached.standing, everyTable)
          // Through matches: a table carries the keys of those that it counts.
          const march = yield* StandingCache.use((cache) => {
            const id = { season, scope: { _tag: "Phase", phase: 9 } } as const
            return Effect.andThen(cache.get(id), cache.explain(id))
          })
          const carried = new Set<string>(march.entry?.tags.map(({ tag }) => tag))
          for (const key of matchesWhere(revision, ({ phases }) => phases.includes(9))) assert.isTrue(carried.has(key))
          assert.isTrue(carried.has(`match:event:${season}:28`))
          assert.isFalse(carried.has(`match:event:${season}:27`))
        })
      )

      it.effect("without a cascade: only the event", () =>
        Effect.gen(function* () {
          const events = yield* EventCache
          const { reached } = yield* invalidate(events.key({ season, id: 28 }), false)
          assert.deepStrictEqual(reached, { ...nothing, event: [`event:${season}:28`] })
        })
      )
    })

    describe("by a phase", () => {
      it.effect("Phase → matches: those of its gameweeks, and none of another month", () =>
        Effect.gen(function* () {
          const { reached, revision } = yield* phase9
          const own = matchesWhere(revision, ({ phases }) => phases.includes(9))
          assert.deepStrictEqual(reached.match, own)
          assert.isAbove(own.length, 20)
          assert.deepStrictEqual(reached.phase, keys("phase", [9]))
          assert.deepStrictEqual(reached.lists, [`match:phase:${season}:9:ids`])
          assert.deepStrictEqual([reached.event, reached.team], [[], []])
        })
      )

      it.effect("Phase → standings: those that count its matches, and no other month's", () =>
        Effect.gen(function* () {
          const { reached } = yield* phase9
          assert.deepStrictEqual(reached.standing, tablesWith28)
        })
      )

      it.effect("without a cascade: only the phase", () =>
        Effect.gen(function* () {
          const phases = yield* PhaseCache
          const { reached } = yield* invalidate(phases.key({ season, id: 9 }), false)
          assert.deepStrictEqual(reached, { ...nothing, phase: keys("phase", [9]) })
        })
      )
    })

    describe("by a team", () => {
      it.effect("Team → matches: its own, and no other team's", () =>
        Effect.gen(function* () {
          const { reached, revision } = yield* team3
          const own = matchesWhere(revision, ({ away, home }) => home === 3 || away === 3)
          assert.strictEqual(own.length, 38)
          assert.deepStrictEqual(reached.match, own)
          assert.deepStrictEqual(reached.team, keys("team", [3]))
          assert.deepStrictEqual(reached.lists, [`match:team:${season}:3:ids`])
          assert.deepStrictEqual([reached.event, reached.phase], [[], []])
        })
      )

      it.effect("Team → standings: all, since it has a row in each", () =>
        Effect.gen(function* () {
          const { reached } = yield* team3
          assert.deepStrictEqual(reached.standing, everyTable)
        })
      )

      it.effect("without a cascade: the team, and the tables that read it", () =>
        Effect.gen(function* () {
          const teams = yield* TeamCache
          const { reached } = yield* invalidate(teams.key({ season, id: 3 }), false)
          assert.deepStrictEqual(reached, { ...nothing, team: keys("team", [3]), standing: everyTable })
        })
      )
    })

    it.effect("Match → standings: those that count it", () =>
      Effect.gen(function* () {
        const matches = yield* MatchCache
        const { matches: held } = yield* revisionBefore28
        const one = held.find(({ event }) => event === 28)?.id ?? 0
        const withCascade = yield* invalidate(matches.key({ season, id: one }), true)
        assert.deepStrictEqual(withCascade.reached, {
          ...nothing,
          match: keys("match", [one]),
          standing: tablesWith28
        })
        const without = yield* invalidate(matches.key({ season, id: one }), false)
        assert.deepStrictEqual(without.reached, withCascade.reached)
      })
    )

    describe("keys and patterns", () => {
      it.effect("keys are `{domain}:{id}`, in the store under the namespace and the fingerprint of the form", () =>
        Effect.gen(function* () {
          const id = { season, id: 28 }
          const events = yield* EventCache
          const standings = yield* StandingCache
          assert.strictEqual(events.key(id), `event:${season}:28`)
          assert.strictEqual(yield* PhaseCache.use(({ key }) => Effect.succeed(key(id))), `phase:${season}:28`)
          assert.strictEqual(yield* TeamCache.use(({ key }) => Effect.succeed(key(id))), `team:${season}:28`)
          assert.strictEqual(yield* MatchCache.use(({ key }) => Effect.succeed(key(id))), `match:${season}:28`)
          assert.strictEqual(
            yield* EventMatches.use(({ key }) => Effect.succeed(key(id))),
            `match:event:${season}:28:ids`
          )
          assert.strictEqual(standings.key({ season, scope: { _tag: "Overall" } }), `standing:${season}:overall`)
          assert.strictEqual(
            standings.key({ season, scope: { _tag: "Phase", phase: 9 } }),
            `standing:${season}:phase:9`
          )
          assert.deepStrictEqual(events.parse(events.key(id)), Option.some(id))
          assert.match((yield* events.explain(id)).storeKey, /^letletme:event:2030-31:28@[\w-]+$/)
        })
      )

      const patterns: ReadonlyArray<readonly [string, (revision: SeasonRevision.SeasonRevision) => Reached]> = [
        [
          `match:event:${season}:28:*`,
          (revision) => ({
            ...nothing,
            match: matchesWhere(revision, ({ event }) => event === 28),
            standing: tablesWith28,
            lists: [`match:event:${season}:28:ids`]
          })
        ],
        [
          `match:team:${season}:3:*`,
          (revision) => ({
            ...nothing,
            match: matchesWhere(revision, ({ away, home }) => home === 3 || away === 3),
            standing: everyTable,
            lists: [`match:team:${season}:3:ids`]
          })
        ],
        [
          `match:phase:${season}:2:*`,
          (revision) => ({
            ...nothing,
            match: matchesWhere(revision, ({ phases }) => phases.includes(2)),
            standing: tables("overall", "home", "away", "asof:2", "asof:28", "phase:1", "phase:2"),
            lists: [`match:phase:${season}:2:ids`]
          })
        ],
        [
          `phase:event:${season}:28:*`,
          () => ({ ...nothing, phase: keys("phase", [1, 9]), lists: [`phase:event:${season}:28:ids`] })
        ],
        [
          "match:*",
          (revision) => ({
            ...nothing,
            match: all("match", revision.matches),
            standing: everyTable,
            lists: [
              ...revision.events.map(({ id }) => `match:event:${season}:${id}:ids`),
              ...revision.phases.map(({ id }) => `match:phase:${season}:${id}:ids`),
              ...revision.teams.map(({ id }) => `match:team:${season}:${id}:ids`),
              `match:season:${season}:ids`,
              `match:unscheduled:${season}:ids`
            ].toSorted()
          })
        ]
      ]
      it.effect.each(patterns)("the pattern %s reaches what it names and what read that", ([pattern, expected]) =>
        Effect.gen(function* () {
          const primary = yield* Effect.fromResult(Tag.parse(pattern))
          const { reached, revision } = yield* invalidate(primary, false)
          assert.deepStrictEqual(reached, expected(revision))
        })
      )

      it.effect("a batch of { primary, related, cascade } is one append, at one position", () =>
        Effect.gen(function* () {
          const manager = yield* CacheManager
          const events = yield* EventCache
          const teams = yield* TeamCache
          const phases = yield* PhaseCache
          const before = (yield* events.explain({ season, id: 1 })).position
          const { reached, value } = yield* reachedBy(
            manager.invalidate([
              { primary: phases.key({ season, id: 9 }), related: [events.key({ season, id: 5 })], cascade: true },
              { primary: events.key({ season, id: 7 }), related: [teams.key({ season, id: 4 })] }
            ])
          )
          assert.strictEqual(value, before + 1)
          assert.deepStrictEqual(reached.event, keys("event", [5, 7]))
          assert.deepStrictEqual(reached.phase, keys("phase", [9]))
          assert.deepStrictEqual(reached.team, keys("team", [4]))
          const explanations = yield* Effect.all([
            events.explain({ season, id: 5 }),
            events.explain({ season, id: 7 }),
            phases.explain({ season, id: 9 }),
            teams.explain({ season, id: 4 })
          ])
          assert.deepStrictEqual(
            explanations.map(({ invalidation }) => invalidation?.position),
            [value, value, value, value]
          )
        })
      )
    })

    describe("by an update", () => {
      it.effect("an update of an event that keeps its deadline reaches only the event", () =>
        Effect.gen(function* () {
          const events = yield* EventCache
          const id = { season, id: 28 }
          const { reached, value } = yield* reachedBy(
            Effect.flatMap(events.get(id), (event) => events.update(id, { ...event, averageScore: 61, isNext: false }))
          )
          assert.strictEqual(value._tag, "Updated")
          assert.deepStrictEqual(value._tag === "Updated" ? value.invalidated : [], [events.key(id)])
          assert.deepStrictEqual(reached, nothing)
          assert.strictEqual((yield* events.get(id)).averageScore, 61)
          yield* events.invalidate([id], { cascade: false })
        })
      )

      it.effect("a moved deadline cascades", () =>
        Effect.gen(function* () {
          const events = yield* EventCache
          const id = { season, id: 28 }
          const { reached, revision } = yield* reachedBy(
            Effect.flatMap(events.get(id), (event) => events.update(id, { ...event, deadline: event.deadline + day }))
          )
          assert.deepStrictEqual(reached, {
            event: [],
            phase: keys("phase", [1, 9]),
            team: all("team", revision.teams),
            match: matchesWhere(revision, ({ event }) => event === 28),
            standing: everyTable,
            lists: [`match:event:${season}:28:ids`, `phase:event:${season}:28:ids`]
          })
          yield* events.invalidate([id], { cascade: false })
        })
      )

      it.effect("an update that changes nothing reaches nothing", () =>
        Effect.gen(function* () {
          const events = yield* EventCache
          const id = { season, id: 28 }
          const { reached, value } = yield* reachedBy(
            Effect.flatMap(events.get(id), (event) => events.update(id, event))
          )
          assert.strictEqual(value._tag, "Unchanged")
          assert.deepStrictEqual(reached, nothing)
        })
      )

      it.effect.each([
        [29, 9],
        [31, 10]
      ] as const)("a moved match (28 → none → %i): its old and new gameweek and phases, and no other", ([to, phase]) =>
        Effect.gen(function* () {
          const matches = yield* MatchCache
          const manager = yield* CacheManager
          const scheduled = yield* revisionBefore28
          const before = scheduled.matches.find(({ event }) => event === 28)
          assert.isDefined(before)
          if (before === undefined) return
          const id = { season, id: before.id }
          const replaced = (after: typeof before): SeasonRevision.SeasonRevision => ({
            ...scheduled,
            matches: scheduled.matches.map((match) => (match.id === after.id ? after : match))
          })
          const postponed = { ...before, event: null, phases: [], kickoff: null }
          const placed = { ...before, event: to, phases: [1, phase] }

          /** What the sync does: the data first, then the change, which knows what was before. */
          const move = (from: typeof before, after: typeof before) =>
            reachedBy(
              Effect.gen(function* () {
                yield* seed(replaced(after))
                const changes = yield* matches.changes([{ id, value: Option.some(after), before: Option.some(from) }])
                const committed = yield* manager.commit(changes, { cause: "test" })
                assert.include(committed.invalidated, matches.key(id))
              }),
              replaced(from)
            )

          const away = yield* move(before, postponed)
          assert.deepStrictEqual(away.reached, {
            ...nothing,
            standing: tablesWith28,
            lists: [
              `match:event:${season}:28:ids`,
              `match:phase:${season}:1:ids`,
              `match:phase:${season}:9:ids`,
              `match:unscheduled:${season}:ids`
            ]
          })
          // Its own entry is invalidated and written anew in the same append.
          assert.deepStrictEqual(yield* matches.peek(id), Option.some(postponed))

          const back = yield* move(postponed, placed)
          assert.deepStrictEqual(back.reached, {
            ...nothing,
            // The table as of gameweek 28 counts so many matches that it depends on any: that reaches it too.
            standing: tables("overall", "home", "away", "asof:28", "phase:1", `phase:${phase}`),
            lists: [
              `match:event:${season}:${to}:ids`,
              `match:phase:${season}:1:ids`,
              `match:phase:${season}:${phase}:ids`,
              `match:unscheduled:${season}:ids`
            ].toSorted()
          })
          assert.deepStrictEqual(yield* matches.peek(id), Option.some(placed))
          assert.include(yield* EventMatches.use((lists) => lists.get({ season, id: to })), before.id)
          assert.notInclude(yield* EventMatches.use((lists) => lists.get({ season, id: 28 })), before.id)
          yield* matches.invalidate([id])
          yield* manager.invalidate({ primary: Tag.any("match", "members") })
        })
      )
    })
  })
}
