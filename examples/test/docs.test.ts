import { assert, describe, it } from "@effect/vitest"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"

const root = join(import.meta.dirname, "../..")
const docs = join(root, "docs")
const pages = readdirSync(docs).filter((name) => name.endsWith(".md"))
const packages = readdirSync(join(root, "packages")).map((name) => join(root, "packages", name, "README.md"))
const files = [
  ...["README.md", "CONTRIBUTING.md"].map((name) => join(root, name)),
  ...packages.filter((file) => existsSync(file)),
  ...pages.map((page) => join(docs, page))
]
const read = (file: string) => readFileSync(file, "utf8").replace(/^```.*?^```/gms, "")

/** The anchors of a page's headings, as GitHub makes them. */
const anchorsOf = (file: string) =>
  new Set(
    Array.from(read(file).matchAll(/^#+ (.+)$/gm), ([, title = ""]) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\- _]/gu, "")
        .replaceAll(" ", "-")
    )
  )

describe("the documentation", () => {
  it("has an index of every page", () => {
    const index = read(join(docs, "README.md"))
    const missing = pages.filter((page) => page !== "README.md" && !index.includes(`](${page})`))
    assert.deepStrictEqual(missing, [])
  })

  it("links to files and headings that exist", () => {
    const broken = files.flatMap((file) =>
      Array.from(read(file).matchAll(/\]\((?!https?:)([^)\s]+)/g), ([, link = ""]) => link).flatMap((link) => {
        const [path = "", anchor] = link.split("#")
        const target = path === "" ? file : join(dirname(file), path)
        const exists =
          existsSync(target) && (anchor === undefined || !target.endsWith(".md") || anchorsOf(target).has(anchor))
        return exists ? [] : [`${relative(root, file)}: ${link}`]
      })
    )
    assert.deepStrictEqual(broken, [])
  })

  it("explains each term once, in the order of the alphabet", () => {
    const terms = Array.from(read(join(docs, "glossary.md")).matchAll(/^\| \*\*(.+?)\*\*/gm), ([, term = ""]) => term)
    assert.isAbove(terms.length, 40)
    assert.deepStrictEqual(
      terms,
      [...new Set(terms)].toSorted((a, b) => a.localeCompare(b, "en"))
    )
  })
})
