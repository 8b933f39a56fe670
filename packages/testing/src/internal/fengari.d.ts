/** What is used of Fengari, a Lua machine in JavaScript, which ships no types. */
declare module "fengari" {
  /** A Lua state: opaque. */
  interface State {
    readonly status: number
  }
  const fengari: {
    readonly lua: {
      readonly LUA_OK: number
      readonly LUA_TNIL: number
      readonly LUA_TBOOLEAN: number
      readonly LUA_TNUMBER: number
      readonly LUA_TSTRING: number
      readonly LUA_TTABLE: number
      readonly LUA_REGISTRYINDEX: number
      readonly lua_createtable: (state: State, items: number, fields: number) => void
      readonly lua_gettop: (state: State) => number
      readonly lua_isinteger: (state: State, index: number) => boolean
      readonly lua_pcall: (state: State, args: number, results: number, handler: number) => number
      readonly lua_pop: (state: State, count: number) => void
      readonly lua_pushboolean: (state: State, value: boolean) => void
      readonly lua_pushinteger: (state: State, value: number) => void
      readonly lua_pushjsfunction: (state: State, run: (state: State) => number) => void
      readonly lua_pushstring: (state: State, value: Uint8Array) => void
      readonly lua_rawgeti: (state: State, index: number, item: number) => number
      readonly lua_rawlen: (state: State, index: number) => number
      readonly lua_rawseti: (state: State, index: number, item: number) => void
      readonly lua_setfield: (state: State, index: number, name: Uint8Array) => void
      readonly lua_setglobal: (state: State, name: Uint8Array) => void
      readonly lua_toboolean: (state: State, index: number) => boolean
      readonly lua_tojsstring: (state: State, index: number) => string
      readonly lua_tonumber: (state: State, index: number) => number
      readonly lua_tostring: (state: State, index: number) => Uint8Array
      readonly lua_type: (state: State, index: number) => number
    }
    readonly lauxlib: {
      readonly luaL_loadstring: (state: State, text: Uint8Array) => number
      readonly luaL_dostring: (state: State, text: Uint8Array) => boolean
      readonly luaL_newstate: () => State
      readonly luaL_ref: (state: State, index: number) => number
    }
    readonly lualib: { readonly luaL_openlibs: (state: State) => void }
    readonly to_luastring: (text: string) => Uint8Array
  }
  export default fengari
}
