import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { runHere } from "./inProcess.ts"

/** What is typed before the tab key, and words that have to be offered then. */
const typed: ReadonlyArray<readonly [line: string, offered: string]> = [
  ["warmer doc", "doctor"],
  ["warmer graph --format d", "dot"],
  ["warmer verify --rep", "--repair"],
  ["warmer verify --st", "--store"]
]

const program = (shell: string, args: ReadonlyArray<string>) =>
  Effect.callback<string>((resume) => {
    execFile(shell, args, { timeout: 20_000 }, (error, stdout, stderr) =>
      resume(Effect.succeed(error === null ? stdout : `${stdout}${stderr}${error.message}`))
    )
  })

/** How each shell is asked: it loads the script, and prints a line of offers for each line that is typed. */
const asks: Readonly<Record<string, (script: string) => ReadonlyArray<string>>> = {
  bash: (script) => [
    "--norc",
    "-c",
    [
      `source ${script}`,
      ...typed.map(([line]) =>
        [
          `COMP_WORDS=(${line})`,
          "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))",
          `COMP_LINE="${line}"`,
          "COMPREPLY=()",
          '_warmer warmer "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"',
          'echo "${COMPREPLY[*]}"'
        ].join("; ")
      )
    ].join("\n")
  ],
  fish: (script) => [
    "--no-config",
    "-c",
    [`source ${script}`, ...typed.map(([line]) => `echo (complete -C '${line}' | string split -f 1 \\t)`)].join("\n")
  ],
  // Its completions need a line editor, and that a terminal. What the script gives to the line editor is asked for here.
  zsh: (script) => [
    "-f",
    "-c",
    [
      "compdef() {}",
      'words_of() { print -rn -- "${${*//\\[*\\]/ }//[():]/ } " }',
      "_describe() { local -a list=(${(P)@[-1]}); words_of ${list%%:*} }",
      "_arguments() {",
      "  local spec",
      "  if [[ ${@[-1]} != *'->args' ]]; then for spec in \"$@\"; do words_of $spec; done",
      "  elif (( CURRENT == 2 )); then state=command",
      "  else state=args; words=(${words[2,-1]}); (( CURRENT -= 1 )); fi",
      "}",
      `source ${script}`,
      ...typed.map(([line]) => `words=(${line}); CURRENT=\${#words}; _warmer; print`)
    ].join("\n")
  ]
}

const folders = (process.env["PATH"] ?? "").split(":")
// Bash is everywhere; the others are tried where they are installed.
const shells = Object.keys(asks).filter(
  (shell) => shell === "bash" || folders.some((path) => existsSync(`${path}/${shell}`))
)

describe("completions", () => {
  it.live.each(shells)("%s offers commands, flags and choices", (shell) =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const script = `${yield* files.makeTempDirectoryScoped()}/completions`
      const { code, stdout } = yield* runHere(["--completions", shell])
      assert.strictEqual(code, 0)
      yield* files.writeFileString(script, stdout)
      const offers = yield* program(shell, asks[shell]?.(script) ?? [])
      const lines = offers.split("\n").filter((line) => line.trim() !== "")
      assert.strictEqual(lines.length, typed.length, offers)
      for (const [index, [line, offered]] of typed.entries()) {
        assert.match(lines[index] ?? "", new RegExp(`(?:^|\\s)${offered}(?:\\s|\\]|$)`), line)
      }
    }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))
  )
})
