/**
 * Lua 5.1 as the scripts of the protocol use it: its values, and what compiled scripts call. What is left out fails
 * loudly.
 */

/** A value. Numbers are doubles, strings hold a byte in each character, tables are lists without holes. */
export type Value = undefined | boolean | number | string | Array<Value> | Callable

/** A function: arguments and results are lists. */
export type Callable = (args: ReadonlyArray<Value>) => ReadonlyArray<Value>

/** A script failed, or asks for something that is not supported: its words. */
export class LuaError extends Error {}

const expected = (type: string, value: Value) =>
  new LuaError(`${type} expected, got ${value === undefined ? "nil" : Array.isArray(value) ? "table" : typeof value}`)

const parse = (text: string): number | undefined => {
  if (/^\s*[-+]?(?:0x|inf|nan)/i.test(text)) throw new LuaError(`the number '${text}' is not supported`)
  return /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?\s*$/i.test(text) ? Number(text) : undefined
}

/** What arithmetic takes a value for. */
export const number = (value: Value): number => {
  const found = typeof value === "string" ? parse(value) : value
  if (typeof found === "number") return found
  throw expected("number", value)
}

/** What is compared by order: a script that compares strings so would depend on the server's locale. */
export const ordered = (value: Value): number => {
  if (typeof value === "number") return value
  throw expected("number", value)
}

/**
 * What a text is made from. Lua writes numbers by one format, Redis those in commands by another: both agree on whole
 * ones below the bound, and no others are supported.
 */
export const text = (value: Value, bound = 1e14): string => {
  if (typeof value === "string") return value
  if (typeof value !== "number") throw expected("string", value)
  if (Number.isInteger(value) && Math.abs(value) < bound && !Object.is(value, -0)) return String(value)
  throw new LuaError(`the number ${value} as text is not supported: use string.format`)
}

const table = (value: Value): Array<Value> => {
  if (Array.isArray(value)) return value
  throw expected("table", value)
}

const place = (key: Value, last: number): number => {
  if (typeof key === "number" && Number.isInteger(key) && key >= 1 && key <= last) return key - 1
  throw new LuaError(`the key ${String(key)} is not supported: tables are lists without holes`)
}

const only = (count: number, args: ReadonlyArray<Value>): ReadonlyArray<Value> => {
  if (args.length <= count) return args
  throw new LuaError(`more than ${count} arguments are not supported`)
}

export const isTrue = (value: Value): boolean => value !== undefined && value !== false

export const length = (value: Value): number => (typeof value === "string" ? value : table(value)).length

export const modulo = (a: number, b: number): number => a - Math.floor(a / b) * b

export const get = (items: Value, key: Value): Value => table(items)[place(key, Number.POSITIVE_INFINITY)]

export const set = (items: Value, key: Value, value: Value): void => {
  if (value === undefined) throw new LuaError("removing from a table is not supported")
  table(items)[place(key, length(items) + 1)] = value
}

/** A new table. */
export const list = (items: ReadonlyArray<Value>): Value => {
  if (items.includes(undefined)) throw new LuaError("a table with nil in it is not supported")
  return [...items]
}

/** Calls what a variable holds. */
export const call = (callee: Value, args: ReadonlyArray<Value>): ReadonlyArray<Value> => {
  if (typeof callee === "function") return callee(args)
  throw expected("function", callee)
}

/** `string.match`, by what {@link patternOf} made of the pattern. */
export const match = (subject: Value, pattern: RegExp): ReadonlyArray<Value> => {
  const [whole, ...captures] = pattern.exec(text(subject)) ?? []
  return captures.length === 0 ? [whole] : captures
}

/** What scripts may call by its name. */
export const library: Readonly<Record<string, Callable>> = {
  tonumber: (args) => {
    const [value] = only(1, args)
    return [typeof value === "string" ? parse(value) : typeof value === "number" ? value : undefined]
  },
  unpack: (args) => table(only(1, args)[0]),
  "redis.error_reply": (args) => {
    throw new LuaError(text(only(1, args)[0]))
  },
  "math.max": (args) => [Math.max(number(args[0]), ...args.slice(1).map(number))],
  "table.concat": (args) => {
    const [items, separator = ""] = only(2, args)
    const texts = table(items).map((item) => text(item))
    return [texts.join(text(separator))]
  },
  "string.format": ([format, value]) => {
    const found = number(value)
    // Where a half goes is a matter of the C library.
    if (format === "%.0f" && Number.isInteger(found) && !Object.is(found, -0)) return [BigInt(found).toString()]
    throw new LuaError(`string.format of ${found} by '${text(format)}' is not supported`)
  }
}

// What may be repeated (a class, any byte, or a byte), and brackets.
const token = /(%[dx]|%[^0-9A-Za-z]|\.|[^%.()[\]*+?^$-])([*+]?)|([()])/gs
const classes: Readonly<Record<string, string>> = { "%d": "[0-9]", "%x": "[0-9A-Fa-f]", ".": "." }

/** A pattern of Lua as an expression of JavaScript; `undefined` where it has sets, `-`, `?`, `%b` and the like. */
export const patternOf = (pattern: string): RegExp | undefined => {
  const [, start = "", body = "", end = ""] = /^(\^?)(.*?)((?<!%)\$)?$/s.exec(pattern) ?? []
  const tokens = [...body.matchAll(token)]
  if (body.includes("()") || tokens.map(([whole]) => whole).join("") !== body) return undefined
  const source = tokens.map(([, one = "", often = "", bracket = ""]) => {
    const literal = one.replace(/^%/, "").replace(/[/.*+?^${}()|[\]\\]/, "\\$&")
    return bracket + (classes[one] ?? literal) + often
  })
  return new RegExp(`${start}${source.join("")}${end}`, "s")
}
