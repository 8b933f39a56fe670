/**
 * Runs the scripts of the protocol as they are shipped, on a Lua machine in JavaScript.
 *
 * Redis speaks Lua 5.1, Fengari 5.3: `unpack` is put back, and numbers that Fengari's 32-bit integers could not hold
 * come as floats.
 */
import fengari from "fengari"

const { lua, lauxlib, lualib, to_luastring } = fengari

/** A reply of Redis. Strings hold a byte in each character. */
export type Reply = null | number | string | ReadonlyArray<Reply>

/** Runs one command of a script. Throws, as Redis does inside a script, where the command fails. */
export type Call = (command: ReadonlyArray<string>) => Reply

/** A Lua machine: compiled scripts, and the server whose commands they call. */
export interface Lua {
  readonly run: (script: string, keys: ReadonlyArray<string>, args: ReadonlyArray<string>, call: Call) => Reply
}

/** A script failed: its words. */
export class LuaError extends Error {}

export const make = (): Lua => {
  const state = lauxlib.luaL_newstate()
  lualib.luaL_openlibs(state)
  lauxlib.luaL_dostring(state, to_luastring("unpack = table.unpack"))
  let current: Call = () => null
  const compiled = new Map<string, number>()

  const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1")
  const textAt = (index: number): string => Buffer.from(lua.lua_tostring(state, index)).toString("latin1")

  const push = (reply: Reply): void => {
    // In a script, "nothing" is false.
    if (reply === null) lua.lua_pushboolean(state, false)
    else if (typeof reply === "number") lua.lua_pushinteger(state, reply)
    else if (typeof reply === "string") lua.lua_pushstring(state, bytes(reply))
    else {
      lua.lua_createtable(state, reply.length, 0)
      for (const [index, item] of reply.entries()) {
        push(item)
        lua.lua_rawseti(state, -2, index + 1)
      }
    }
  }

  const read = (index: number): Reply => {
    switch (lua.lua_type(state, index)) {
      case lua.LUA_TNUMBER:
        return Math.trunc(lua.lua_tonumber(state, index))
      case lua.LUA_TSTRING:
        return textAt(index)
      case lua.LUA_TBOOLEAN:
        return lua.lua_toboolean(state, index) ? 1 : null
      case lua.LUA_TTABLE: {
        const items: Array<Reply> = []
        const length = lua.lua_rawlen(state, index)
        for (let item = 1; item <= length; item++) {
          lua.lua_rawgeti(state, index, item)
          items.push(read(lua.lua_gettop(state)))
          lua.lua_pop(state, 1)
        }
        return items
      }
      default:
        return null
    }
  }

  const setList = (name: string, items: ReadonlyArray<string>): void => {
    push(items)
    lua.lua_setglobal(state, to_luastring(name))
  }

  lua.lua_createtable(state, 0, 1)
  lua.lua_pushjsfunction(state, () => {
    const command = Array.from({ length: lua.lua_gettop(state) }, (_, index) =>
      lua.lua_type(state, index + 1) === lua.LUA_TNUMBER
        ? String(lua.lua_tonumber(state, index + 1))
        : textAt(index + 1)
    )
    push(current(command))
    return 1
  })
  lua.lua_setfield(state, -2, to_luastring("call"))
  lua.lua_setglobal(state, to_luastring("redis"))

  const failed = () => {
    const words = lua.lua_tojsstring(state, -1)
    lua.lua_pop(state, 1)
    return new LuaError(words)
  }

  return {
    run: (script, keys, args, call) => {
      let reference = compiled.get(script)
      if (reference === undefined) {
        if (lauxlib.luaL_loadstring(state, to_luastring(script)) !== lua.LUA_OK) throw failed()
        reference = lauxlib.luaL_ref(state, lua.LUA_REGISTRYINDEX)
        compiled.set(script, reference)
      }
      current = call
      setList("KEYS", keys)
      setList("ARGV", args)
      lua.lua_rawgeti(state, lua.LUA_REGISTRYINDEX, reference)
      if (lua.lua_pcall(state, 0, 1, 0) !== lua.LUA_OK) throw failed()
      const reply = read(lua.lua_gettop(state))
      lua.lua_pop(state, 1)
      return reply
    }
  }
}
