/**
 * The chaos run as a command: see `docs/chaos.md`.
 */
import { Main } from "@letletme/command"
import { Console, Effect, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as Report from "./Report.ts"
import * as Run from "./Run.ts"

/** A promise was broken: the report says which. */
class Broken extends Schema.TaggedError<Broken>()("Broken", { count: Schema.Int }) {
  override get message(): string {
    return `${this.count} violations. The same --seed gives the same faults in the same order.`
  }
}

/** The flag names no fault. */
class NoFault extends Schema.TaggedError<NoFault>()("NoFault", {
  text: Schema.String,
  names: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `--faults: no fault's name contains "${this.text}". Faults: ${this.names.join("; ")}.`
  }
}

const isTerminal = process.stderr.isTTY
const secondsPerLine = 10

/** Tells how it stands: in one line of a terminal, or every ten seconds in a log. */
const makeProgress = (seconds: number) => {
  let lines = 0
  let before = 0
  return (progress: Run.Progress): Effect.Effect<void> => {
    const rate = Math.max(0, progress.judged - before)
    before = progress.judged
    const text =
      `${progress.seconds.toFixed(0)} of ${seconds.toFixed(0)} s, ${progress.judged} reads checked (${rate}/s), ` +
      `${progress.acknowledged} writes, ${progress.inflicted} faults, ${progress.violations} violations`
    if (isTerminal) {
      return Effect.sync(() => {
        process.stderr.write(`\r\u001b[K${text}; ${progress.during}`)
      })
    }
    return lines++ % secondsPerLine === 0 ? Effect.logInfo(text) : Effect.void
  }
}

const chaos = Command.make(
  "chaos",
  {
    topology: Flag.Literals("topology", ["standalone", "sentinel", "cluster"]).pipe(
      Flag.withDescription("How the servers stand to one another"),
      Flag.withDefault(Run.defaults.topology)
    ),
    minutes: Flag.Finite("minutes").pipe(
      Flag.withSchema(Schema.Finite.pipe(Schema.check(Schema.isBetween({ minimum: 0.05, maximum: 24 * 60 })))),
      Flag.withDescription("How long faults are inflicted"),
      Flag.withDefault(Run.defaults.minutes)
    ),
    seed: Flag.Int("seed").pipe(
      Flag.withDescription("Which faults, in which order and of which length"),
      Flag.withDefault(Run.defaults.seed)
    ),
    rate: Flag.Finite("rate").pipe(
      Flag.withSchema(Schema.Finite.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 })))),
      Flag.withDescription("Reads per second, of all processes together"),
      Flag.withDefault(Run.defaults.readsPerSecond)
    ),
    faults: Flag.String("faults").pipe(
      Flag.withDescription("Only the faults whose name contains this, such as killed"),
      Flag.withDefault("")
    ),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Answer with one JSON document on standard output"),
      Flag.withDefault(false)
    )
  },
  Effect.fn(function* ({ faults, json, minutes, rate, seed, topology }) {
    const names = Run.faultsOf(topology)
    const chosen = names.filter((name) => name.includes(faults))
    if (chosen.length === 0) return yield* new NoFault({ text: faults, names })
    const settings = { ...Run.defaults, topology, minutes, seed, readsPerSecond: rate, faults: chosen }
    const outcome = yield* Effect.scoped(Run.run(settings, makeProgress(minutes * 60)))
    Run.judgeAvailability(outcome)
    if (isTerminal) yield* Effect.sync(() => process.stderr.write("\r\u001b[K"))
    const report = Report.make(outcome)
    yield* Console.log(json ? JSON.stringify(report, null, 2) : Report.toText(report))
    if (report.violations > 0) return yield* new Broken({ count: report.violations })
  })
).pipe(Command.withDescription("Mistreats processes that use the cache, and judges what they read"))

Main.run(Command.run(chaos, { version: "0.1.0" }))
