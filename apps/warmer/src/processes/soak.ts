/**
 * `npm run soak`: see `docs/operations.md`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer, Logger, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as Soak from "../Soak.ts"

/** Memory grew: the report says where. */
class Grows extends Schema.TaggedError<Grows>()("Grows", {}) {
  override get message(): string {
    return "Memory is not flat after the first third of the run. Take a heap snapshot of a longer one."
  }
}

const soak = Command.make(
  "soak",
  {
    minutes: Flag.Finite("minutes").pipe(
      Flag.withSchema(Schema.Finite.pipe(Schema.check(Schema.isBetween({ minimum: 0.05, maximum: 24 * 60 })))),
      Flag.withDescription("How long it runs"),
      Flag.withDefault(10)
    ),
    readers: Flag.Int("readers").pipe(Flag.withDescription("Readers at once"), Flag.withDefault(8)),
    json: Flag.Boolean("json").pipe(Flag.withDescription("Answer with one JSON document"), Flag.withDefault(false))
  },
  Effect.fn(function* ({ json, minutes, readers }) {
    const report = yield* Effect.provide(Soak.run({ minutes, readers }), Soak.layer)
    yield* Soak.show(report, json)
    if (!report.isFlat) return yield* new Grows({})
  }, Effect.scoped)
)

soak.pipe(
  Command.run({ version: "0.1.0" }),
  Effect.provide(
    Layer.mergeAll(
      NodeServices.layer,
      Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)]),
      Layer.succeed(Logger.LogToStderr, true)
    )
  ),
  NodeRuntime.runMain
)
