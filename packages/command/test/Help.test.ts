import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Help } from "@letletme/command"
import { Console, Effect, Layer, Terminal } from "effect"
import { CliOutput, Command, Flag, TerminalCapabilities } from "effect/cli"

const long = "Where entries are kept, told in so many words that no terminal has them all in one of its lines"

const program = Command.make("program", {
  short: Flag.Finite("short").pipe(Flag.withAlias("s"), Flag.withDescription(long)),
  long: Flag.Boolean("a-flag-whose-name-is-long").pipe(Flag.withDescription("Beside nothing"))
}).pipe(
  Command.withDescription(long),
  Command.withExamples([{ command: "program --short 1", description: "One" }]),
  Command.withSubcommands([
    { group: "Look", commands: [Command.make("table", {}).pipe(Command.withDescription("Show the table"))] }
  ])
)

/** The help as a terminal of so many columns gets it. */
const help = (columns: number, canColor: boolean) => {
  const lines: Array<string> = []
  const print = (text: string) => {
    lines.push(...text.split("\n"))
  }
  const narrow = Layer.effect(
    Terminal.Terminal,
    Terminal.Terminal.use((terminal) =>
      Effect.succeed(Terminal.make({ ...terminal, columns: Effect.succeed(columns) }))
    )
  ).pipe(Layer.provideMerge(NodeServices.layer))
  const capabilities = Layer.succeed(TerminalCapabilities.TerminalCapabilities, {
    canColor,
    canAnimate: false,
    canPrompt: false
  })
  return Command.runWith(program, { version: "0.1.0" })(["--help"]).pipe(
    Effect.provideService(Console.Console, { ...globalThis.console, log: print }),
    Effect.provide(Help.layer.pipe(Layer.provide(capabilities), Layer.provideMerge(narrow))),
    Effect.as(lines)
  )
}

describe("help", () => {
  it.effect("fits the terminal, and 80 columns where there is none or more", () =>
    Effect.gen(function* () {
      for (const [columns, width] of [
        [0, 80],
        [60, 60],
        [200, 80],
        [10, 40]
      ] as const) {
        const lines = yield* help(columns, false)
        const widest = Math.max(...lines.map(CliOutput.displayWidth))
        assert.isAtMost(widest, width)
        assert.isAbove(widest, width - 20)
      }
    })
  )

  it.effect("has the description beside its flag, or below one that is long", () =>
    Effect.gen(function* () {
      const text = (yield* help(60, false)).join("\n")
      assert.include(text, "  --short, -s number      Where entries are kept")
      assert.include(text, "  --a-flag-whose-name-is-long\n                          Beside nothing")
      assert.include(text, "EXAMPLES\n  One\n    program --short 1")
      assert.include(text, "LOOK\n  table  Show the table")
    })
  )

  it.effect("has colours only where there may be some", () =>
    Effect.gen(function* () {
      assert.notInclude((yield* help(80, false)).join("\n"), "\u001b")
      assert.include((yield* help(80, true)).join("\n"), "\u001b[1mUSAGE\u001b[0m")
    })
  )
})
