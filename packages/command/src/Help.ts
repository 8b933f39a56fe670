/**
 * Help that fits the terminal: each description is wrapped, below its flag where the flag is long.
 */
import { Console, Effect, Layer, Option, Terminal } from "effect"
import { CliOutput, type HelpDoc, TerminalCapabilities } from "effect/cli"
import { wrap } from "./wrap.ts"

// Where the output is no terminal, and the most that is read with ease.
const usual = 80
const narrowest = 40

type Entry = readonly [name: string, description: string]

/** The kind of a flag's value; its description lists the choices, where there are some. */
const kindOf = (type: string): string => (type === "boolean" ? "" : type.includes("|") ? " choice" : ` ${type}`)

const flagEntry = ({ aliases, description, name, type }: HelpDoc.FlagDoc): Entry => [
  [`--${name}`, ...aliases].join(", ") + kindOf(type),
  Option.getOrElse(description, () => "")
]

const argumentEntry = ({ description, name, required, type, variadic }: HelpDoc.ArgDoc): Entry => [
  `${name}${variadic ? "..." : ""} ${type}`,
  Option.getOrElse(description, () => "") + (required ? "" : " (optional)")
]

const nameWidth = 24
const indent = "  "

/** Names on the left, descriptions beside them, or below where a name is long. */
const list = (entries: ReadonlyArray<Entry>, width: number): ReadonlyArray<string> => {
  const longest = Math.max(...entries.map(([name]) => name.length)) + 2
  const column = Math.min(longest, nameWidth)
  const below = " ".repeat(indent.length + column)
  return entries.flatMap(([name, description]) => {
    const lines = wrap(description, width - below.length)
    const left = indent + name
    if (name.length + 2 > column) return [left, ...lines.map((line) => below + line)]
    const [first = "", ...rest] = lines
    return [(left.padEnd(below.length) + first).trimEnd(), ...rest.map((line) => below + line)]
  })
}

const format = (doc: HelpDoc.HelpDoc, width: number, bold: (text: string) => string): string => {
  const section = (title: string, lines: ReadonlyArray<string>): ReadonlyArray<string> =>
    lines.length === 0 ? [] : [[bold(title), ...lines].join("\n")]
  const paragraph = (text: string) => wrap(text, width - indent.length).map((line) => indent + line)
  const entries = (title: string, all: ReadonlyArray<Entry>) => section(title, all.length === 0 ? [] : list(all, width))
  const examples = (doc.examples ?? []).flatMap(({ command, description }) => [
    ...(description === undefined ? [] : paragraph(description)),
    `${indent}${indent}${command}`
  ])
  return [
    ...section("DESCRIPTION", paragraph(doc.description)),
    ...section("USAGE", paragraph(doc.usage)),
    ...section("EXAMPLES", examples),
    ...(doc.subcommands ?? []).flatMap(({ commands, group }) =>
      entries(
        group?.toUpperCase() ?? "COMMANDS",
        commands.map(({ description, name, shortDescription }) => [name, shortDescription ?? description] as const)
      )
    ),
    ...entries("ARGUMENTS", (doc.args ?? []).map(argumentEntry)),
    ...entries("FLAGS", doc.flags.map(flagEntry)),
    ...entries("SHARED FLAGS", (doc.inheritedFlags ?? []).map(flagEntry)),
    ...entries("GLOBAL FLAGS", (doc.globalFlags ?? []).map(flagEntry))
  ].join("\n\n")
}

/** Help as wide as the terminal is, up to 80 columns, and in bold only where it may be. */
const layerFormatter = Layer.effect(
  CliOutput.Formatter,
  Effect.gen(function* () {
    const { canColor: colors } = yield* TerminalCapabilities.TerminalCapabilities
    const columns = yield* Terminal.Terminal.use((terminal) => terminal.columns)
    const width = columns === 0 ? usual : Math.max(narrowest, Math.min(columns, usual))
    const bold = (text: string) => (colors ? `\u001b[1m${text}\u001b[0m` : text)
    return { ...CliOutput.defaultFormatter({ colors }), formatHelpDoc: (doc) => format(doc, width, bold) }
  })
)

/** What was not understood goes to standard error, with the usage: standard output is the answer's alone. */
const layerPresenter = CliOutput.layerPresenter({
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? Effect.gen(function* () {
          const { formatErrors } = yield* CliOutput.Formatter
          const path = event.commandPath.join(" ")
          yield* Console.error(`${formatErrors(event.errors).trim()}\n\n${event.helpDoc.usage}\nSee: ${path} --help`)
        })
      : CliOutput.defaultPresenter.present(event)
})

/** How a command shows its help and what it does not understand. Give it to what `Command.run` makes. */
export const layer = Layer.merge(layerFormatter, layerPresenter)
