/**
 * The declarations of the published packages, as `tsc -b` wrote them.
 */
import { existsSync, globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import ts from "typescript-6"
import { root } from "./setup.mjs"

/** The public modules of a package, in the order of their names. A declaration whose source is gone is left out. */
export const modulesOf = (name) =>
  globSync("**/*.d.ts", { cwd: join(root, "packages", name, "dist") })
    .filter((path) => !path.includes("internal"))
    .map((path) => path.slice(0, -".d.ts".length))
    .filter((module) => existsSync(join(root, "packages", name, "src", `${module}.ts`)))
    .toSorted()
    .map((module) => {
      const path = join(root, "packages", name, "dist", `${module}.d.ts`)
      return { module, source: ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true) }
    })

/** Whether others can import what the statement declares. */
export const isExported = (statement) =>
  statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false

/** The names that a statement declares. */
export const namesOf = (statement) =>
  ts.isVariableStatement(statement)
    ? statement.declarationList.declarations.map(({ name }) => name.text)
    : statement.name === undefined
      ? []
      : [statement.name.text]

/** What the docstring of a statement says; none where it has none. */
export const docOf = (statement) => ts.getJSDocCommentsAndTags(statement).findLast(ts.isJSDoc)
