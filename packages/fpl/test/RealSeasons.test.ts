import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { assert, describe, it } from "@effect/vitest"
import { Match, RecordedSource, type SeasonRevision, Standing } from "@letletme/fpl"
import { Effect, Layer, Schema } from "effect"
import { hasRealData, readTable, seasonFolder, seasonNames, timelineFolder, timelineNames } from "./data.ts"

const files = Layer.merge(NodeFileSystem.layer, NodePath.layer)

const Table = Schema.Struct({
  deductions: Schema.Record(Schema.String, Schema.Int),
  table: Schema.Array(Schema.Unknown)
})

describe.skipIf(!hasRealData)("real seasons (needs LETLETME_FPL_DATA or shared/fpl)", () => {
  for (const season of seasonNames) {
    it.effect(`${season}: the table computed from matches is the published one`, () =>
      Effect.gen(function* () {
        const [recorded] = yield* RecordedSource.list(seasonFolder(season))
        assert.isDefined(recorded)
        if (recorded === undefined) return
        const revision = yield* recorded.load()
        const { deductions, table } = yield* Schema.decodeUnknownEffect(Table)(readTable(season))
        const standing = Standing.compute({ ...revision, scope: { _tag: "Overall" }, deductions })
        assert.deepStrictEqual(standing.rows.map(Standing.toPublished), table)
        assert.isFalse(standing.provisional)
      }).pipe(Effect.provide(files))
    )
  }

  for (const name of timelineNames) {
    it.effect(`${name}: every snapshot is coherent, and follows the one before it`, () =>
      Effect.gen(function* () {
        let previous: SeasonRevision.SeasonRevision | undefined
        let moved = 0
        for (const recorded of yield* RecordedSource.list(timelineFolder(name))) {
          const revision: SeasonRevision.SeasonRevision = yield* recorded.load(previous)
          const events = new Map(previous?.matches.map(({ event, id }) => [id, event]))
          for (const { event, id } of revision.matches) if (events.has(id) && events.get(id) !== event) moved++
          for (const match of revision.matches) assert.strictEqual(match.event === null, match.phases.length === 0)
          previous = revision
        }
        if (name === "2021-22") assert.isAbove(moved, 0)
        assert.isTrue(previous?.matches.some((match) => Match.status(match) === "final"))
      }).pipe(Effect.provide(files))
    )
  }
})
