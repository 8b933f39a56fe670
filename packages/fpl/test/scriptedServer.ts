/**
 * An HTTP server on loopback that answers as it is told, well or badly.
 */
import { Effect } from "effect"
import { createServer, type ServerResponse } from "node:http"

/** One answer. `ending`: whole, cut off in mid-body, a byte now and then without end, or nothing at all. */
export interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  readonly ending?: "whole" | "cut" | "drip" | "silence" | "hangup"
}

/** What is answered to each path: one after another, the last one from then on. */
export interface Script {
  readonly "bootstrap-static": ReadonlyArray<Answer>
  readonly fixtures: ReadonlyArray<Answer>
}

export interface Arrival {
  readonly path: string
  readonly accept: string | undefined
  /** By the server's clock (ms). */
  readonly at: number
}

const send = (response: ServerResponse, answer: Answer): void => {
  const { body = "", ending = "whole", headers = {}, status = 200 } = answer
  const bytes = Buffer.from(body)
  const half = bytes.subarray(0, bytes.length / 2)
  const head = { "content-type": "application/json", ...headers }
  switch (ending) {
    case "whole":
      response.writeHead(status, head).end(bytes)
      return
    case "cut":
      response.writeHead(status, { ...head, "content-length": bytes.length })
      response.write(half, () => response.destroy())
      return
    case "drip": {
      response.writeHead(status, { ...head, "content-length": bytes.length })
      let sent = 0
      const timer = setInterval(() => response.write(bytes.subarray(sent, ++sent)), 5)
      response.on("close", () => clearInterval(timer))
      return
    }
    case "silence":
      return
    case "hangup":
      response.destroy()
  }
}

/** Serves the script until the scope closes. */
export const serve = (script: Script) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<{ readonly port: number; readonly arrivals: Array<Arrival>; readonly close: () => void }>(
        (resume) => {
          const arrivals: Array<Arrival> = []
          const answer = (path: "bootstrap-static" | "fixtures"): Answer => {
            const nth = arrivals.filter((arrival) => arrival.path === path).length - 1
            return script[path][nth] ?? script[path].at(-1) ?? { status: 404 }
          }
          const server = createServer((request, response) => {
            const path = request.url?.replace(/^\/api\/(.*)\/$/, "$1") ?? ""
            arrivals.push({ path, accept: request.headers.accept, at: performance.now() })
            send(response, path === "bootstrap-static" || path === "fixtures" ? answer(path) : { status: 404 })
          })
          server.listen(0, "127.0.0.1", () => {
            const address = server.address()
            const port = typeof address === "object" && address !== null ? address.port : 0
            const close = () => {
              server.closeAllConnections()
              server.close()
            }
            resume(Effect.succeed({ port, arrivals, close }))
          })
        }
      ),
      ({ close }) => Effect.sync(close)
    ),
    ({ arrivals, port }) => {
      const seen: ReadonlyArray<Arrival> = arrivals
      return { baseUrl: `http://127.0.0.1:${port}/api/`, arrivals: seen }
    }
  )
