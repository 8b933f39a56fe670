import { assert, describe, it } from "@effect/vitest"
import { RedisServer } from "@letletme/testing"
import { Effect, Schema } from "effect"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { run } from "./process.ts"

const data = process.env["LETLETME_FPL_DATA"] ?? join(import.meta.dirname, "../../../../shared/fpl")
const hasRealData = existsSync(join(data, "seasons"))
if (!hasRealData) console.warn(`No real FPL data at ${data}: replays of real seasons are skipped.`)

const Keys = Schema.Array(Schema.String)
const Replay = Schema.fromJsonString(
  Schema.Struct({
    table: Schema.Array(Schema.Unknown),
    snapshots: Schema.Array(
      Schema.Struct({
        outcome: Schema.Literals(["initial", "published", "unchanged", "superseded"]),
        changed: Schema.Struct({ event: Keys, phase: Keys, team: Keys, match: Keys }),
        invalidated: Keys,
        unchangedInvalidated: Keys,
        reloaded: Schema.Array(Schema.Struct({ stage: Schema.String, keys: Keys }))
      })
    )
  })
)
const decode = Schema.decodeUnknownEffect(Replay)
const tableOf = (season: string) =>
  Schema.decodeSync(Schema.fromJsonString(Schema.Struct({ table: Schema.Array(Schema.Unknown) })))(
    readFileSync(join(data, "tables", `${season}.json`), "utf8")
  ).table

const replay = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const { code, stderr, stdout } = yield* run(["replay", ...args, "--json"])
  assert.strictEqual(code, 0, stderr)
  return yield* decode(stdout)
})

const entity = /^(?:event|phase|team|match):\d{4}-\d{2}:\d+$/

const holds = ({ snapshots }: typeof Replay.Type) => {
  for (const { changed, invalidated, unchangedInvalidated } of snapshots) {
    assert.deepStrictEqual(unchangedInvalidated, [])
    // Of the entities themselves just those are invalidated that changed.
    const own = invalidated.filter((tag) => entity.test(tag))
    assert.deepStrictEqual(own.toSorted(), Object.values(changed).flat().toSorted())
  }
}

describe.skipIf(!hasRealData)("replay of real data (needs LETLETME_FPL_DATA or shared/fpl)", () => {
  const timeline = join(data, "timeline/2021-22")

  it.live("2021-22 over Redis: every snapshot in order, the published table at the end; and again", () =>
    Effect.gen(function* () {
      const { url } = yield* RedisServer
      const first = yield* replay(timeline, "--store", url)
      assert.strictEqual(first.snapshots.length, readdirSync(timeline).length)
      assert.deepStrictEqual(first.table, tableOf("2021-22"))
      holds(first)
      const again = yield* replay(timeline, "--store", url)
      assert.deepStrictEqual(again.table, first.table)
      assert.strictEqual(again.snapshots.at(-1)?.outcome, "unchanged")
      assert.isTrue(again.snapshots.slice(0, -1).every(({ outcome }) => outcome === "superseded"))
    }).pipe(Effect.provide(RedisServer.layer))
  )

  it.live("2021-22 in memory", () =>
    Effect.gen(function* () {
      const replayed = yield* replay(timeline)
      assert.deepStrictEqual(replayed.table, tableOf("2021-22"))
      holds(replayed)
    })
  )

  for (const season of hasRealData ? readdirSync(join(data, "seasons")) : []) {
    it.live(`${season}: the table of the final data`, () =>
      Effect.gen(function* () {
        const file = join(data, "tables", `${season}.json`)
        const { table } = yield* replay(join(data, "seasons", season), "--deductions", file)
        assert.deepStrictEqual(table, tableOf(season))
      })
    )
  }

  for (const name of hasRealData ? readdirSync(join(data, "timeline")).filter((each) => each !== "2021-22") : []) {
    it.live(`${name}: what did not change appends nothing`, () =>
      Effect.gen(function* () {
        const replayed = yield* replay(join(data, "timeline", name))
        holds(replayed)
        const unchanged = replayed.snapshots.filter(({ outcome }) => outcome === "unchanged")
        assert.isNotEmpty(unchanged)
        for (const { invalidated, reloaded } of unchanged) assert.deepStrictEqual([invalidated, reloaded], [[], []])
      })
    )
  }
})
