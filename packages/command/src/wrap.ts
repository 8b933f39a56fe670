/**
 * Text in lines that fit.
 */
import { CliOutput } from "effect/cli"

/**
 * Breaks a text into lines of so many cells; a longer word has a line of its own.
 *
 * @example
 * ```ts
 * import { wrap } from "@letletme/command"
 *
 * wrap("one two three", 8) // ["one two", "three"]
 * ```
 */
export const wrap = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(/\s+/)) {
    const longer = line === "" ? word : `${line} ${word}`
    if (line !== "" && CliOutput.displayWidth(longer) > width) {
      lines.push(line)
      line = word
    } else line = longer
  }
  return line === "" ? lines : [...lines, line]
}
