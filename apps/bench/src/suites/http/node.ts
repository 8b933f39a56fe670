/** Node alone: it knows the bytes, and sends them. */
import { Effect, Record } from "effect"
import { createServer } from "node:http"
import { main } from "../../contest/Contestant.ts"
import * as Load from "./Load.ts"
import { answers, paths } from "./Season.ts"

main(
  Effect.fnUntraced(function* (redis) {
    const load = yield* Load.make
    const known = yield* answers(redis, "http-node")
    const port = yield* Effect.callback<number>((resume) => {
      const server = createServer((request, response) => {
        const answer = known.get(request.url ?? "")
        response.writeHead(answer === undefined ? 404 : 200, answer?.headers)
        response.end(answer?.bytes)
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed(typeof address === "object" ? (address?.port ?? 0) : 0))
      })
    })
    return Record.map(paths, (path) => load(port, path))
  })
)
