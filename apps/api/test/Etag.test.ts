import { assert, describe, layer } from "@effect/vitest"
import { CacheManager, Tag } from "@letletme/cache"
import {
  DeductionWorkflow,
  MatchRepository,
  MatchWorkflow,
  SeasonRepository,
  Standing,
  TeamRepository,
  TeamWorkflow
} from "@letletme/fpl"
import { Effect, Option, Schema } from "effect"
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib"
import { address, ask, json, type Response, season, served } from "./stack.ts"

const Id = Schema.Literals([1, 2, 3])
const Goals = Schema.Literals([0, 1, 2])

/** What may happen: updates of a few things, invalidations without a change, and reads with and without a condition. */
const Step = Schema.Union([
  Schema.TaggedStruct("Rename", { team: Id, name: Schema.Literals(["Ashford", "Burnley", "Corby"]) }),
  Schema.TaggedStruct("Score", { match: Id, home: Goals, away: Goals }),
  Schema.TaggedStruct("Deduct", { points: Goals }),
  Schema.TaggedStruct("Invalidate", { tag: Schema.Literals(["team", "match", "standing", "other"]) }),
  Schema.TaggedStruct("Read", {
    path: Schema.Literals(["/teams", "/teams/1", "/matches/1", "/table", "/table/home"]),
    coding: Schema.Literals(["identity", "gzip", "br", "zstd"]),
    isConditional: Schema.Boolean
  })
])
type Read = Extract<typeof Step.Type, { readonly _tag: "Read" }>

const values = <A>(rows: ReadonlyArray<{ readonly value: A }>) => rows.map(({ value }) => value)

/** What the database says that the answer has to be. */
const truth = Effect.fnUntraced(function* (path: Read["path"]) {
  const teams = yield* TeamRepository
  const matches = yield* MatchRepository
  const seasons = yield* SeasonRepository
  const id = { season, id: 1 }
  switch (path) {
    case "/teams":
      return values(yield* teams.ofSeason(season))
    case "/teams/1":
      return (yield* teams.byIds([id])).flatMap(Option.toArray)[0]?.value
    case "/matches/1":
      return (yield* matches.byIds([id])).flatMap(Option.toArray)[0]?.value
    case "/table":
    case "/table/home":
      return Standing.compute({
        season,
        scope: path === "/table" ? { _tag: "Overall" } : { _tag: "Home" },
        teams: values(yield* teams.ofSeason(season)),
        matches: values(yield* matches.ofSeason(season)),
        deductions: yield* seasons.deductions(season)
      })
  }
})

const unpack = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync }

const unpacked = (response: Response): Response => {
  const coding = response.headers["content-encoding"]
  return coding === "gzip" || coding === "br" || coding === "zstd"
    ? { ...response, bytes: unpack[coding](response.bytes) }
    : response
}

const decode = Schema.decodeUnknownEffect(Schema.Struct({ data: Schema.Unknown, revision: Schema.Int }))

describe("ETag", () => {
  layer(served, { excludeTestServices: true })((it) => {
    // All that was ever answered, over all sequences.
    const answered = new Map<string, { readonly bytes: string; readonly data: unknown }>()
    const lastOf = new Map<string, string>()

    const judge = Effect.fnUntraced(function* ({ coding, isConditional, path }: Read, response: Response) {
      const etag = String(response.headers["etag"])
      const expected = yield* truth(path)
      if (response.status === 304) {
        // Who is told that nothing has changed holds what is true now.
        assert.isTrue(isConditional)
        assert.strictEqual(etag, lastOf.get(`${path} ${coding}`))
        return assert.deepStrictEqual(answered.get(etag)?.data, expected)
      }
      assert.strictEqual(response.status, 200)
      if (isConditional) assert.notStrictEqual(etag, lastOf.get(`${path} ${coding}`))
      const bytes = response.bytes.toString("latin1")
      const before = answered.get(etag)
      // One name, one sequence of bytes.
      if (before !== undefined) assert.strictEqual(bytes, before.bytes)
      const { data } = yield* decode(json(unpacked(response)))
      assert.deepStrictEqual(data, expected)
      answered.set(etag, { bytes, data })
      lastOf.set(`${path} ${coding}`, etag)
    })

    const take = Effect.fnUntraced(function* (base: string, step: typeof Step.Type) {
      switch (step._tag) {
        case "Rename": {
          const name = `${step.name} ${step.team}`
          return yield* TeamWorkflow.use(({ update }) => update(season, [{ id: step.team, set: { name } }]))
        }
        case "Score": {
          const set = { homeScore: step.home, awayScore: step.away }
          return yield* MatchWorkflow.use(({ update }) => update(season, [{ id: step.match, set }]))
        }
        case "Deduct": {
          const [team] = values(yield* TeamRepository.use((teams) => teams.ofSeason(season)))
          const points = { [`${team?.code}`]: step.points }
          return yield* DeductionWorkflow.use(({ update }) => update(season, points))
        }
        case "Invalidate":
          return yield* CacheManager.use(({ invalidate }) => invalidate({ primary: Tag.any(step.tag) }))
        case "Read": {
          const last = lastOf.get(`${step.path} ${step.coding}`)
          const isConditional = step.isConditional && last !== undefined
          const headers = { "accept-encoding": step.coding, ...(isConditional ? { "if-none-match": last } : {}) }
          return yield* judge({ ...step, isConditional }, yield* ask(base, step.path, { headers }))
        }
      }
    })

    it.effect.prop(
      "the same tag is the same bytes, what changed has another, and 304 says that nothing did",
      [Schema.Array(Step).pipe(Schema.check(Schema.isMinLength(8), Schema.isMaxLength(40)))],
      ([steps]) =>
        Effect.flatMap(address, (base) => Effect.forEach(steps, (step) => take(base, step), { discard: true })),
      { arbitrary: { runs: 40 } }
    )

    it.effect("under constant change nobody is told what was changed before they asked", () =>
      Effect.gen(function* () {
        const base = yield* address
        const updates = 25
        const progress = { acknowledged: 0 }
        const update = Effect.gen(function* () {
          for (let next = 1; next <= updates; next++) {
            yield* TeamWorkflow.use(({ update: rename }) => rename(season, [{ id: 5, set: { name: `Name ${next}` } }]))
            progress.acknowledged = next
            assert.include((yield* ask(base, "/teams/5")).bytes.toString(), `"Name ${next}"`)
          }
        })
        yield* TeamWorkflow.use(({ update: rename }) => rename(season, [{ id: 5, set: { name: "Name 0" } }]))
        const known = new Map<string, number>()
        const read = (path: string) =>
          Effect.gen(function* () {
            let etag: string | undefined
            while (progress.acknowledged < updates) {
              const before = progress.acknowledged
              const response = yield* ask(base, path, etag === undefined ? {} : { headers: { "if-none-match": etag } })
              if (response.status === 200) {
                etag = String(response.headers["etag"])
                known.set(etag, Number(/"Name (\d+)"/.exec(response.bytes.toString())?.[1]))
              }
              assert.isAtLeast(known.get(etag ?? "") ?? Number.NaN, before)
            }
          })
        const readers = ["/teams", "/teams/5", "/table", "/teams", "/teams/5", "/table"].map(read)
        yield* Effect.all([update, ...readers], { concurrency: "unbounded" })
        assert.isAtLeast(known.size, 10)
      })
    )
  })
})
