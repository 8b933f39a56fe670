/**
 * The benchmark: this cache and others, attacked and measured side by side.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Console, Effect, FileSystem, Layer, Logger, Option, Schema } from "effect"
import { CliError, Command, Flag } from "effect/cli"
import * as Chart from "./Chart.ts"
import { Scales } from "./contest/Contest.ts"
import type { Findings } from "./contest/Findings.ts"
import * as Server from "./contest/Server.ts"
import * as Guard from "./Guard.ts"
import * as Correctness from "./correctness/Suite.ts"
import * as Report from "./Report.ts"
import { decode } from "./suites/decode.ts"
import { http } from "./suites/http.ts"
import { invalidate } from "./suites/invalidate.ts"
import { l1 } from "./suites/l1.ts"
import { l2 } from "./suites/l2.ts"
import { memory } from "./suites/memory.ts"
import { mget } from "./suites/mget.ts"
import { mixed } from "./suites/mixed.ts"
import { scale } from "./suites/scale.ts"
import { startup } from "./suites/startup.ts"
import { stampede } from "./suites/stampede.ts"
import { warm } from "./suites/warm.ts"

/** This cache answered wrongly, or became slow. What was found is already printed. */
class Wrong extends Schema.TaggedError<Wrong>()("Wrong", { message: Schema.String }) {}

const suites = { l1, l2, mget, stampede, invalidate, warm, memory, mixed, decode, startup, scale, http }
type Measured = keyof typeof suites
const measured: ReadonlyArray<Measured> = [
  "l1",
  "l2",
  "mget",
  "stampede",
  "invalidate",
  "warm",
  "memory",
  "mixed",
  "decode",
  "startup",
  "scale",
  "http"
]

/** Each suite has a server of its own, and finds it empty. */
const measure = (name: Measured, isQuick: boolean) =>
  Effect.gen(function* () {
    yield* Server.pin
    const findings = yield* suites[name]
    return { findings, server: yield* Server.info("redis_version") }
  }).pipe(
    Effect.scoped,
    Effect.provide(Layer.merge(Server.layer, Layer.succeed(Scales, isQuick ? Scales.quick : Scales.full)))
  )

const write = (file: Option.Option<string>, text: () => string) =>
  Option.match(file, {
    onNone: () => Effect.void,
    onSome: (path) => FileSystem.FileSystem.use((files) => files.writeFileString(path, `${text().trimEnd()}\n`))
  })

const command = Command.make(
  "bench",
  {
    suite: Flag.Literals("suite", ["correctness", "all", ...measured]).pipe(
      Flag.withDescription("What to run; all: every suite that measures. Default: correctness"),
      Flag.optional
    ),
    json: Flag.File("json", { mustExist: false }).pipe(
      Flag.withDescription("Writes what was found to this file"),
      Flag.optional
    ),
    chart: Flag.File("chart", { mustExist: false }).pipe(
      Flag.withDescription("Draws the ratios of rates into this file, as SVG"),
      Flag.optional
    ),
    quick: Flag.Boolean("quick").pipe(
      Flag.withDescription(
        "Few short rounds, for a first look; no figure to quote. Without a suite: fails where a ratio is clearly lower than usual"
      ),
      Flag.withDefault(false)
    )
  },
  Effect.fn(function* ({ chart, json, quick, suite: chosen }) {
    const isGuard = quick && Option.isNone(chosen)
    const suite = Option.getOrElse(chosen, () => (isGuard ? ("guard" as const) : ("correctness" as const)))
    if (suite === "correctness") {
      const { document, isRight, text } = yield* Correctness.suite
      yield* Console.log(text)
      yield* write(json, () => JSON.stringify(document, null, 2))
      if (!isRight) return yield* new Wrong({ message: "LetLetMe Cache was wrong under an attack." })
      return
    }
    const found: Array<Findings> = []
    const documents: Array<unknown> = []
    for (const name of suite === "guard" ? Guard.suites : suite === "all" ? measured : [suite]) {
      const { findings, server } = yield* measure(name, quick)
      yield* Console.log(`${Report.text(findings)}\n`)
      found.push(findings)
      documents.push(Report.document(findings, server))
    }
    yield* write(json, () => JSON.stringify(documents.length === 1 ? documents[0] : documents, null, 2))
    yield* write(chart, () => Chart.svg(found))
    if (isGuard && Guard.losses(found).length > 0) {
      yield* Effect.logWarning(`Measured once more: ${Guard.losses(found).join("; ")}`)
      const again = yield* Effect.forEach(Guard.suites, (name) => measure(name, quick))
      const lost = Guard.losses([...found, ...again.map(({ findings }) => findings)])
      const share = Guard.shareOfCore(found)
      if (lost.length > 0 && share < Guard.leastShare) {
        const percent = Math.round(share * 100)
        yield* Effect.logWarning(`Nothing can be said: a task that computes got ${percent} % of a core.`)
      } else if (lost.length > 0) {
        return yield* new Wrong({ message: `Slower than before, twice: ${lost.join("; ")}.` })
      }
    }
  })
).pipe(Command.withDescription("Attacks and measures this cache and others side by side"))

const logger = Layer.merge(
  Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)]),
  Layer.succeed(Logger.LogToStderr, true)
)

command.pipe(
  Command.run({ version: "0.1.0" }),
  // The runtime would report on standard output; an expected failure needs its message, not its trace.
  Effect.tapCause((cause) =>
    Option.match(Cause.findErrorOption(cause), {
      onNone: () => Effect.logError("A defect", cause),
      onSome: (error) => (CliError.isCliError(error) ? Effect.void : Effect.logError(error.message))
    })
  ),
  Effect.provide(Layer.merge(NodeServices.layer, logger)),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
