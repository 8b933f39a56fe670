import { assert, describe, it } from "@effect/vitest"
import { main } from "@letletme/examples/start"
import { Effect } from "effect"
import { TestConsole } from "effect/testing"

describe("the start", () => {
  it.effect("loads what nobody has asked for, and what was invalidated", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* main, { id: 1, name: "User 1" })
      assert.deepStrictEqual(yield* TestConsole.logLines, ["loading 1", "loading 1"])
    })
  )
})
