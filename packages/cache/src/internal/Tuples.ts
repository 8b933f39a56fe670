/**
 * Structs without the names of their fields: `{"id":17,"name":"Arsenal"}` is written as `[17,"Arsenal"]`.
 *
 * What the schema says need not be in each payload. It makes a payload of many fields half as long, and parsing one about
 * three times as fast as JSON.parse is with the names: a parser that knows which field comes next looks none up, and makes
 * the object at once. What is written is JSON still.
 */
import { Predicate, SchemaAST } from "effect"
import { Cursor } from "./Cursor.ts"

/** How the values of a schema are written. */
type Layout = Struct | List | { readonly _tag: "Scalar" } | { readonly _tag: "Json" }

interface Struct {
  readonly _tag: "Struct"
  readonly fields: ReadonlyArray<readonly [name: string, Layout]>
}

interface List {
  readonly _tag: "List"
  readonly of: Layout
}

/** Between values in JSON's form and the same with tuples for structs. */
export interface Tuples {
  /** Says which field stands where: part of what a reader has to know. */
  readonly shape: string
  readonly toTuple: (value: unknown) => unknown
  /** What is none of these tuples stays as it is. */
  readonly fromTuple: (parsed: unknown) => unknown
  /** The value that a text is, which is given with its bytes; `undefined` where only JSON.parse can tell. */
  readonly parse: (text: string, bytes: Buffer) => unknown
}

const scalars = new Set<SchemaAST.AST["_tag"]>([
  "Null",
  "String",
  "Number",
  "Boolean",
  "Literal",
  "TemplateLiteral",
  "Enum"
])

const isScalar = (ast: SchemaAST.AST): boolean =>
  SchemaAST.isUnion(ast) ? ast.types.every(isScalar) : scalars.has(ast._tag)

const scalar: Layout = { _tag: "Scalar" }
// What has several forms, or fields that may lack, is written with their names.
const json: Layout = { _tag: "Json" }

// It would be an object's prototype.
const unnameable = "__proto__"

const layoutOf = (ast: SchemaAST.AST): Layout => {
  if (isScalar(ast)) return scalar
  if (SchemaAST.isUnion(ast)) {
    const [only, ...others] = ast.types.filter((type) => !isScalar(type))
    return only === undefined || others.length > 0 ? json : layoutOf(only)
  }
  if (SchemaAST.isArrays(ast)) {
    const [of, ...others] = ast.rest
    const isList = others.length === 0 && ast.elements.length === 0
    return of !== undefined && isList ? { _tag: "List", of: layoutOf(of) } : json
  }
  if (!SchemaAST.isObjects(ast) || ast.indexSignatures.length > 0 || ast.propertySignatures.length === 0) return json
  const fields: Array<readonly [string, Layout]> = []
  for (const { name, type } of ast.propertySignatures) {
    if (SchemaAST.isOptional(type) || typeof name !== "string" || name === unnameable) return json
    fields.push([name, layoutOf(type)])
  }
  return { _tag: "Struct", fields }
}

const some = (layout: Layout, is: (layout: Layout) => boolean): boolean =>
  is(layout) ||
  (layout._tag === "List" && some(layout.of, is)) ||
  (layout._tag === "Struct" && layout.fields.some(([, field]) => some(field, is)))

/** The three ways of one layout in what is compiled: the names of two functions, and what reads it at the cursor. */
interface Names {
  readonly write: string
  readonly build: string
  readonly read: string
}

/**
 * Writes the program: three functions for each struct and list. The objects of a struct are made by a constructor, not by
 * a literal: once many objects of one literal have lived long, as those at hand do, V8 lets all of them begin in the old
 * generation.
 */
const programOf = (root: Layout): string => {
  const lines: Array<string> = []
  const write = (layout: Layout): Names => {
    if (layout._tag === "Scalar" || layout._tag === "Json")
      return { write: "asIs", build: "asIs", read: "cursor.scalar()" }
    const number = lines.length
    const names = { write: `write${number}`, build: `build${number}`, read: `read${number}(cursor)` }
    lines.push("")
    lines[number] =
      layout._tag === "List" ? list(number, names, write(layout.of)) : struct(number, names, layout.fields)
    return names
  }
  const list = (number: number, names: Names, of: Names) => `
    const ${names.write} = (value) => Array.isArray(value) ? value.map(${of.write}) : value
    const ${names.build} = (value) => Array.isArray(value) ? value.map(${of.build}) : value
    const read${number} = (cursor) => {
      if (!cursor.opens()) return cursor.scalar()
      const items = Array.of() // no literal, for the reason above
      if (!cursor.isEmpty()) do items.push(${of.read}); while (cursor.goesOn())
      cursor.closes()
      return items.slice() // without the room to grow
    }`
  const struct = (number: number, names: Names, fields: Struct["fields"]) => {
    const inner = fields.map(([name, layout], index) => ({
      name: JSON.stringify(name),
      at: `f${index}`,
      ...write(layout)
    }))
    const each = (text: (field: (typeof inner)[number], index: number) => string) => inner.map(text)
    return `
    const Struct${number} = function (${each(({ at }) => at).join(", ")}) {
      ${each(({ at, name }) => `this[${name}] = ${at}`).join("\n      ")}
    }
    Struct${number}.prototype = Object.prototype
    const ${names.write} = (value) => typeof value === "object" && value !== null
      ? [${each(({ name, write }) => `${write}(value[${name}])`).join(", ")}]
      : value
    const ${names.build} = (value) => Array.isArray(value) && value.length === ${fields.length}
      ? new Struct${number}(${each(({ build }, index) => `${build}(value[${index}])`).join(", ")})
      : value
    const read${number} = (cursor) => {
      if (!cursor.opens()) return cursor.scalar()
      ${each(({ at, read }) => `const ${at} = ${read}`).join("\n      cursor.separates()\n      ")}
      cursor.closes()
      return new Struct${number}(${each(({ at }) => at).join(", ")})
    }`
  }
  const { build, read, write: toTuple } = write(root)
  return `"use strict"
    const asIs = (value) => value
    ${lines.toReversed().join("\n")}
    return { toTuple: ${toTuple}, fromTuple: ${build}, read: (cursor) => ${read} }`
}

const nothing = Buffer.alloc(0)

interface Compiled extends Pick<Tuples, "toTuple" | "fromTuple"> {
  readonly read: (cursor: Cursor) => unknown
}

const isCompiled = (value: unknown): value is Compiled =>
  Predicate.hasProperty(value, "read") && Predicate.isFunction(value.read)

/** Effect's schemas are compiled in the same way. Where the process must make no code of text, there is none. */
const compile = (program: string): Compiled | undefined => {
  try {
    // oxlint-disable-next-line typescript/no-implied-eval, typescript/no-unsafe-call -- of nothing but the schema
    const compiled: unknown = new Function(program)()
    return isCompiled(compiled) ? compiled : undefined
  } catch {
    return undefined
  }
}

/** How values are written whose encoded form this is; `undefined` where tuples gain nothing or cannot tell. */
export const make = (ast: SchemaAST.AST): Tuples | undefined => {
  const layout = layoutOf(ast)
  if (!some(layout, ({ _tag }) => _tag === "Struct")) return undefined
  const isKnown = !some(layout, ({ _tag }) => _tag === "Json")
  const compiled = compile(programOf(layout))
  if (compiled === undefined) return undefined
  const cursor = new Cursor()
  return {
    shape: JSON.stringify(layout),
    toTuple: compiled.toTuple,
    fromTuple: compiled.fromTuple,
    parse: (text, bytes) => {
      if (!isKnown || text.includes("\\")) return undefined
      cursor.begin(text, bytes)
      const value = compiled.read(cursor)
      const isDone = cursor.isDone()
      // What was read last is not to be held until the next is.
      cursor.begin("", nothing)
      return isDone ? value : undefined
    }
  }
}
