import { assert, describe, it } from "@effect/vitest"
import { Meter } from "@letletme/cache"
import { Effect } from "effect"
import { RedisServer } from "@letletme/testing"
import { createServer } from "node:http"
import { text } from "node:stream/consumers"
import * as Instruments from "@letletme/warmer/Instruments"
import { ask, daemon, health, run, within } from "./process.ts"

const known = new Map(Instruments.all.map((one) => [Meter.prometheusName(one), one]))

describe("the metrics of the warmer", () => {
  it.live("are those that /metrics has, with those labels, and no others", () =>
    Effect.gen(function* () {
      const { url } = yield* RedisServer
      const args = ["run", "--port", "0", "--every", "0.3", "--monitor", "0.3", "--store", url]
      const warmer = yield* daemon(args)
      const address = yield* warmer.address
      yield* health(address, "ready")
      const answer = yield* Effect.retry(
        Effect.filterOrFail(ask(`${address}/metrics`), ({ body }) => body.includes("monitor_samples_total{")),
        within
      )
      const families = Array.from(answer.body.matchAll(/^# TYPE (\S+) (\w+)$/gm), ([, name = "", kind = ""]) => ({
        name,
        kind
      }))
      assert.sameMembers(
        families.map(({ name }) => name),
        [...known.keys()]
      )
      for (const { kind, name } of families) assert.strictEqual(kind, known.get(name)?.kind)
      for (const [, series = "", , labels = ""] of answer.body.matchAll(/^(\w+)(\{(.*)\})? \S+$/gm)) {
        const instrument = known.get(series) ?? known.get(series.replace(/_(bucket|sum|count)$/, ""))
        const names = Array.from(labels.matchAll(/(\w+)="/g), ([, name]) => name).filter((name) => name !== "le")
        assert.sameMembers(names, [...(instrument?.labels ?? ["unknown"])], series)
      }
      const others = answer.body.split("\n").filter((line) => line.includes('"other"') && !line.endsWith(" 0"))
      assert.deepStrictEqual(others, [])
    }).pipe(Effect.scoped, Effect.provide(RedisServer.layer))
  )

  it.live("go to a collector, and so do traces; what a variable excludes does not", () =>
    Effect.gen(function* () {
      const received = new Map<string, string>()
      const server = createServer((request, response) => {
        void text(request).then((body) => {
          received.set(request.url ?? "", (received.get(request.url ?? "") ?? "") + body)
          response.end("{}")
        })
      })
      yield* Effect.acquireRelease(
        Effect.callback<void>((resume) => {
          server.listen(0, "127.0.0.1", () => resume(Effect.void))
        }),
        () => Effect.sync(() => server.close().closeAllConnections())
      )
      const address = server.address()
      const port = typeof address === "object" ? address?.port : undefined
      const warmer = yield* daemon(["run", "--port", "0", "--every", "0.3"], {
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
        OTEL_METRIC_EXPORT_INTERVAL: "200",
        OTEL_LOGS_EXPORTER: "none"
      })
      yield* health(yield* warmer.address, "ready")
      const has = (path: string, ...parts: ReadonlyArray<string>) =>
        Effect.retry(
          Effect.filterOrFail(
            Effect.sync(() => received.get(path) ?? ""),
            (body) => parts.every((part) => body.includes(part))
          ),
          within
        )
      yield* has("/v1/metrics", '"letletme.cache.hits"', '"unit":"{read}"', '"unit":"By"', '"letletme-warmer"')
      // When it ends, what was not sent yet is.
      yield* warmer.signal("SIGTERM")
      yield* warmer.ended
      yield* has(
        "/v1/traces",
        '"SeasonSync.poll"',
        '"DomainCache.load"',
        '"CacheManager.commit"',
        '"service.instance.id"'
      )
      assert.isFalse(received.has("/v1/logs"))
    }).pipe(Effect.scoped)
  )

  it.live("a wrong OTEL variable is told by its name, and no defect", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* run(["graph"], { OTEL_EXPORTER_OTLP_ENDPOINT: "not a url" })
      assert.notStrictEqual(code, 0)
      assert.include(stderr, "OTEL_EXPORTER_OTLP_ENDPOINT")
      assert.notInclude(stderr, "defect")
    })
  )
})
