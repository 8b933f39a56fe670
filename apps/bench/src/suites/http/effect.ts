/** Effect's server: it knows the responses, and sends them, each from a fiber. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Effect, Layer, Record } from "effect"
import { HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import { createServer } from "node:http"
import { main } from "../../contest/Contestant.ts"
import * as Load from "./Load.ts"
import { answers, paths, portOf } from "./Season.ts"

main(
  Effect.fnUntraced(function* (redis) {
    const load = yield* Load.make
    const known = new Map<string, HttpServerResponse.HttpServerResponse>()
    for (const [path, { bytes, headers }] of yield* answers(redis, "http-effect"))
      known.set(path, HttpServerResponse.uint8Array(bytes, { headers, contentType: headers["content-type"] }))
    const none = HttpServerResponse.empty({ status: 404 })
    const app = Effect.map(HttpServerRequest.HttpServerRequest, ({ url }) => known.get(url) ?? none)
    const context = yield* Layer.build(
      HttpServer.serve(app).pipe(
        Layer.provideMerge(NodeHttpServer.layerServer(() => createServer(), { port: 0, host: "127.0.0.1" }))
      )
    )
    const port = portOf(context)
    return Record.map(paths, (path) => load(port, path))
  })
)
