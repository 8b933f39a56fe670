/**
 * The benchmark: this cache and others, attacked and measured side by side.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, FileSystem, Layer, Logger, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as Correctness from "./correctness/Suite.ts"

/** A bar was missed. What was found is already printed. */
class Missed extends Schema.TaggedError<Missed>()("Missed", { message: Schema.String }) {}

const command = Command.make(
  "bench",
  {
    suite: Flag.Literals("suite", ["correctness"]).pipe(
      Flag.withDescription("What to run"),
      Flag.withDefault("correctness" as const)
    ),
    json: Flag.File("json").pipe(Flag.withDescription("Writes what was found to this file"), Flag.optional)
  },
  Effect.fn(function* ({ json }) {
    const { document, isRight, text } = yield* Correctness.suite
    yield* Console.log(text)
    if (Option.isSome(json)) {
      const files = yield* FileSystem.FileSystem
      yield* files.writeFileString(json.value, `${JSON.stringify(document, null, 2)}\n`)
    }
    if (!isRight) return yield* new Missed({ message: "A bar was missed." })
  })
).pipe(Command.withDescription("Attacks and measures this cache and others side by side"))

const logger = Layer.merge(
  Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)]),
  Layer.succeed(Logger.LogToStderr, true)
)

command.pipe(
  Command.run({ version: "0.1.0" }),
  Effect.provide(Layer.merge(NodeServices.layer, logger)),
  NodeRuntime.runMain()
)
