/**
 * One word for one thing: what the glossary says is not used stands in no page, comment, message or exported name.
 */
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { published } from "./packages.mjs"
import { root } from "./setup.mjs"

// They say what others have, in the words of those.
const quoting = ["bench", "comparison.md", "glossary.md", "known-bugs.md", "performance.md"]

const read = (file) => readFileSync(join(root, file), "utf8")

/** Each word that is not used, and the one that is. */
const replaced = () => {
  const [, table = ""] = read("docs/glossary.md").split("## Words that are not used")
  const rows = Array.from(table.matchAll(/^\| ([^|]+) \| ([^|]+) \|$/gm), ([, not, but]) => [not.trim(), but.trim()])
  return rows.slice(2).flatMap(([not, but]) => not.split(", ").map((word) => ({ word, but })))
}

/** What is left of a text is blank, so that places in it stay where they are. */
const blank = (text, pattern) => text.replace(pattern, (part) => part.replace(/\S/g, " "))

const prose = (page) =>
  [/^```.*?^```/gms, /`[^`\n]*`/g, /\]\([^)]*\)/g, /https?:\S+/g].reduce((text, pattern) => blank(text, pattern), page)

/** Comments and messages; not what they quote or refer to. */
const spoken = (source) => {
  const kept = Array.from(source.matchAll(/\/\*.*?\*\/|\/\/[^\n]*|"[^"\n]*"|`[^`]*`/gs))
  let text = ""
  for (const { 0: part, index } of kept) {
    text += source.slice(text.length, index).replace(/\S/g, " ")
    text += /^"[./@]/.test(part) ? part.replace(/\S/g, " ") : part
  }
  return [/\$\{[^}]*\}/g, /^ *\* @see.*$/gm, /https?:\S+/g, /(?<=^ *\* .*)`[^`\n]*`/gm, /^ *\*(?= )/gm].reduce(
    (rest, pattern) => blank(rest, pattern),
    text
  )
}

/** Names, apart into their words. */
const names = (surface) => surface.replace(/(?<=[a-z])(?=[A-Z])/g, " ")

const isOurs = (file) => !quoting.some((other) => file.includes(other))
const texts = () => [
  ...globSync(["*.md", "docs/*.md", "packages/*/README.md"], { cwd: root }).map((file) => [file, prose(read(file))]),
  ...globSync("{packages,apps}/*/src/**/*.{ts,tsx}", { cwd: root }).map((file) => [file, spoken(read(file))]),
  ...published.map((name) => join("packages", name, "api.md")).map((file) => [file, names(read(file))])
]

const words = replaced().map(({ but, word }) => ({
  word,
  but,
  pattern: new RegExp(`\\b${word.replaceAll(" ", "\\s+")}(?:e?s)?\\b`, "gi")
}))
if (words.length === 0) throw new Error("docs/glossary.md lists no words that are not used.")

let count = 0
for (const [file, text] of texts().filter(([name]) => isOurs(name))) {
  for (const { but, pattern, word } of words) {
    for (const { index } of text.matchAll(pattern)) {
      console.error(`${file}:${text.slice(0, index).split("\n").length}: "${word}" is not used here: ${but}.`)
      count++
    }
  }
}
console.log(`${words.length} words that are not used stand in ${count === 0 ? "no" : count} places.`)
process.exit(count === 0 ? 0 : 1)
