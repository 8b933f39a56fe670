/**
 * The crash run as a command: see `docs/crash.md`.
 */
import { Main } from "@letletme/command"
import { Console, Effect, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { Mistake } from "./Messages.ts"
import * as Report from "./Report.ts"
import * as Run from "./Run.ts"

/** Something is not as it has to be: the report says what. */
class Broken extends Schema.TaggedError<Broken>()("Broken", { count: Schema.Int }) {
  override get message(): string {
    return `${this.count} problems. The same --seed kills the same processes after the same times, as far as the machine does.`
  }
}

const isTerminal = process.stderr.isTTY
const roundsPerLine = 10

const makeProgress =
  (rounds: number) =>
  (done: number, problems: number): Effect.Effect<void> => {
    const text = `${done} of ${rounds} rounds, ${problems} problems`
    if (isTerminal) {
      return Effect.sync(() => {
        process.stderr.write(`\r\u001b[K${text}`)
      })
    }
    return done % roundsPerLine === 0 ? Effect.logInfo(text) : Effect.void
  }

const crash = Command.make(
  "crash",
  {
    rounds: Flag.Int("rounds").pipe(
      Flag.withSchema(Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 100_000 })))),
      Flag.withDescription("How often processes are killed, and what is left is judged"),
      Flag.withDefault(50)
    ),
    seed: Flag.Int("seed").pipe(Flag.withDescription("Who is killed, and when"), Flag.withDefault(1)),
    database: Flag.Literals("database", ["postgres", "embedded"]).pipe(
      Flag.withDescription("Two processes over a Postgres server, or one with the embedded database"),
      Flag.withDefault("postgres" as const)
    ),
    break: Flag.Literals("break", Mistake.literals).pipe(
      Flag.withDescription("What to break on purpose, to see that it is found"),
      Flag.withDefault("none" as const)
    ),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Answer with one JSON document on standard output"),
      Flag.withDefault(false)
    )
  },
  Effect.fn(function* ({ break: mistake, database, json, rounds, seed }) {
    const outcome = yield* Effect.scoped(Run.run({ rounds, seed, database, mistake }, makeProgress(rounds)))
    if (isTerminal) yield* Effect.sync(() => process.stderr.write("\r\u001b[K"))
    const report = Report.make(outcome)
    yield* Console.log(json ? JSON.stringify(report, null, 2) : Report.toText(report))
    if (report.total.problems > 0) return yield* new Broken({ count: report.total.problems })
  })
).pipe(Command.withDescription("Kills processes at any moment, and judges what is left"))

Main.run(Command.run(crash, { version: "0.1.0" }))
