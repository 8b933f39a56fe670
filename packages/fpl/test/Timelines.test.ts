import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { assert, describe, it } from "@effect/vitest"
import { type Domain, InvalidationLog, Tag } from "@letletme/cache"
import {
  EventCache,
  EventMatches,
  MatchCache,
  PhaseCache,
  RecordedSource,
  SeasonMatches,
  type SeasonRevision,
  SeasonSync,
  Standing,
  StandingCache,
  type StandingId,
  TeamCache,
  TeamMatches,
  UnscheduledMatches
} from "@letletme/fpl"
import { Effect, Equal, Layer, Option } from "effect"
import { hasRealData, timelineFolder, timelineNames } from "./data.ts"
import { tiers } from "./tiers.ts"

const files = Layer.merge(NodeFileSystem.layer, NodePath.layer)

type Revision = SeasonRevision.SeasonRevision

const tablesOf = ({ phases, season }: Revision): ReadonlyArray<StandingId> => [
  { season, scope: { _tag: "Overall" } },
  { season, scope: { _tag: "Home" } },
  ...phases.map(({ id }): StandingId => ({ season, scope: { _tag: "Phase", phase: id } })),
  { season, scope: { _tag: "AsOf", event: 20 } }
]

/** The keys of the entities that are not the same in both, by what is kept of them. */
const differing = (before: Revision, after: Revision): ReadonlyArray<string> => {
  const keys: Array<string> = []
  for (const [kind, old, entities] of [
    ["event", before.events, after.events],
    ["phase", before.phases, after.phases],
    ["team", before.teams, after.teams],
    ["match", before.matches, after.matches]
  ] as const) {
    const known = new Map<number, unknown>(old.map((entity) => [entity.id, entity]))
    for (const entity of entities) {
      if (!Equal.equals(known.get(entity.id), entity)) keys.push(`${kind}:${after.season}:${entity.id}`)
      known.delete(entity.id)
    }
    for (const id of known.keys()) keys.push(`${kind}:${after.season}:${id}`)
  }
  return keys.toSorted()
}

/** Every entity, list and table that readers get is what the revision says, computed from scratch. */
const isAsFromScratch = Effect.fnUntraced(function* (revision: Revision) {
  const { events, matches, phases, season, teams } = revision
  const check = Effect.fnUntraced(function* <A extends { readonly id: number; readonly season: string }, E>(
    cache: Domain.Domain<{ readonly season: string; readonly id: number }, A, E>,
    entities: ReadonlyArray<A>
  ) {
    const found = yield* cache.getMany(entities.map(({ id }) => ({ season, id })))
    assert.deepStrictEqual(found.map(Option.getOrUndefined), [...entities])
  })
  yield* check(yield* EventCache, events)
  yield* check(yield* PhaseCache, phases)
  yield* check(yield* TeamCache, teams)
  yield* check(yield* MatchCache, matches)
  const idsWhere = (holds: (match: Revision["matches"][number]) => boolean) => matches.filter(holds).map(({ id }) => id)
  assert.deepStrictEqual(
    yield* SeasonMatches.use((lists) => lists.get(season)),
    idsWhere(() => true)
  )
  assert.deepStrictEqual(
    yield* UnscheduledMatches.use((lists) => lists.get(season)),
    idsWhere(({ event }) => event === null)
  )
  const byEvent = yield* EventMatches.use((lists) => lists.getMany(events.map(({ id }) => ({ season, id }))))
  assert.deepStrictEqual(
    byEvent.map(Option.getOrUndefined),
    events.map(({ id }) => idsWhere(({ event }) => event === id))
  )
  const byTeam = yield* TeamMatches.use((lists) => lists.getMany(teams.map(({ id }) => ({ season, id }))))
  assert.deepStrictEqual(
    byTeam.map(Option.getOrUndefined),
    teams.map(({ id }) => idsWhere(({ away, home }) => home === id || away === id))
  )
  const tables = yield* StandingCache.use((cache) => cache.getMany(tablesOf(revision)))
  assert.deepStrictEqual(
    tables.map(Option.getOrUndefined),
    tablesOf(revision).map(({ scope }) => Standing.compute({ ...revision, scope, deductions: {} }))
  )
})

const entity = /^(?:event|phase|team|match):\d{4}-\d{2}:\d+$/

describe.skipIf(!hasRealData)("real timelines (need LETLETME_FPL_DATA or shared/fpl)", () => {
  for (const name of timelineNames) {
    it.live(
      `${name}: after every snapshot the caches are as if computed from scratch, and just what changed is invalidated`,
      () =>
        Effect.gen(function* () {
          const snapshots = yield* RecordedSource.list(timelineFolder(name))
          const season = snapshots[0]?.season ?? ""
          const replay = Effect.gen(function* () {
            const { publish } = yield* SeasonSync
            const log = yield* InvalidationLog
            const standings = yield* StandingCache
            const counts = { steps: 0, unchanged: 0, changed: 0 }
            let previous: Revision | undefined
            for (const recorded of snapshots) {
              const revision: Revision = yield* recorded.load(previous)
              const before = (yield* log.sync(0)).head
              const { changed, invalidated, outcome } = yield* publish(revision)
              if (previous !== undefined) {
                counts.steps++
                const expected = differing(previous, revision)
                const keys: ReadonlyArray<string> = Object.values(changed).flat().toSorted()
                assert.deepStrictEqual(keys, expected)
                assert.deepStrictEqual<ReadonlyArray<string>>(
                  invalidated.filter((tag) => entity.test(tag)).toSorted(),
                  expected
                )
                counts.changed += expected.length
                if (expected.length === 0) {
                  counts.unchanged++
                  assert.strictEqual(outcome, "unchanged")
                  assert.strictEqual((yield* log.sync(0)).head, before)
                  const conditions = yield* standings.inspect(tablesOf(revision))
                  assert.isTrue(conditions.every((condition) => condition === "fresh"))
                } else assert.strictEqual((yield* log.sync(0)).head, before + 1)
                // Tables go where something that they show has changed, and nowhere else.
                const played = (match: Revision["matches"][number]) => expected.includes(`match:${season}:${match.id}`)
                const all = [...previous.matches, ...revision.matches].filter(played)
                const isRenamed = keys.some((key) => key.startsWith("team:"))
                const isMoved = invalidated.some((tag) => tag.startsWith("match:event:") && Tag.isPattern(tag))
                if (!isRenamed && !isMoved) {
                  for (const id of tablesOf(revision)) {
                    const { scope } = id
                    if (scope._tag !== "Phase" || all.some(({ phases }) => phases.includes(scope.phase))) continue
                    if (keys.includes(`phase:${season}:${scope.phase}`)) continue
                    assert.deepStrictEqual(yield* standings.inspect([id]), ["fresh"])
                  }
                }
              }
              yield* isAsFromScratch(revision)
              previous = revision
            }
            return counts
          })
          const app = SeasonSync.layer.pipe(Layer.provideMerge(tiers(season).memory))
          const counts = yield* Effect.provide(replay, app)
          assert.strictEqual(counts.steps, snapshots.length - 1)
          // Of 100 entities of the API's that change, some do so in fields that nobody uses.
          if (name === "2025-26-dense-gw32") {
            assert.deepStrictEqual([counts.steps, counts.unchanged], [34, 15])
            assert.isAtMost(counts.changed, 100)
            assert.isAbove(counts.changed, 60)
          }
        }).pipe(Effect.provide(files))
    )
  }
})
