/**
 * What the published packages offer: each package's surface, recorded in its `api.md`, a docstring for whatever is
 * exported, and a reference made of both. All of it is read from the declarations that `tsc -b` wrote.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import ts from "typescript-6"
import { docOf, isExported, modulesOf, namesOf } from "./declarations.mjs"
import { failures, units } from "./docstrings.mjs"
import { published } from "./packages.mjs"
import { root } from "./setup.mjs"

const withoutComments = ts.createPrinter({ removeComments: true })

const isExperimental = (statement) =>
  docOf(statement)?.tags?.some(({ tagName }) => tagName.text === "experimental") ?? false

const experimental = (source) => [...new Set(source.statements.filter(isExperimental).flatMap(namesOf))]

const moving = /^effect\/(?:cli|http|observability|persistence|sql)\b/

/** Whether the declarations name a part of Effect that may change in a minor version of it. */
const isOnMovingGround = (source) =>
  source.statements.some((one) => ts.isImportDeclaration(one) && moving.test(one.moduleSpecifier.text))

const textOf = (doc) =>
  doc
    .getText()
    .replace(/^\/\*\*|\*\/$/g, "")
    .replace(/^ *\* ?/gm, "")
    .replace(/^@example$/gm, "")
    .replace(/^@experimental$/gm, "*Experimental.*")
    .replace(/\{@link (\w+)\}/g, "`$1`")
    .trim()

const surfaceOf = (name) =>
  [
    `# What \`@letletme/${name}\` exports`,
    "",
    "Written by `npm run api:accept`; `npm run check` compares it with the code. What changes here changes for those who use the",
    "package: see [stability](../../docs/stability.md).",
    ...modulesOf(name).flatMap(({ module, source }) => [
      "",
      `## ${module}`,
      "",
      ...experimental(source).map((name) => `Experimental: \`${name}\`\n`),
      "```ts",
      withoutComments
        .printFile(source)
        .replace(/^\/\/#.*\n?/gm, "")
        .trim(),
      "```"
    ]),
    ""
  ].join("\n")

const fileOf = (name) => join(root, "packages", name, "api.md")

/** Records the surface of each package as it is now. */
export const accept = () => {
  for (const name of published) writeFileSync(fileOf(name), surfaceOf(name))
  return 0
}

/** Tells where a surface is not what was recorded. */
const compare = () => {
  const folder = mkdtempSync(join(tmpdir(), "letletme-api-"))
  try {
    let code = 0
    for (const name of published) {
      const now = join(folder, `${name}.md`)
      writeFileSync(now, surfaceOf(name))
      const recorded = existsSync(fileOf(name)) ? fileOf(name) : "/dev/null"
      const args = ["diff", "--no-index", "--no-color", "--unified=2", recorded, now]
      const { status, stdout } = spawnSync("git", args, { encoding: "utf8" })
      if (status === 0) continue
      code = 1
      console.error(stdout)
      console.error(`The surface of @letletme/${name} changed. If that is on purpose: npm run api:accept`)
    }
    return code
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A metric states its description itself, for those who scrape it. */
const describesItself = (statement) =>
  ts.isVariableStatement(statement) &&
  statement.declarationList.declarations.every(({ type }) => /\bInstrument<[^>]*>$/.test(type?.getText() ?? ""))

const isDocumented = (statement) => docOf(statement)?.comment !== undefined || describesItself(statement)

/** Names what is exported without a docstring. A schema and its type share one. */
const undocumented = (name) =>
  modulesOf(name).flatMap(({ module, source }) => {
    const statements = source.statements.filter(isExported)
    const documented = new Set(statements.filter(isDocumented).flatMap(namesOf))
    const names = new Set(statements.flatMap(namesOf))
    return [...names.difference(documented)].map((missing) => `packages/${name}/src/${module}.ts: ${missing}`)
  })

/** Names what stands on parts of Effect that may change, and does not say so. */
const unstable = (name) =>
  modulesOf(name)
    .filter(({ source }) => isOnMovingGround(source))
    .flatMap(({ module, source }) => {
      const names = new Set(source.statements.filter(isExported).flatMap(namesOf))
      return [...names.difference(new Set(experimental(source)))].map(
        (one) => `packages/${name}/src/${module}.ts: ${one}`
      )
    })

/** Checks the surfaces, their docstrings and what these say of stability. */
export const check = () => {
  const missing = [
    ...published.flatMap(undocumented).map((one) => `${one} has no docstring.`),
    ...published
      .flatMap(unstable)
      .map((one) => `${one} stands on a part of Effect that may change, and has no tag @experimental.`),
    ...published.flatMap(failures),
    ...published.flatMap(units)
  ]
  for (const one of missing) console.error(one)
  return compare() === 0 && missing.length === 0 ? 0 : 1
}

/** Writes the reference: a page for each package, with what is exported, its docstring and its type. */
export const reference = () => {
  const folder = join(root, ".letletme", "reference")
  mkdirSync(folder, { recursive: true })
  for (const name of published) {
    const pages = modulesOf(name).flatMap(({ module, source }) => [
      `## ${module}`,
      ...source.statements.filter(isExported).flatMap((statement) => {
        const doc = docOf(statement)
        const names = namesOf(statement)
        if (names.length === 0) return []
        const declaration = withoutComments.printNode(ts.EmitHint.Unspecified, statement, source)
        return [`### ${names.join(", ")}`, ...(doc ? [textOf(doc)] : []), `\`\`\`ts\n${declaration}\n\`\`\``]
      })
    ])
    const file = join(folder, `${name}.md`)
    writeFileSync(file, [`# @letletme/${name}`, ...pages, ""].join("\n\n"))
    console.error(file)
  }
  return 0
}

const commands = { accept, check, reference }
process.exit(commands[process.argv[2]]?.() ?? 2)
