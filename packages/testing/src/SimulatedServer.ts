/**
 * A Redis server as a value: its keys, its scripts, its run, and what may befall it. It knows nothing of networks.
 *
 * It answers the commands that the cache sends, and runs the cache's scripts as they are shipped. A command that it does
 * not know is an error, as it is to Redis. Strings hold a byte in each character.
 */
import { createHash } from "node:crypto"
import * as Lua from "./internal/Lua.ts"
import { LuaError } from "./internal/LuaLibrary.ts"

export type Reply = Lua.Reply

type Value =
  | { readonly _tag: "string"; readonly bytes: string; readonly expiresAt: number }
  | { readonly _tag: "hash"; readonly fields: Map<string, string> }
  | { readonly _tag: "stream"; readonly entries: Array<StreamEntry> }

interface StreamEntry {
  readonly id: number
  readonly fields: ReadonlyArray<string>
}

/** What a server holds at a moment: what a restart or a replica may have instead of the present. */
export type Copy = ReadonlyMap<string, Value>

/** The server refuses a command: its words begin with a code, as those of Redis do. */
export class Refusal extends Error {}

export interface SimulatedServer {
  /** Carries out one command. Throws a {@link Refusal}. */
  readonly execute: (command: ReadonlyArray<string>) => Reply
  /** Calls back once, when something is added to a stream. Answers how to stop listening. */
  readonly onAppend: (listener: () => void) => () => void
  /** A copy of what it holds, as a replica or a file would have it. */
  readonly copy: () => Copy
  /** Another run of the server, which holds this. */
  readonly restart: (held: Copy) => void
  /** All keys that are there. */
  readonly keys: () => ReadonlyArray<string>
  readonly forgetScripts: () => void
  /** Leaves a stream its last entry only. */
  readonly trim: (key: string) => void
}

const nothing: Copy = new Map()

const clone = (held: Copy): Map<string, Value> =>
  new Map(
    Array.from(held, ([key, value]): [string, Value] => {
      switch (value._tag) {
        case "string":
          return [key, value]
        case "hash":
          return [key, { _tag: "hash", fields: new Map(value.fields) }]
        case "stream":
          return [key, { _tag: "stream", entries: [...value.entries] }]
      }
    })
  )

const wrongType = () => new Refusal("WRONGTYPE Operation against a key holding the wrong kind of value")

/**
 * Starts a server. `now` is its clock, in epoch milliseconds. Servers that are given the same `lua` compile their
 * scripts once.
 */
export const make = (options: { readonly lua?: Lua.Lua; readonly now: () => number }): SimulatedServer => {
  const { lua = Lua.make(), now } = options
  let data = clone(nothing)
  let runs = 0
  let runId = ""
  let scripts = new Map<string, string>()
  let listeners = new Set<() => void>()
  let hasAppended = false

  const restart = (held: Copy): void => {
    data = clone(held)
    runId = createHash("sha1").update(`run ${++runs}`).digest("hex")
    scripts = new Map()
  }
  restart(nothing)

  const find = (key: string): Value | undefined => {
    const value = data.get(key)
    if (value?._tag !== "string" || value.expiresAt > now()) return value
    data.delete(key)
    return undefined
  }
  const string = (key: string): string | undefined => {
    const value = find(key)
    if (value !== undefined && value._tag !== "string") throw wrongType()
    return value?.bytes
  }
  const hash = (key: string): Map<string, string> | undefined => {
    const value = find(key)
    if (value !== undefined && value._tag !== "hash") throw wrongType()
    return value?.fields
  }
  const stream = (key: string): Array<StreamEntry> => {
    const value = find(key)
    if (value !== undefined && value._tag !== "stream") throw wrongType()
    return value?.entries ?? []
  }
  const shown = ({ id, fields }: StreamEntry): Reply => [`${id}-0`, fields]
  const bound = (text: string): number =>
    text === "-" ? 0 : text === "+" ? Number.POSITIVE_INFINITY : Number(text.replace("(", "").replace("-0", ""))
  const count = (args: ReadonlyArray<string>): number => {
    const at = args.indexOf("COUNT")
    return at === -1 ? Number.POSITIVE_INFINITY : Number(args[at + 1])
  }
  const remove = (keys: ReadonlyArray<string>): number => keys.filter((key) => data.delete(key)).length
  const within = (key: string, from: string, to: string): Array<StreamEntry> =>
    stream(key).filter(({ id }) => (from.startsWith("(") ? id > bound(from) : id >= bound(from)) && id <= bound(to))

  const evaluate = (text: string, rest: ReadonlyArray<string>): Reply => {
    scripts.set(createHash("sha1").update(text).digest("hex"), text)
    const [keys, ...args] = rest
    const count = Number(keys)
    try {
      return lua.run(text, args.slice(0, count), args.slice(count), call)
    } catch (error) {
      if (error instanceof LuaError) throw new Refusal(`ERR ${error.message}, script`)
      throw error
    }
  }

  const commands: Readonly<Record<string, (key: string, ...args: ReadonlyArray<string>) => Reply>> = {
    GET: (key) => string(key) ?? null,
    MGET: (...keys) =>
      keys.map((key) => {
        const value = find(key)
        return value?._tag === "string" ? value.bytes : null
      }),
    GETRANGE: (key, from, to) => (string(key) ?? "").slice(Number(from), Number(to) + 1),
    SET: (key, bytes = "", ...args) => {
      const at = args.indexOf("PX")
      const expiresAt = at === -1 ? Number.POSITIVE_INFINITY : now() + Number(args[at + 1])
      data.set(key, { _tag: "string", bytes, expiresAt })
      return "OK"
    },
    DEL: (...keys) => remove(keys),
    UNLINK: (...keys) => remove(keys),
    SCAN: (_cursor, _match, pattern = "*") => {
      const prefix = pattern.replace(/\*$/, "").replaceAll("\\", "")
      return ["0", [...data.keys()].filter((key) => key.startsWith(prefix) && find(key) !== undefined)]
    },
    HGET: (key, field = "") => hash(key)?.get(field) ?? null,
    HMGET: (key, ...fields) => fields.map((field) => hash(key)?.get(field) ?? null),
    HGETALL: (key) => [...(hash(key) ?? [])].flat(),
    HDEL: (key, ...fields) => {
      const held = hash(key)
      const removed = fields.filter((field) => held?.delete(field)).length
      // A hash without fields is none.
      if (held?.size === 0) data.delete(key)
      return removed
    },
    HSET: (key, ...pairs) => {
      const fields = hash(key) ?? new Map<string, string>()
      data.set(key, { _tag: "hash", fields })
      const before = fields.size
      for (let index = 0; index + 1 < pairs.length; index += 2) fields.set(pairs[index] ?? "", pairs[index + 1] ?? "")
      return fields.size - before
    },
    XADD: (key, ...args) => {
      const bounded = args[0] === "MAXLEN"
      const [id = "", ...fields] = bounded ? args.slice(3) : args
      const entries = stream(key)
      const last = entries.at(-1)?.id ?? 0
      if (bound(id) <= last)
        throw new Refusal("ERR The ID specified in XADD is equal or smaller than the target stream top item")
      entries.push({ id: bound(id), fields })
      data.set(key, { _tag: "stream", entries: bounded ? entries.slice(-Number(args[2])) : entries })
      hasAppended = true
      return id
    },
    XRANGE: (key, from = "-", to = "+", ...args) => within(key, from, to).slice(0, count(args)).map(shown),
    XREVRANGE: (key, to = "+", from = "-", ...args) =>
      within(key, from, to).toReversed().slice(0, count(args)).map(shown),
    XREAD: (...args) => {
      const at = args.indexOf("STREAMS")
      const key = args[at + 1] ?? ""
      const found = within(key, `(${args[at + 2] ?? "0-0"}`, "+").slice(0, count(args))
      return found.length === 0 ? null : [[key, found.map(shown)]]
    },
    // As a float: the Lua machine's integers would not hold the product.
    TIME: () => [`${Math.floor(now() / 1000)}.0`, `${(now() % 1000) * 1000}`],
    INFO: () => `# Server\r\nrun_id:${runId}\r\n`,
    FLUSHALL: () => {
      data = clone(nothing)
      return "OK"
    },
    EVAL: (text, ...rest) => evaluate(text, rest),
    EVALSHA: (digest, ...rest) => {
      const text = scripts.get(digest)
      if (text === undefined) throw new Refusal("NOSCRIPT No matching script. Please use EVAL.")
      return evaluate(text, rest)
    }
  }

  const call = ([name = "", ...args]: ReadonlyArray<string>): Reply => {
    const run = commands[name.toUpperCase()]
    if (run === undefined) throw new Refusal(`ERR unknown command '${name}'`)
    return run(args[0] ?? "", ...args.slice(1))
  }

  // Whoever waits is told when the command is done, and with it the script that it may be part of.
  const execute = (command: ReadonlyArray<string>): Reply => {
    const reply = call(command)
    if (hasAppended) {
      hasAppended = false
      const told = listeners
      listeners = new Set()
      for (const listener of told) listener()
    }
    return reply
  }

  return {
    execute,
    onAppend: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    copy: () => clone(data),
    restart,
    keys: () => [...data.keys()].filter((key) => find(key) !== undefined),
    forgetScripts: () => {
      scripts = new Map()
    },
    trim: (key) => {
      const entries = stream(key)
      if (entries.length > 0) data.set(key, { _tag: "stream", entries: entries.slice(-1) })
    }
  }
}
