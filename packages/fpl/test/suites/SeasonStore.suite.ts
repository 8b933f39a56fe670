/**
 * What every database of seasons does, whatever keeps it: run over memory here, and over Postgres in `packages/store`.
 */
import { assert, layer } from "@effect/vitest"
import { Outbox, Tag } from "@letletme/cache"
import {
  Database,
  EventRepository,
  MatchRepository,
  type MemoryDatabase,
  revisionOf,
  type Season,
  SeasonRepository,
  SeasonRevision,
  SimulatedSeason,
  TeamRepository
} from "@letletme/fpl"
import { Deferred, Effect, Fiber, type Layer, Option } from "effect"
import { assembleAt } from "../simulated.ts"

const small = (season: Season.Season) => SimulatedSeason.make({ season, seed: 3, teams: 6 })
const simulatedRevision = (season: Season.Season) => {
  const simulated = small(season)
  return assembleAt(simulated, (simulated.start + simulated.end) / 2)
}

const saveAll = Effect.fnUntraced(function* (revision: SeasonRevision.SeasonRevision) {
  for (const { save } of yield* SeasonRevision.domains.tables) yield* save(revision)
})

const announcement = (name: string) => ({ tags: [Tag.of("match", name)], cause: name })
const causes = Effect.map(
  Outbox.use((outbox) => outbox.pending(1_000)),
  (rows) => rows.map(({ cause }) => cause)
)

/** Each test has a season of its own: the database may outlive it. */
export const suite = <E>(name: string, database: Layer.Layer<MemoryDatabase.SeasonStore, E>) => {
  layer(database, { excludeTestServices: true, timeout: "60 seconds" })(
    `the database of seasons over ${name}`,
    (it) => {
      it.effect("what is saved is found: by id, in the order asked for, and by season, in the order of ids", () =>
        Effect.gen(function* () {
          const season = "2031-32"
          const revision = yield* simulatedRevision(season)
          yield* saveAll(revision)
          for (const { entities, name: domain, rows } of yield* SeasonRevision.domains.tables) {
            const values = entities(revision)
            assert.isAbove(values.length, 2, domain)
            const all = yield* rows.ofSeason(season)
            assert.deepStrictEqual<ReadonlyArray<unknown>>(
              all,
              values.map((value) => ({ value, revision: revision.time }))
            )
            const ids = [values[2]?.id ?? 0, 9_999, values[0]?.id ?? 0].map((id) => ({ season, id }))
            const found = yield* rows.byIds(ids)
            assert.deepStrictEqual(found, [
              Option.fromUndefinedOr(all[2]),
              Option.none(),
              Option.fromUndefinedOr(all[0])
            ])
            assert.deepStrictEqual(yield* rows.byIds([]), [])
            assert.deepStrictEqual(yield* rows.byIds([{ season: "1992-93", id: 1 }]), [Option.none()])
          }
          assert.deepStrictEqual(yield* revisionOf(season), Option.none())
          yield* SeasonRepository.use((seasons) =>
            seasons.publish({ season, time: revision.time, checkedAt: revision.time, hash: "" })
          )
          assert.deepStrictEqual(yield* revisionOf(season), Option.some(revision))
        })
      )

      it.effect("matches are found by gameweek, phase and team, each once", () =>
        Effect.gen(function* () {
          const season = "2032-33"
          const revision = yield* simulatedRevision(season)
          const away = revision.matches.map((match) => (match.id === 4 ? { ...match, event: null, phases: [] } : match))
          yield* saveAll({ ...revision, matches: away })
          const matches = yield* MatchRepository
          const ids = (...numbers: ReadonlyArray<number>) => numbers.map((id) => ({ season, id }))
          const where = (holds: (match: (typeof away)[number]) => boolean) => away.filter(holds)
          assert.deepStrictEqual(
            yield* matches.naming(["event"], ids(1, 3)),
            where(({ event }) => event === 1 || event === 3)
          )
          assert.deepStrictEqual(
            yield* matches.naming(["phases"], ids(1, 2)),
            where(({ phases }) => phases.includes(1) || phases.includes(2))
          )
          assert.deepStrictEqual(
            yield* matches.naming(["home", "away"], ids(2, 5)),
            where((match) => [2, 5].includes(match.home) || [2, 5].includes(match.away))
          )
          assert.deepStrictEqual(yield* matches.naming(["event"], [{ season: "1992-93", id: 1 }]), [])
        })
      )

      it.effect("a row is replaced and removed; other seasons keep theirs", () =>
        Effect.gen(function* () {
          const [season, other] = ["2033-34", "2034-35"]
          const revision = yield* simulatedRevision(season)
          yield* saveAll(revision)
          yield* saveAll(yield* simulatedRevision(other))
          const teams = yield* TeamRepository
          const [first] = yield* teams.ofSeason(season)
          assert.isDefined(first)
          if (first === undefined) return
          const renamed = { value: { ...first.value, name: "O'Brien's \u{1f981} XI" }, revision: first.revision + 1 }
          yield* teams.save([renamed])
          yield* teams.remove([
            { season, id: 2 },
            { season, id: 9_999 }
          ])
          const ids = [1, 2].map((id) => ({ season, id }))
          assert.deepStrictEqual(yield* teams.byIds(ids), [Option.some(renamed), Option.none()])
          assert.strictEqual((yield* teams.ofSeason(other)).length, 6)
        })
      )

      it.effect("publications, deductions and the current season", () =>
        Effect.gen(function* () {
          const seasons = yield* SeasonRepository
          const season = "2035-36"
          assert.deepStrictEqual(yield* seasons.publication(season), Option.none())
          assert.deepStrictEqual(yield* seasons.deductions(season), {})
          const publication = { season, time: 1_900_000_000_000, checkedAt: 1_900_000_000_500, hash: "one" }
          yield* seasons.publish(publication)
          yield* seasons.publish({ ...publication, checkedAt: 1_900_000_001_000, hash: "two" })
          yield* seasons.makeCurrent(season)
          yield* seasons.deduct(season, { Everton: 8, "17": 4 })
          assert.deepStrictEqual(
            yield* seasons.publication(season),
            Option.some({ ...publication, checkedAt: 1_900_000_001_000, hash: "two" })
          )
          assert.deepStrictEqual(yield* seasons.current, Option.some(season))
          assert.deepStrictEqual(yield* seasons.deductions(season), { Everton: 8, "17": 4 })
          yield* seasons.makeCurrent("2036-37")
          yield* seasons.deduct(season, {})
          assert.deepStrictEqual(yield* seasons.current, Option.some("2036-37"))
          assert.deepStrictEqual(yield* seasons.deductions(season), {})
        })
      )

      it.effect("a transaction that fails leaves nothing, neither rows nor announcement", () =>
        Effect.gen(function* () {
          const database = yield* Database
          const outbox = yield* Outbox
          const seasons = yield* SeasonRepository
          const events = yield* EventRepository
          const season = "2037-38"
          const revision = yield* simulatedRevision(season)
          const before = yield* causes
          const attempt = Effect.gen(function* () {
            yield* saveAll(revision)
            yield* seasons.publish({ season, time: 1, checkedAt: 1, hash: "" })
            yield* outbox.put(announcement("never"))
            assert.strictEqual((yield* events.ofSeason(season)).length, revision.events.length)
            return yield* Effect.fail("no" as const)
          })
          assert.strictEqual(yield* Effect.flip(database.transaction(attempt)), "no")
          assert.deepStrictEqual(yield* events.ofSeason(season), [])
          assert.deepStrictEqual(yield* seasons.publication(season), Option.none())
          assert.deepStrictEqual(yield* causes, before)
        })
      )

      it.effect("an interrupted transaction leaves nothing, and lets the next one in", () =>
        Effect.gen(function* () {
          const database = yield* Database
          const seasons = yield* SeasonRepository
          const teams = yield* TeamRepository
          const season = "2038-39"
          const revision = yield* simulatedRevision(season)
          const hasWritten = yield* Deferred.make<void>()
          const fiber = yield* Effect.forkChild(
            database.transaction(
              Effect.gen(function* () {
                yield* seasons.lock(season)
                yield* saveAll(revision)
                yield* Deferred.succeed(hasWritten, undefined)
                return yield* Effect.never
              })
            )
          )
          yield* Deferred.await(hasWritten)
          yield* Fiber.interrupt(fiber)
          yield* database.transaction(seasons.lock(season))
          assert.deepStrictEqual(yield* teams.ofSeason(season), [])
        })
      )

      it.effect("a transaction in another undoes its own part, and is undone with the other", () =>
        Effect.gen(function* () {
          const database = yield* Database
          const seasons = yield* SeasonRepository
          const season = "2039-40"
          const publish = (hash: string) => seasons.publish({ season, time: 1, checkedAt: 1, hash })
          const hash = Effect.map(seasons.publication(season), (found) =>
            Option.getOrUndefined(Option.map(found, (one) => one.hash))
          )
          yield* database.transaction(
            Effect.gen(function* () {
              yield* publish("outer")
              yield* Effect.flip(database.transaction(Effect.andThen(publish("inner"), Effect.fail("no"))))
              assert.strictEqual(yield* hash, "outer")
            })
          )
          assert.strictEqual(yield* hash, "outer")
          const undone = Effect.andThen(database.transaction(publish("inner")), Effect.fail("no"))
          yield* Effect.flip(database.transaction(undone))
          assert.strictEqual(yield* hash, "outer")
        })
      )

      it.effect("writers of a season take turns, and are numbered in the order of their commits", () =>
        Effect.gen(function* () {
          const database = yield* Database
          const seasons = yield* SeasonRepository
          const season = "2040-41"
          const add = database.transaction(
            Effect.gen(function* () {
              const number = yield* seasons.lock(season)
              const { Everton = 0 } = yield* seasons.deductions(season)
              yield* Effect.yieldNow
              yield* seasons.deduct(season, { Everton: Everton + 1 })
              return { number, turn: Everton }
            })
          )
          const turns = yield* Effect.all(
            Array.from({ length: 8 }, () => add),
            { concurrency: "unbounded" }
          )
          const inOrder = turns.toSorted((a, b) => a.turn - b.turn)
          assert.deepStrictEqual(
            inOrder.map(({ turn }) => turn),
            [0, 1, 2, 3, 4, 5, 6, 7]
          )
          assert.deepStrictEqual(
            turns.toSorted((a, b) => a.number - b.number),
            inOrder
          )
        })
      )

      it.effect("a reading sees one state, and tells whether all of it is announced", () =>
        Effect.gen(function* () {
          const database = yield* Database
          const outbox = yield* Outbox
          const seasons = yield* SeasonRepository
          const season = "2041-42"
          for (const { id } of yield* outbox.pending(1_000)) yield* outbox.delivered([id], 1_000)
          const settled = yield* database.reading(seasons.publication(season))
          assert.deepStrictEqual(settled.value, Option.none())
          assert.isFalse(settled.isPending)
          const id = yield* database.transaction(
            Effect.andThen(
              seasons.publish({ season, time: 1, checkedAt: 1, hash: "" }),
              outbox.put(announcement("a publication"))
            )
          )
          const pending = yield* database.reading(seasons.publication(season))
          assert.isTrue(Option.isSome(pending.value))
          assert.isTrue(pending.isPending)
          yield* outbox.delivered([id], 1_795_436_486_995_765)
          const announced = yield* database.reading(seasons.publication(season))
          assert.deepInclude(announced, { isPending: false, position: 1_795_436_486_995_765 })
        })
      )

      it.effect("what is committed while a reading is under way is not seen by it", () =>
        Effect.gen(function* () {
          const database = yield* Database
          const seasons = yield* SeasonRepository
          const season = "2042-43"
          const isReading = yield* Deferred.make<void>()
          const isCommitted = yield* Deferred.make<void>()
          const reading = yield* Effect.forkChild(
            database.reading(
              Effect.gen(function* () {
                const before = yield* seasons.deductions(season)
                yield* Deferred.succeed(isReading, undefined)
                yield* Deferred.await(isCommitted)
                return [before, yield* seasons.deductions(season)]
              })
            )
          )
          yield* Deferred.await(isReading)
          // One connection has to be given back before another transaction begins: then the commit comes after.
          yield* Effect.forkChild(
            Effect.andThen(seasons.deduct(season, { Everton: 10 }), Deferred.succeed(isCommitted, undefined))
          )
          yield* Effect.timeoutOption(Deferred.await(isCommitted), "100 millis")
          yield* Deferred.succeed(isCommitted, undefined)
          assert.deepStrictEqual((yield* Fiber.join(reading)).value, [{}, {}])
        })
      )
    }
  )
}
