/**
 * The HTTP server. What is at hand is sent where Node tells of the request, without a fiber; everything else goes Effect's
 * way. A fiber with its context and scope costs about as much as all that Node does for a request.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Position } from "@letletme/cache"
import { type Duration, Effect, Layer, Schedule, Scope } from "effect"
import { HttpServer } from "effect/http"
import { ServeError } from "effect/http/HttpServerError"
import { NetAddress } from "effect/net"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { Answers, type Asked } from "./Answers.ts"
import * as Limits from "./Limits.ts"

/** Settings of the server. */
export interface Options extends Limits.Limits {
  /** The port; 0 takes a free one. */
  readonly port: number
  /** The address to listen at. Default: 127.0.0.1. */
  readonly host?: string
  /** How long requests under way may take once it stops. Default: 10 seconds. */
  readonly drain?: Duration.Input
}

/** What a slow or idle client may cost (ms). */
const times = { headersTimeout: 5_000, requestTimeout: 10_000, keepAliveTimeout: 10_000 }
const mostConnections = 10_000

/** What an answer depends on; none where that is not stated as it should be: then it is said so elsewhere. */
const askedOf = ({ headers, url }: IncomingMessage): Asked | undefined => {
  const stated = headers["letletme-after"]
  const after = stated === undefined ? Position.zero : Position.fromText(String(stated))
  const acceptEncoding = headers["accept-encoding"]
  return url === undefined || after === undefined || Array.isArray(acceptEncoding)
    ? undefined
    : { url, acceptEncoding, ifNoneMatch: headers["if-none-match"], after }
}

const listen = ({ host = "127.0.0.1", port }: Options) =>
  Effect.callback<Server, ServeError>((resume) => {
    const server = createServer(times)
    server.maxConnections = mostConnections
    const refused = (cause: Error) => resume(Effect.fail(new ServeError({ cause })))
    server.once("error", refused)
    server.listen(port, host, () => {
      server.off("error", refused)
      resume(Effect.succeed(server))
    })
  })

const make = Effect.fnUntraced(function* (options: Options) {
  const answers = yield* Answers
  const refuse = Limits.make(options)
  const server = yield* Effect.acquireRelease(listen(options), (one) => Effect.sync(() => one.closeAllConnections()))
  let isDraining = false

  /** Sends what is at hand, and what is refused. Answers whether it did. */
  const isDone = (request: IncomingMessage, response: ServerResponse): boolean => {
    const refusal = refuse(request)
    if (refusal !== undefined) {
      response.writeHead(refusal.status, refusal.headers)
      response.end(request.method === "HEAD" ? undefined : refusal.body)
      return true
    }
    if (request.method === "OPTIONS") return false
    const asked = askedOf(request)
    const reply = asked === undefined ? undefined : answers.atHand(asked)
    if (reply === undefined) return false
    response.writeHead(reply.status, reply.headers)
    response.end(request.method === "HEAD" ? undefined : reply.body)
    return true
  }

  // Connections end with the request that is under way on them: those that became idle meanwhile are closed by this.
  const closeIdle = Effect.repeat(
    Effect.sync(() => server.closeIdleConnections()),
    Schedule.spaced("50 millis")
  )
  const drain = Effect.suspend(() => {
    isDraining = true
    const closed = Effect.callback<void>((resume) => {
      server.close(() => resume(Effect.void))
    })
    return Effect.timeoutOrElse(Effect.raceFirst(closed, closeIdle), {
      duration: options.drain ?? "10 seconds",
      orElse: () => Effect.logWarning("Requests that were under way are cut off: they took too long")
    })
  })

  const at = server.address()
  const address =
    at === null || typeof at === "string"
      ? NetAddress.unixPathAddress(at ?? "")
      : yield* Effect.fromResult(NetAddress.inetAddressFromIpString(at.address, at.port)).pipe(
          Effect.mapError((cause) => new ServeError({ cause }))
        )
  return HttpServer.make({
    address,
    serve: Effect.fnUntraced(function* (app, middleware) {
      const requests = yield* Scope.fork(yield* Effect.scope, "parallel")
      const handler = yield* NodeHttpServer.makeHandler(app, { scope: requests, middleware })
      const listener = (request: IncomingMessage, response: ServerResponse) => {
        if (isDraining) response.shouldKeepAlive = false
        if (!isDone(request, response)) handler(request, response)
      }
      server.on("request", listener)
      // Before the requests' scope is closed, which would interrupt them.
      yield* Effect.addFinalizer(() => drain)
    })
  })
})

/** An HTTP server that sends answers at hand by itself. It stops when its requests are done, and takes none meanwhile. */
export const layer = (options: Options): Layer.Layer<HttpServer.HttpServer, ServeError, Answers> =>
  Layer.effect(HttpServer.HttpServer, make(options))
