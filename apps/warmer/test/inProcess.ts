/**
 * A command of the warmer in this process: its output is collected, and it sees the variables that a test states.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Help, Main } from "@letletme/command"
import { warmer } from "@letletme/warmer/cli/Warmer"
import { ConfigProvider, Console, Effect, Layer, Logger, Terminal } from "effect"
import { Command, TerminalCapabilities } from "effect/cli"

/** Runs a command to its end, and answers as a process would. */
export const runHere = Effect.fnUntraced(function* (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {},
  { canColor = false, terminal }: { readonly canColor?: boolean; readonly terminal?: Terminal.Terminal } = {}
) {
  const [stdout, stderr]: [Array<string>, Array<string>] = [[], []]
  const console: Console.Console = {
    ...globalThis.console,
    log: (...parts: ReadonlyArray<unknown>) => stdout.push(parts.join(" ")),
    error: (...parts: ReadonlyArray<unknown>) => stderr.push(parts.join(" "))
  }
  const capabilities = Layer.succeed(TerminalCapabilities.TerminalCapabilities, {
    canColor,
    canAnimate: terminal !== undefined,
    canPrompt: terminal !== undefined
  })
  const given = terminal === undefined ? Layer.empty : Layer.succeed(Terminal.Terminal, terminal)
  const services = Help.layer.pipe(
    Layer.provideMerge(capabilities),
    Layer.provideMerge(Layer.provideMerge(given, NodeServices.layer)),
    Layer.merge(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { ...env } }))),
    Layer.merge(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)]))
  )
  const exit = yield* Command.runWith(warmer, { version: "0.1.0" })(args).pipe(
    Effect.provide(services),
    Effect.tapError(({ message }) => Effect.sync(() => stderr.push(message))),
    Effect.provideService(Console.Console, console),
    Effect.exit
  )
  return { code: Main.codeOf(exit), stdout: stdout.join("\n"), stderr: stderr.join("\n") }
})
