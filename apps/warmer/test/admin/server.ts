/**
 * The admin API over a real HTTP server, and requests to it as they are written.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { CacheManager, CacheStore, type InvalidationLog, Leadership } from "@letletme/cache"
import { ConfigProvider, Effect, Layer, Option, Redacted, Stream } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { createServer, request } from "node:http"
import * as Admin from "@letletme/warmer/admin/Admin"
import { Audit } from "@letletme/warmer/admin/Audit"
import type { Limits } from "@letletme/warmer/admin/Guard"
import { Token } from "@letletme/warmer/admin/Token"
import * as App from "@letletme/warmer/App"
import * as Recoveries from "@letletme/warmer/Recoveries"
import * as Source from "@letletme/warmer/Source"

export const secret = "0123456789abcdef0123456789abcdef-not-for-any-log"

const shared = { deductions: Option.none(), source: "simulated", season: Option.none() }

/** Waits until this process leads. */
const leads = Leadership.use(({ changes }) => Stream.runHead(Stream.filter(changes, ({ _tag }) => _tag === "Leading")))

/** The leadership of one who is alone; it outlasts what a busy machine does at one go. */
const alone = Layer.effectDiscard(leads).pipe(Layer.provideMerge(Leadership.layer({ lease: "3 seconds" })))

/** A season in memory. */
const app = App.layerWithSeason(
  shared,
  { _tag: "Memory" },
  { _tag: "Memory" },
  Source.layer(shared, { speed: 1, seed: 1 })
).pipe(Layer.provide(NodeServices.layer))

/** What a server is made of, where it is not the usual. */
export interface Parts {
  readonly limits?: Limits
  readonly leadership?: Layer.Layer<Leadership, never, InvalidationLog>
  readonly settings?: Readonly<Record<string, string>>
}

const quiet = { disableListenLog: true, disableLogger: true }

/** What the routes need, and a server for them. */
const beneath = ({ leadership = alone, settings = {} }: Parts) =>
  NodeHttpServer.layer(() => createServer(), {
    port: 0,
    host: "127.0.0.1",
    gracefulShutdownTimeout: "200 millis"
  }).pipe(
    Layer.provideMerge(Recoveries.layer),
    Layer.provideMerge(leadership),
    Layer.provideMerge(app),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: settings })))
  )

/** The admin API of a season in memory. */
export const server = (parts: Parts = {}) =>
  HttpRouter.serve(Admin.layerOver(parts.limits), quiet).pipe(
    Layer.provideMerge(Audit.layerMemory),
    Layer.provideMerge(Token.layer(Redacted.make(secret))),
    Layer.provideMerge(beneath(parts))
  )

/** The same as the environment has it. */
export const serverOf = (settings: Readonly<Record<string, string>>) =>
  HttpRouter.serve(Admin.layer, quiet).pipe(
    Layer.provideMerge(beneath({})),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: settings })))
  )

/** A request, its path and headers as they are stated. */
export interface Written {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Whether the body is sent in chunks, without its length. */
  readonly chunked?: boolean
  /** Whether the body never ends. */
  readonly open?: boolean
}

export const authorization = { authorization: `Bearer ${secret}` }

/** Sends a request, and answers status, headers and body. */
export const send = Effect.fnUntraced(function* (written: Written) {
  const { address } = yield* HttpServer.HttpServer
  const port = address._tag === "UnixPathAddress" ? 0 : address.port
  const { body = "", chunked = false, headers = {}, method = "POST", open = false, path } = written
  return yield* Effect.callback<
    { readonly status: number; readonly headers: Readonly<Record<string, unknown>>; readonly body: string },
    string
  >((resume) => {
    const length = chunked || open || method === "GET" ? {} : { "content-length": `${Buffer.byteLength(body)}` }
    const sent = request(
      {
        host: "127.0.0.1",
        port,
        method,
        path,
        agent: false,
        headers: { host: `localhost:${port}`, "content-type": "application/json", ...length, ...headers }
      },
      (response) => {
        let text = ""
        response.on("data", (data: Buffer) => {
          text += data.toString()
        })
        response.on("end", () =>
          resume(Effect.succeed({ status: response.statusCode ?? 0, headers: response.headers, body: text }))
        )
      }
    )
    sent.on("error", (error) => resume(Effect.fail(error.message)))
    if (open) sent.write(body)
    else sent.end(body)
    return Effect.sync(() => sent.destroy())
  }).pipe(Effect.timeout("10 seconds"))
})

/** What a refusal must not change. */
export const held = Effect.gen(function* () {
  const position = yield* CacheManager.use((manager) => manager.position)
  const keys = yield* CacheStore.use(({ scan }) => Stream.runCollect(Stream.flattenIterable(scan("letletme:"))))
  return { position, keys: [...keys].toSorted() }
})
