import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Instruments from "@letletme/api/Instruments"
import { Meter } from "@letletme/cache"
import { Effect, FileSystem } from "effect"
import { join } from "node:path"

const page = join(import.meta.dirname, "../../../docs/observability.md")

/** A row of the page: name for Prometheus, name for OpenTelemetry, kind, unit, labels, meaning. */
const rowOf = (one: Meter.Instrument): ReadonlyArray<string> => [
  `\`${Meter.prometheusName(one)}\``,
  `\`${one.name}\``,
  one.kind,
  `\`${one.unit}\``,
  one.labels.map((label) => `\`${label}\``).join(", "),
  one.description
]

describe("the metrics of cache, warmer and API", () => {
  it.effect("are those that the page lists, in its order, with unit and meaning", () =>
    Effect.gen(function* () {
      const text = yield* FileSystem.FileSystem.use((files) => files.readFileString(page))
      const rows = text
        .split("\n")
        .filter((line) => /^\| `[a-z0-9_]+` +\| `[a-z0-9.]+` +\|/.test(line))
        .map((line) =>
          line
            .split("|")
            .slice(1, -1)
            .map((cell) => cell.trim())
        )
      assert.deepStrictEqual(rows, Instruments.all.map(rowOf))
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
