/**
 * Runs the scripts of the protocol as they are shipped, as Redis runs them: compiled to JavaScript, each once.
 */
import { compileFunction } from "node:vm"
import { translate } from "./LuaCompiler.ts"
import * as LuaLibrary from "./LuaLibrary.ts"
import type { Callable, Value } from "./LuaLibrary.ts"

/** A reply of Redis. Strings hold a byte in each character. */
export type Reply = null | number | string | ReadonlyArray<Reply>

/** Runs one command of a script. Throws, as Redis does inside a script, where the command fails. */
export type Call = (command: ReadonlyArray<string>) => Reply

/** A Lua machine: compiled scripts, and the server whose commands they call. */
export interface Lua {
  readonly run: (script: string, keys: ReadonlyArray<string>, args: ReadonlyArray<string>, call: Call) => Reply
}

// In a script, "nothing" is false.
const toValue = (reply: Reply): Value =>
  reply === null ? false : typeof reply === "object" ? reply.map(toValue) : reply

const toReply = (value: Value): Reply => {
  if (Array.isArray(value)) return value.map(toReply)
  // An integer has no negative zero.
  if (typeof value === "number") return Math.trunc(value) + 0
  return typeof value === "string" ? value : value === true ? 1 : null
}

/** Makes a machine, which compiles each script once. */
export const make = (): Lua => {
  let current: Call = () => null
  const library: typeof LuaLibrary.library = {
    ...LuaLibrary.library,
    "redis.call": (args) => [toValue(current(args.map((one) => LuaLibrary.text(one, 2 ** 53))))]
  }
  const compiled = new Map<string, Callable>()

  const compile = (text: string): Callable => {
    const script: { run: Callable } = { run: () => [] }
    const define = compileFunction(translate(text), ["script", "lua", "library"])
    Reflect.apply(define, undefined, [script, LuaLibrary, library])
    compiled.set(text, script.run)
    return script.run
  }

  return {
    run: (script, keys, args, call) => {
      const run = compiled.get(script) ?? compile(script)
      current = call
      return toReply(run([[...keys], [...args]])[0])
    }
  }
}
