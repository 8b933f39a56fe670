/**
 * The main program of a process: where its logs go, what its exit code is, and what happens when nobody reads it.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Config, Deferred, Effect, Exit, Layer, Logger, Option, Runtime, Schema } from "effect"
import { CliError, TerminalCapabilities } from "effect/cli"
import { ExitCode } from "./ExitCode.ts"
import * as Help from "./Help.ts"

/** What it printed could not be written. */
class OutputLost extends Schema.TaggedError<OutputLost>()("OutputLost", { code: Schema.String }) {
  override readonly [Runtime.errorExitCode] = this.code === "EPIPE" ? ExitCode.pipeClosed : ExitCode.failed
  override get message(): string {
    return `What it printed could not be written: ${this.code}.`
  }
}

/**
 * Fails once standard output or standard error is lost. It listens from now on, and even then: what the program's last
 * steps print goes nowhere too, and must not end it before they are done.
 */
const watchOutput = (): Effect.Effect<never, OutputLost> => {
  const first = Deferred.makeUnsafe<never, OutputLost>()
  const onError = ({ code = "unknown" }: NodeJS.ErrnoException) => {
    const lost = new OutputLost({ code })
    // A program that has ended already has no other way to tell.
    process.exitCode = lost[Runtime.errorExitCode]
    Deferred.doneUnsafe(first, Effect.fail(lost))
  }
  process.stdout.on("error", onError)
  process.stderr.on("error", onError)
  return Deferred.await(first)
}

// Logs go to standard error: standard output is the answer's.
const logger = Layer.unwrap(
  Effect.map(Effect.orDie(Config.option(Config.String("NO_COLOR"))), (noColor) =>
    Layer.merge(
      Logger.layer([
        process.stderr.isTTY
          ? Logger.consolePretty({ colors: Option.getOrElse(noColor, () => "") === "" })
          : Logger.withConsoleError(Logger.formatLogFmt)
      ]),
      Layer.succeed(Logger.LogToStderr, true)
    )
  )
)

/** The exit code of an end. `isTerminated` says that the signal was SIGTERM. */
export const codeOf = (exit: Exit.Exit<unknown, unknown>, isTerminated = false): number => {
  if (Exit.isSuccess(exit)) return ExitCode.done
  if (Cause.hasInterruptsOnly(exit.cause)) return isTerminated ? ExitCode.terminated : ExitCode.interrupted
  const error = Cause.squash(exit.cause)
  const code = Runtime.getErrorExitCode(error)
  if (CliError.isCliError(error)) return code === 0 ? ExitCode.done : ExitCode.usage
  return error instanceof Config.ConfigError ? ExitCode.usage : code
}

/** Says what went wrong: an expected failure in a sentence, a mistake of the program's with its trace. */
const report = (cause: Cause.Cause<{ readonly message: string }>) =>
  Cause.hasInterruptsOnly(cause)
    ? Effect.void
    : Option.match(Cause.findErrorOption(cause), {
        onNone: () => Effect.logError("A defect", cause),
        onSome: (error) =>
          CliError.isCliError(error) || (error instanceof OutputLost && error.code === "EPIPE")
            ? Effect.void
            : Effect.logError(error.message)
      })

/**
 * Runs what `Command.run` made, as the process. SIGINT and SIGTERM interrupt it, and so does a reader of its output that
 * goes away; the exit code is one of {@link ExitCode}, or what the error states under `Runtime.errorExitCode`.
 *
 * @example
 * ```ts
 * import { Console } from "effect"
 * import { Command } from "effect/cli"
 * import { Main } from "@letletme/command"
 *
 * const hello = Command.make("hello", {}, () => Console.log("Hello"))
 * const start = () => Main.run(Command.run(hello, { version: "0.1.0" }))
 * ```
 */
export const run = <E extends { readonly message: string }>(
  program: Effect.Effect<void, E, NodeServices.NodeServices>
): void => {
  let isTerminated = false
  process.once("SIGTERM", () => {
    isTerminated = true
  })
  const services = Layer.mergeAll(Help.layer, logger).pipe(
    Layer.provide(TerminalCapabilities.layer),
    Layer.provideMerge(NodeServices.layer)
  )
  Effect.raceFirst(program, watchOutput()).pipe(
    Effect.tapCause(report),
    Effect.provide(services),
    NodeRuntime.runMain({
      // The runtime would report on standard output; an expected failure needs its message, not its trace.
      disableErrorReporting: true,
      teardown: (exit, onExit) => onExit(codeOf(exit, isTerminated))
    })
  )
}
