/**
 * What a docstring owes to those who call: the errors that come instead of an answer, and the unit of a number.
 */
import ts from "typescript-6"
import { docOf, isExported, modulesOf, namesOf } from "./declarations.mjs"

/** What answers an error as its second type. */
const fails = /^(?:(?:Effect|Layer|Result|Stream)\.)?(?:Effect|Layer|Result|Stream)$/

/** The errors that a type names, without the caller's own, which are parameters of it. */
const errorsOf = (node) =>
  ts.isTypeReferenceNode(node) && fails.test(node.typeName.getText())
    ? Array.from(node.typeArguments?.[1]?.getText().matchAll(/\w+Error\b/g) ?? [], ([error]) => error)
    : []

/** The name of what extends `X_base`: it holds the docstring of both. */
const ownerOf = (name) => name.replace(/_base$/, "")

/** What a docstring says, without its examples. */
const textOf = (statement) => (docOf(statement)?.getText() ?? "").replace(/```.*?```/gs, "")

/** Every node of a module, with the docstrings and the names of what it is part of. */
const nodesOf = function* ({ source }) {
  const docs = new Map()
  for (const statement of source.statements) {
    if (statement.name !== undefined) docs.set(statement.name.text, textOf(statement))
  }
  const visit = function* (node, above, path) {
    const name = node.name !== undefined && ts.isIdentifier(node.name) ? [ownerOf(node.name.text)] : []
    const own = textOf(node)
    const doc = [above, own, ts.isVariableDeclaration(node) ? (docs.get(name[0]) ?? "") : ""].join("\n")
    yield { node, own, doc, path: [...path, ...name].join(".") }
    for (const child of children(node)) yield* visit(child, doc, [...path, ...name])
  }
  const isPublic = (statement) => isExported(statement) || namesOf(statement).some((name) => ownerOf(name) !== name)
  for (const statement of source.statements.filter(isPublic)) yield* visit(statement, "", [])
}

const children = (node) => {
  const all = []
  ts.forEachChild(node, (child) => void all.push(child))
  return all
}

/** Names what can fail and does not say by which error, neither itself nor in the docstring of what it is part of. */
export const failures = (name) =>
  modulesOf(name).flatMap((one) =>
    Array.from(nodesOf(one)).flatMap(({ doc, node, path }) =>
      errorsOf(node)
        .filter((error) => !doc.includes(error))
        .map(
          (error) => `packages/${name}/src/${one.module}.ts: ${path} may fail with ${error}, which no docstring names.`
        )
    )
  )

const isNumber = /^number(?: \| (?:undefined|null))*$/
/** Names whose number is a time or a size, unless the name states the unit. */
const measures = /(?:timeout|timeToLive|ttl|grace|lease|until|deadline|time|at|age|every|lag|bytes|size|length)$/i
const statesUnit = /(?:Millis|Bytes|Entries|Keys)$/i
const unit = /\b(?:ms|milliseconds|microseconds|seconds|minutes|bytes|entries|appends|how many)\b/i

/** What a node is declared in: a parameter, an interface or a type. None where its type was inferred from a value. */
const holderOf = (node) => {
  for (let at = node.parent; at !== undefined; at = at.parent) {
    if (ts.isParameter(at) || ts.isInterfaceDeclaration(at) || ts.isTypeAliasDeclaration(at)) return at
  }
  return undefined
}

/** Whether a caller gives it: a member of options, or of a parameter. */
const isSetting = (holder) => ts.isParameter(holder) || /(?:Options|Settings|Config|Policy)$/.test(holder.name.text)

/** Names the times and sizes without a unit, and the settings that are numbers and do not say of what. */
export const units = (name) =>
  modulesOf(name).flatMap((one) =>
    Array.from(nodesOf(one)).flatMap(({ doc, node, own, path }) => {
      if (!ts.isPropertySignature(node) || !isNumber.test(node.type?.getText() ?? "")) return []
      const holder = holderOf(node)
      if (holder === undefined) return []
      const field = node.name.getText()
      const where = `packages/${name}/src/${one.module}.ts: ${path}`
      if (measures.test(field) && !statesUnit.test(field) && !unit.test(doc))
        return [`${where} does not state its unit.`]
      return isSetting(holder) && own === "" && !doc.includes(`\`${field}\``) ? [`${where} does not say of what.`] : []
    })
  )
