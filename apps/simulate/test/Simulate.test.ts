import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { faults } from "../src/Fault.ts"

const main = new URL("../src/main.ts", import.meta.url).pathname

/** Runs the command, and answers what it printed and with which code it ended. */
const simulate = (...args: ReadonlyArray<string>) =>
  Effect.callback<{ readonly code: number; readonly out: string; readonly err: string }>((resume) => {
    const child = execFile(
      process.execPath,
      ["--conditions=@letletme/source", main, ...args],
      { maxBuffer: 64 * 1024 * 1024 },
      (_, out, err) => resume(Effect.succeed({ code: child.exitCode ?? -1, out, err }))
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })

const Summary = Schema.fromJsonString(
  Schema.Struct({ seeds: Schema.Int, reads: Schema.Int, broken: Schema.Array(Schema.Struct({ seed: Schema.Int })) })
)
const Bites = Schema.fromJsonString(
  Schema.Struct({ faults: Schema.Array(Schema.Struct({ name: Schema.String, seeds: Schema.optionalKey(Schema.Int) })) })
)
const Story = Schema.fromJsonString(
  Schema.Struct({
    violations: Schema.Array(Schema.Struct({ promise: Schema.String })),
    steps: Schema.Tuple([Schema.Int, Schema.Int]),
    trace: Schema.Array(Schema.String)
  })
)

describe("simulate", () => {
  it.live(
    "2,000 seeds break no promise",
    () =>
      Effect.gen(function* () {
        const { code, err, out } = yield* simulate("--seeds", "2000", "--json")
        const { broken, reads, seeds } = yield* Schema.decodeEffect(Summary)(out)
        assert.deepStrictEqual(
          { broken, code, err: code === 0 ? "" : err, seeds },
          { broken: [], code: 0, err: "", seeds: 2_000 }
        )
        assert.isAbove(reads, 40_000)
      }),
    400_000
  )

  it.live(
    "a fault is caught, and its story is short",
    () =>
      Effect.gen(function* () {
        const caught = yield* simulate("--fault", "near-unchecked", "--seeds", "200", "--json")
        const [bite] = (yield* Schema.decodeEffect(Bites)(caught.out)).faults
        assert.deepStrictEqual([caught.code, bite?.name], [0, "near-unchecked"])
        const seed = `${bite?.seeds}`
        const told = yield* simulate("--fault", "near-unchecked", "--seed", seed, "--json")
        const story = yield* Schema.decodeEffect(Story)(told.out)
        assert.strictEqual(told.code, 1)
        assert.isAtLeast(story.violations.length, 1)
        assert.isBelow(story.steps[1], story.steps[0] / 2)
        assert.isTrue(story.trace.some((line) => line.includes("BROKEN")))
        const again = yield* simulate("--fault", "near-unchecked", "--seed", seed, "--json")
        assert.strictEqual(again.out, told.out)
      }),
    120_000
  )

  it.live(
    "a fault that is not caught, or not known, ends with 1",
    () =>
      Effect.gen(function* () {
        const missed = yield* simulate("--fault", "restart-trusted", "--seeds", "1")
        assert.strictEqual(missed.code, 1)
        assert.include(missed.out, "NOT CAUGHT")
        const unknown = yield* simulate("--fault", "no-such-fault")
        assert.strictEqual(unknown.code, 1)
        assert.include(unknown.err, "near-unchecked")
      }),
    120_000
  )

  it("every fault fits the code that is shipped, in one place", () => {
    assert.isAtLeast(faults.length, 20)
    const packages = new URL("../../../packages/", import.meta.url)
    for (const { edits, name } of faults) {
      for (const { file, find } of edits) {
        const places = readFileSync(new URL(file, packages), "utf8").split(find).length - 1
        assert.deepStrictEqual({ name, file, places }, { name, file, places: 1 })
      }
    }
  })
})
