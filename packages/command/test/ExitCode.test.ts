import { assert, it } from "@effect/vitest"
import { ExitCode } from "@letletme/command"
import { Effect } from "effect"
import { readFile } from "node:fs/promises"
import { join } from "node:path"

it.effect("the table in the docs has each exit code, and no other", () =>
  Effect.gen(function* () {
    const page = yield* Effect.promise(() => readFile(join(import.meta.dirname, "../../../docs/cli.md"), "utf8"))
    const stated = Array.from(page.matchAll(/^\| +(\d+) \| (.+?) +\|$/gm), ([, code]) => Number(code))
    assert.deepStrictEqual(
      stated,
      Object.values(ExitCode).toSorted((a, b) => a - b)
    )
  })
)
