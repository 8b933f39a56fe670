/**
 * One Redis server as it describes itself in INFO, which the cache's user may read, and in CONFIG, which it may not.
 */
import type { Redis, RedisError } from "@letletme/redis"
import { Effect } from "effect"

/** Sends a command to the server; bulk replies come as text or as bytes. */
export type Send = (command: string, args: ReadonlyArray<string | number>) => Effect.Effect<unknown, RedisError>

/** A server, as it describes itself. */
export interface Server {
  /** Its address, as far as it is known. */
  readonly name: string
  readonly send: Send
  /** A line of INFO, such as `maxmemory_policy`; empty where this version has none. */
  readonly info: (field: string) => string
  /** The same as a number; 0 where there is none. */
  readonly count: (field: string) => number
  /** The replicas that follow it. */
  readonly replicas: ReadonlyArray<Readonly<Record<string, string>>>
}

/** Asks a server to describe itself. */
const describe = Effect.fnUntraced(function* (name: string, send: Send) {
  const lines = String(yield* send("INFO", [])).split(/\r?\n/)
  const fields = new Map(
    lines.flatMap((line) => {
      const at = line.indexOf(":")
      return at === -1 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const]
    })
  )
  const info = (field: string) => fields.get(field) ?? ""
  const replicas = Array.from(fields).flatMap(([field, value]) =>
    /^slave\d+$/.test(field)
      ? [Object.fromEntries(value.split(",").map((pair): [string, string] => [before(pair), after(pair)]))]
      : []
  )
  return { name, send, info, count: (field) => Number(info(field)) || 0, replicas } satisfies Server
})

const before = (pair: string) => pair.slice(0, pair.indexOf("="))
const after = (pair: string) => pair.slice(pair.indexOf("=") + 1)

/** The server behind a connection, or the primaries of a cluster. */
export const serversOf = (
  { send, spread }: Redis["Service"],
  name: string
): Effect.Effect<ReadonlyArray<Server>, RedisError> =>
  spread === undefined
    ? Effect.map(
        describe(name, (command, args) => send(command, ...args)),
        (server) => [server]
      )
    : Effect.flatMap(spread.primaries, (sends) =>
        Effect.forEach(sends, (send, index) => describe(`Primary ${index + 1} of ${sends.length}`, send))
      )

/**
 * Settings of the server by their names; `undefined` where it does not let this user ask, as managed services do not. It
 * is asked no further once it has refused: a refusal stands in the server's log.
 */
export const settingsOf = (
  { send }: Server,
  names: ReadonlyArray<string>
): Effect.Effect<ReadonlyMap<string, string> | undefined> =>
  Effect.forEach(names, (name) =>
    Effect.map(send("CONFIG", ["GET", name]), (reply) =>
      Array.isArray(reply) && reply.length > 1 ? [[name, String(reply[1])] as const] : []
    )
  ).pipe(
    Effect.map((found) => new Map(found.flat())),
    Effect.orElseSucceed(() => undefined)
  )
