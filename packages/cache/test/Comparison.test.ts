/**
 * The page that compares: each feature that it says we have is shown by a test that exists, under the name that it gives.
 */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"

const docs = join(import.meta.dirname, "../../../docs")
const lines = readFileSync(join(docs, "comparison.md"), "utf8").split("\n")

/** The rows of the tables that have a column of ours. */
const rows = lines.flatMap((line) => {
  const cells = line.split(" | ").map((cell) => cell.replaceAll("|", "").trim())
  return cells.length === 9 && cells[1] !== "here" && !cells[1]?.startsWith("---") ? [cells] : []
})

describe("docs/comparison.md", () => {
  it("has a row for each feature", () => {
    assert.isAbove(rows.length, 30)
  })

  it.each(rows)("%s", (feature, ours = "") => {
    const [, file = "", title = ""] = /^\[yes\]\((\S+) ["'](.+)["']\)$/.exec(ours) ?? []
    assert.notStrictEqual(file, "", `${feature} links to no test: ${ours}`)
    const path = join(docs, file)
    assert.isTrue(existsSync(path), file)
    assert.isTrue(readFileSync(path, "utf8").includes(`"${title}"`), `${file} has no test "${title}"`)
  })

  it("numbers its notes, and refers to each", () => {
    const notes = lines.flatMap((line) => /^(\d+)\. /.exec(line)?.slice(1) ?? [])
    const references = new Set(rows.flatMap((row) => row.flatMap((cell) => /\[(\d+)\]$/.exec(cell)?.slice(1) ?? [])))
    const byNumber = (a: string, b: string) => Number(a) - Number(b)
    assert.deepStrictEqual([...references].toSorted(byNumber), notes)
  })
})
