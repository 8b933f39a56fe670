/**
 * This cache with everything that observes it: in a span that is exported, with metrics that are read and sent every
 * second, to a collector that takes them all.
 */
import { Effect, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import { Otlp } from "effect/observability"
import { createServer } from "node:http"
import { main, repeatEffect } from "../../contest/Contestant.ts"
import { open } from "../Ours.ts"
import { chunk, ids, nextId } from "./Keys.ts"

/** A collector that reads nothing of what it is sent. */
const collector = Effect.gen(function* () {
  const server = createServer((request, response) => {
    request.resume().on("end", () => response.end("{}"))
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () => Effect.sync(() => server.close().closeAllConnections())
  )
  const address = server.address()
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`
})

main(
  Effect.fnUntraced(function* (port) {
    const context = yield* Layer.build(
      Otlp.layerJson({
        baseUrl: yield* collector,
        resource: { serviceName: "bench" },
        metricsExportInterval: "1 second",
        tracerExportInterval: "1 second"
      }).pipe(Layer.provide(FetchHttpClient.layer))
    )
    const { matches } = yield* Effect.provideContext(open(port), context)
    yield* matches.getMany(ids)
    const reads = repeatEffect(
      chunk,
      Effect.gen(function* () {
        for (let index = 0; index < chunk; index++) yield* matches.get(nextId())
      }).pipe(Effect.withSpan("request"))
    )
    return { get: (millis) => Effect.provideContext(reads(millis), context) }
  })
)
