import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Schedule, Schema } from "effect"
import { spawn } from "node:child_process"
import { join } from "node:path"
import * as Report from "@letletme/chaos/Report"
import * as Run from "@letletme/chaos/Run"

const faults = [
  "Redis killed, back empty",
  "Connections reset",
  "One process cut off",
  "Reader killed",
  "Writer killed"
]

describe("a short run", () => {
  it.live(
    "breaks no promise, and all is well again after each fault",
    () =>
      Effect.gen(function* () {
        const settings = { ...Run.defaults, minutes: 0.2, readsPerSecond: 2_000, writers: 1, readers: 2, faults }
        const outcome = yield* Run.run(settings, () => Effect.void)
        const report = Report.make(outcome)
        assert.deepStrictEqual(report.firstViolations, [])
        assert.isAbove(report.reads, 5_000)
        assert.isAbove(report.acknowledged, 50)
        for (const name of faults) assert.isAtLeast(report.faults[name]?.count ?? 0, 1, name)
        assert.isAbove(report.whileRedisIsAway.reads, 100)
        assert.include(Report.toText(report), "No promise was broken.")
      }).pipe(Effect.scoped),
    60_000
  )
})

/** The command as a process of a group of its own, so that what it leaves behind can be found. */
const command = (args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(
          process.execPath,
          ["--conditions=@letletme/source", join(import.meta.dirname, "../src/main.ts"), ...args],
          {
            stdio: ["ignore", "pipe", "pipe"],
            detached: true
          }
        )
      ),
      (running) => Effect.ignore(Effect.try(() => process.kill(-(running.pid ?? 0), "SIGKILL")))
    )
    let stdout = ""
    let stderr = ""
    const begun = yield* Deferred.make<void>()
    const ended = yield* Deferred.make<number>()
    child.stdout.on("data", (data: Buffer) => {
      stdout += data.toString()
    })
    child.stderr.on("data", (data: Buffer) => {
      stderr += data.toString()
      if (stderr.includes("reads checked")) Deferred.doneUnsafe(begun, Effect.void)
    })
    child.on("close", (code) => Deferred.doneUnsafe(ended, Effect.succeed(code ?? -1)))
    // A signal to a group that has no process fails.
    const isGone = Effect.flip(Effect.try(() => process.kill(-(child.pid ?? 0), 0)))
    return {
      begun: Deferred.await(begun),
      ended: Deferred.await(ended),
      stdout: Effect.sync(() => stdout),
      stderr: Effect.sync(() => stderr),
      interrupt: Effect.sync(() => child.kill("SIGINT")),
      isGone: Effect.retry(isGone, { schedule: Schedule.spaced("20 millis"), times: 250 })
    }
  })

const Document = Schema.fromJsonString(
  Schema.Struct({ reads: Schema.Int, violations: Schema.Int, faults: Schema.Record(Schema.String, Schema.Unknown) })
)

describe("the command", () => {
  it.live(
    "answers one document, and leaves nothing behind",
    () =>
      Effect.gen(function* () {
        const run = yield* command(["--minutes", "0.05", "--rate", "1000", "--faults", "FLUSHALL", "--json"])
        const code = yield* run.ended
        const document = yield* Schema.decodeEffect(Document)(yield* run.stdout)
        assert.strictEqual(code, document.violations === 0 ? 0 : 1)
        assert.isAbove(document.reads, 100)
        assert.deepStrictEqual(Object.keys(document.faults), ["FLUSHALL"])
        yield* run.isGone
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "ends at Ctrl-C with all that it started",
    () =>
      Effect.gen(function* () {
        const run = yield* command(["--rate", "1000", "--faults", "stopped"])
        yield* run.begun
        yield* run.interrupt
        assert.strictEqual(yield* run.ended, 130)
        yield* run.isGone
      }).pipe(Effect.scoped),
    60_000
  )

  it.live("names the faults where a flag names none", () =>
    Effect.gen(function* () {
      const run = yield* command(["--faults", "rain"])
      assert.strictEqual(yield* run.ended, 1)
      assert.include(yield* run.stderr, "Redis killed, back empty")
    }).pipe(Effect.scoped)
  )
})
