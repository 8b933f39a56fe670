/**
 * Translates scripts to JavaScript: what those of the protocol use of Lua 5.1. Whatever else a script asks for is
 * refused with its line, or fails when it runs: nothing is done in another way than Redis does it.
 *
 * @see https://www.lua.org/manual/5.1/manual.html
 */
import luaparse, { type CallExpression, type Expression, type Identifier, type Node, type Statement } from "luaparse"
import { library, LuaError, patternOf } from "./LuaLibrary.ts"

/** The variables that a block knows, with the name of each in JavaScript. */
type Scope = Map<string, string>

const refuse = (node: Node, what: string) =>
  new LuaError(`user_script:${node.loc?.start.line}: ${what} is not supported by the simulated server`)

/** The name of a function of the library; `undefined` for what a variable holds. */
const nameOf = (base: Expression, scope: Scope): string | undefined => {
  const isField = base.type === "MemberExpression" && base.indexer === "."
  const first = isField ? base.base : base
  if (first.type !== "Identifier" || scope.has(first.name)) return undefined
  return isField ? `${first.name}.${base.identifier.name}` : first.name
}

// What the operands of an operator are taken for, and its name in JavaScript.
const operators: ReadonlyMap<string, readonly [as: string, operator: string]> = new Map([
  ["+", ["lua.number", "+"]],
  ["-", ["lua.number", "-"]],
  ["*", ["lua.number", "*"]],
  ["<", ["lua.ordered", "<"]],
  ["<=", ["lua.ordered", "<="]],
  [">", ["lua.ordered", ">"]],
  [">=", ["lua.ordered", ">="]],
  ["..", ["lua.text", "+"]],
  ["==", ["", "==="]],
  ["~=", ["", "!=="]]
])

// What answers a status, which Lua sees as a table.
const answersStatus = /^(?:set|flushall)$/i

/** The text of a script that sets `script.run` to a function of keys and arguments. */
export const translate = (script: string): string => {
  let variables = 0
  const declare = (scope: Scope, { name }: Identifier): string => {
    const own = `${name}_${++variables}`
    scope.set(name, own)
    return own
  }

  const lines = script.split("\n")
  /** Of a call in brackets one result counts; the parser does not tell. */
  const isInBrackets = ({ loc }: CallExpression): boolean => {
    const { column = 0, line = 1 } = loc?.start ?? {}
    const before = [...lines.slice(0, line - 1), lines[line - 1]?.slice(0, column)].join("\n")
    return /(?:[=,({\s]|\breturn)\(\s*$/.test(before)
  }

  /** A list of values. Of a call at its end, all results count. */
  const values = (nodes: ReadonlyArray<Expression>, scope: Scope): string => {
    const parts = nodes.map((node, index) => {
      if (node.type !== "CallExpression" || index < nodes.length - 1) return value(node, scope)
      if (isInBrackets(node)) throw refuse(node, "a call in brackets")
      return `...${results(node, scope)}`
    })
    return `[${parts.join(", ")}]`
  }

  const results = (node: CallExpression, scope: Scope, isStatement = false): string => {
    const { arguments: args, base } = node
    const [first, second] = args
    const name = nameOf(base, scope)
    if (name === undefined) return `lua.call(${value(base, scope)}, ${values(args, scope)})`
    if (name === "string.match" && first !== undefined && second?.type === "StringLiteral") {
      const pattern = patternOf(second.value)
      if (pattern === undefined || args.length > 2) throw refuse(node, `string.match by '${second.value}'`)
      return `lua.match(${value(first, scope)}, ${pattern})`
    }
    if (name !== "redis.call" && !Object.hasOwn(library, name)) throw refuse(node, `calling '${name}' so`)
    const isPlain = first?.type === "StringLiteral" && !answersStatus.test(first.value)
    if (name === "redis.call" && !isStatement && !isPlain) throw refuse(node, "the status that such a command answers")
    return `library["${name}"](${values(args, scope)})`
  }

  const value = (node: Expression, scope: Scope): string => {
    switch (node.type) {
      case "StringLiteral":
        return JSON.stringify(node.value)
      case "NumericLiteral":
      case "BooleanLiteral":
        return String(node.value)
      case "NilLiteral":
        return "undefined"
      case "Identifier": {
        const variable = scope.get(node.name)
        if (variable === undefined) throw refuse(node, `the global variable '${node.name}'`)
        return variable
      }
      case "CallExpression":
        return `${results(node, scope)}[0]`
      case "IndexExpression":
        return `lua.get(${value(node.base, scope)}, ${value(node.index, scope)})`
      case "TableConstructorExpression": {
        const items = node.fields.map((field) => {
          if (field.type !== "TableValue") throw refuse(field, "a table with keys")
          return field.value
        })
        return `lua.list(${values(items, scope)})`
      }
      case "UnaryExpression": {
        const argument = value(node.argument, scope)
        if (node.operator === "not") return `!lua.isTrue(${argument})`
        if (node.operator === "#") return `lua.length(${argument})`
        return `-lua.number(${argument})`
      }
      case "LogicalExpression": {
        const [left, right] = [value(node.left, scope), value(node.right, scope)]
        const [whole, other] = node.operator === "and" ? [right, "left"] : ["left", right]
        return `((left) => lua.isTrue(left) ? ${whole} : ${other})(${left})`
      }
      case "BinaryExpression": {
        const [left, right] = [value(node.left, scope), value(node.right, scope)]
        if (node.operator === "%") return `lua.modulo(lua.number(${left}), lua.number(${right}))`
        const [as, operator] = operators.get(node.operator) ?? []
        if (operator === undefined) throw refuse(node, `'${node.operator}'`)
        return `(${as}(${left}) ${operator} ${as}(${right}))`
      }
      default:
        throw refuse(node, node.type)
    }
  }

  const block = (nodes: ReadonlyArray<Statement>, scope: Scope): string =>
    `{\n${nodes.map((node) => `${statement(node, scope)};\n`).join("")}}`

  const statement = (node: Statement, scope: Scope): string => {
    const own = new Map(scope)
    switch (node.type) {
      case "LocalStatement": {
        const held = values(node.init, scope)
        return `let [${node.variables.map((name) => declare(scope, name)).join(", ")}] = ${held}`
      }
      case "AssignmentStatement": {
        const [target, second] = node.variables
        const held = values(node.init, scope)
        if (target?.type === "IndexExpression" && second === undefined) {
          return `lua.set(${value(target.base, scope)}, ${value(target.index, scope)}, ${held}[0])`
        }
        const names = node.variables.map((one) => {
          if (one.type !== "Identifier") throw refuse(one, "an assignment to such a variable")
          return value(one, scope)
        })
        return `[${names.join(", ")}] = ${held}`
      }
      case "CallStatement":
        if (node.expression.type !== "CallExpression") throw refuse(node, "such a call")
        return results(node.expression, scope, true)
      case "FunctionDeclaration": {
        if (!node.isLocal || node.identifier?.type !== "Identifier") throw refuse(node, "a function that is not local")
        const name = declare(scope, node.identifier)
        own.set(node.identifier.name, name)
        const parameters = node.parameters.map((one) => {
          if (one.type !== "Identifier") throw refuse(one, "'...'")
          return declare(own, one)
        })
        return `let ${name} = ([${parameters.join(", ")}]) => { ${block(node.body, own)} return [] }`
      }
      case "IfStatement": {
        const clauses = node.clauses.map((clause) => {
          const condition = clause.type === "ElseClause" ? "" : `if (lua.isTrue(${value(clause.condition, scope)})) `
          return condition + block(clause.body, new Map(scope))
        })
        return clauses.join(" else ")
      }
      case "ForNumericStatement": {
        if (node.step !== null) throw refuse(node, "a step")
        const range = `let at = lua.number(${value(node.start, scope)}), end = lua.number(${value(node.end, scope)})`
        return `for (${range}; at <= end; at++) { let ${declare(own, node.variable)} = at; ${block(node.body, own)} }`
      }
      case "ForGenericStatement": {
        const [iterator] = node.iterators
        if (iterator?.type !== "CallExpression" || nameOf(iterator.base, scope) !== "ipairs") {
          throw refuse(node, "a loop by other than ipairs")
        }
        const range = `let at = 1, items = ${values(iterator.arguments, scope)}[0]; at <= lua.length(items); at++`
        const names = node.variables.map((name) => declare(own, name)).join(", ")
        return `for (${range}) { let [${names}] = [at, lua.get(items, at)]; ${block(node.body, own)} }`
      }
      case "ReturnStatement":
        return `return ${values(node.arguments, scope)}`
      default:
        throw refuse(node, node.type)
    }
  }

  const { body } = parse(script)
  const globals = new Map([
    ["KEYS", "KEYS"],
    ["ARGV", "ARGV"]
  ])
  return `script.run = ([KEYS, ARGV]) => { ${block(body, globals)} return [] }`
}

const parse = (script: string): luaparse.Chunk => {
  try {
    return luaparse.parse(script, { luaVersion: "5.1", encodingMode: "pseudo-latin1", locations: true })
  } catch (error) {
    throw new LuaError(`user_script: ${String(error)}`)
  }
}
