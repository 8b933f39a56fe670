/**
 * A TCP proxy on loopback that mistreats what passes through it: it delays, throttles, swallows, and resets.
 *
 * @see https://github.com/Shopify/toxiproxy - the idea: faults between a client and its server, made at will
 */
import { Effect, Schema, type Scope } from "effect"
import { createConnection, createServer, type Server, type Socket } from "node:net"

/** The proxy could not listen. */
export class TcpProxyError extends Schema.TaggedError<TcpProxyError>()("TcpProxyError", { message: Schema.String }) {}

/**
 * How the proxy treats bytes, in both directions.
 *
 * - `Open` passes them on.
 * - `Slow` delays each by `latency` (ms) and passes on at most `bandwidth` bytes per second, each where stated.
 * - `Swallow` takes them and passes nothing on; nothing is closed, and new connections are accepted: half-open. Once
 *   this is over, a connection that lost bytes is reset when it is used again.
 * - `Refuse` resets connections that are made from now on.
 */
export type Condition =
  | { readonly _tag: "Open" }
  | { readonly _tag: "Slow"; readonly latency?: number; readonly bandwidth?: number }
  | { readonly _tag: "Swallow" }
  | { readonly _tag: "Refuse" }

/** A proxy in front of one server at a time. */
export interface TcpProxy {
  /** Where clients connect to, on 127.0.0.1. */
  readonly port: number
  /** How many connections of clients are open. */
  readonly connections: Effect.Effect<number>
  /** Treats bytes so from now on, those of open connections too. */
  readonly become: (condition: Condition) => Effect.Effect<void>
  /** Sends connections that are made from now on to this port; those that are open stay where they are. */
  readonly switchTo: (port: number) => Effect.Effect<void>
  /** Resets all connections at once. */
  readonly reset: Effect.Effect<void>
  /** Resets each connection in the middle of the server's next answer to it. */
  readonly resetInReply: Effect.Effect<void>
}

/** One direction of a connection: what came in and is not passed on yet. */
interface Way {
  readonly pass: (chunk: Buffer) => void
  /** Passes on what waits, as the condition is now. */
  readonly flush: () => void
  readonly close: () => void
}

// Node would answer an end by itself, and a socket that is ending cannot be reset any more: it would never close.
const halfOpen = { allowHalfOpen: true }

// A sender is not read from while so many bytes (of one direction) wait to be passed on.
const mostWaiting = 1024 * 1024

const makeWay = (from: Socket, to: Socket, condition: () => Condition): Way => {
  let waiting: Array<{ readonly at: number; readonly chunk: Buffer }> = []
  let bytes = 0
  let freeAt = 0
  let isFull = false
  let timer: NodeJS.Timeout | undefined
  const goOn = (): void => {
    if (!isFull && bytes < mostWaiting) from.resume()
  }
  const send = (chunk: Buffer): void => {
    if (to.write(chunk) || isFull) return
    isFull = true
    from.pause()
    to.once("drain", () => {
      isFull = false
      goOn()
    })
  }
  const flush = (): void => {
    timer = undefined
    const until = condition()._tag === "Slow" ? performance.now() : Number.POSITIVE_INFINITY
    const due = waiting.filter(({ at }) => at <= until)
    waiting = waiting.slice(due.length)
    if (waiting.length === 0) freeAt = 0
    for (const { chunk } of due) {
      bytes -= chunk.length
      send(chunk)
    }
    goOn()
    arm()
  }
  const arm = (): void => {
    const [first] = waiting
    if (first !== undefined && timer === undefined) timer = setTimeout(flush, Math.max(0, first.at - performance.now()))
  }
  return {
    pass: (chunk) => {
      const now = condition()
      // Bytes keep their order: none may overtake those that wait.
      if (now._tag !== "Slow" && waiting.length === 0) return send(chunk)
      const { bandwidth = Number.POSITIVE_INFINITY, latency = 0 } = now._tag === "Slow" ? now : {}
      freeAt = Math.max(freeAt, performance.now() + latency) + (chunk.length / bandwidth) * 1_000
      waiting.push({ at: freeAt, chunk })
      bytes += chunk.length
      if (bytes >= mostWaiting) from.pause()
      arm()
    },
    flush,
    close: () => {
      if (timer !== undefined) clearTimeout(timer)
      waiting = []
    }
  }
}

/** One connection of a client, and the proxy's own to the server. */
interface Link {
  readonly reset: () => void
  readonly flush: () => void
  isCutInReply: boolean
}

const makeLink = (client: Socket, server: Socket, condition: () => Condition, onEnd: (link: Link) => void): Link => {
  client.setNoDelay(true)
  server.setNoDelay(true)
  const up = makeWay(client, server, condition)
  const down = makeWay(server, client, condition)
  // A connection that lost bytes, or whose server is gone, is of no use any more; whoever uses it finds out.
  let isTorn = false
  const end = (): void => {
    up.close()
    down.close()
    client.destroy()
    server.destroy()
    onEnd(link)
  }
  const link: Link = {
    isCutInReply: false,
    flush: () => {
      up.flush()
      down.flush()
    },
    reset: () => {
      client.resetAndDestroy()
      end()
    }
  }
  const passable = (): boolean => {
    if (condition()._tag === "Swallow") isTorn = true
    else if (isTorn) link.reset()
    return !isTorn
  }
  client.on("data", (chunk) => {
    if (passable()) up.pass(chunk)
  })
  server.on("data", (chunk) => {
    if (!passable()) return
    if (!link.isCutInReply) return down.pass(chunk)
    // The half that is passed on has to leave before the reset does.
    server.pause()
    client.write(chunk.subarray(0, Math.ceil(chunk.length / 2)), link.reset)
  })
  const lost = (): void => {
    isTorn = true
    if (condition()._tag !== "Swallow" && !client.destroyed) link.reset()
  }
  client.on("error", () => undefined)
  client.on("end", end)
  client.on("close", end)
  server.on("error", () => undefined)
  server.on("end", lost)
  server.on("close", lost)
  return link
}

/**
 * Listens on a free port of loopback, for the life of the scope, and passes bytes to and from a port of 127.0.0.1.
 *
 * @example
 * ```ts
 * import { TcpProxy } from "@letletme/testing"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const proxy = yield* TcpProxy.make(6379)
 *   yield* proxy.become({ _tag: "Slow", latency: 50 })
 *   return proxy.port // connect here
 * })
 * ```
 */
export const make = (target: number): Effect.Effect<TcpProxy, TcpProxyError, Scope.Scope> =>
  Effect.gen(function* () {
    let condition: Condition = { _tag: "Open" }
    let port = target
    const links = new Set<Link>()

    const accept = (client: Socket): void => {
      if (condition._tag === "Refuse") {
        client.on("error", () => undefined)
        client.resetAndDestroy()
        return
      }
      const server = createConnection({ host: "127.0.0.1", port, ...halfOpen })
      links.add(
        makeLink(
          client,
          server,
          () => condition,
          (link) => links.delete(link)
        )
      )
    }

    const server = yield* Effect.acquireRelease(
      Effect.callback<Server, TcpProxyError>((resume) => {
        const listening = createServer(halfOpen, accept)
        listening.once("error", (error) =>
          resume(Effect.fail(new TcpProxyError({ message: `The proxy cannot listen: ${error.message}. Try again.` })))
        )
        listening.listen(0, "127.0.0.1", () => resume(Effect.succeed(listening)))
      }),
      (listening) =>
        Effect.callback<void>((resume) => {
          for (const link of links) link.reset()
          listening.close(() => resume(Effect.void))
        })
    )
    const address = server.address()

    return {
      port: typeof address === "object" && address !== null ? address.port : 0,
      connections: Effect.sync(() => links.size),
      become: (next) =>
        Effect.sync(() => {
          condition = next
          if (next._tag === "Open") for (const link of links) link.flush()
        }),
      switchTo: (next) =>
        Effect.sync(() => {
          port = next
        }),
      reset: Effect.sync(() => {
        for (const link of links) link.reset()
      }),
      resetInReply: Effect.sync(() => {
        for (const link of links) link.isCutInReply = true
      })
    }
  })
