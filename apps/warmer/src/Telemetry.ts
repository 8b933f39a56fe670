/**
 * What the process tells of itself: metrics for Prometheus, and metrics, traces and logs over OTLP where the environment
 * says so.
 */
import { Meter, RedisMemory } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { Cause, Config, ConfigProvider, Effect, Layer, Option, Result } from "effect"
import { FetchHttpClient, HttpMiddleware } from "effect/http"
import { Otlp, OtlpSerialization, PrometheusMetrics } from "effect/observability"
import { randomUUID } from "node:crypto"
import * as Instruments from "./Instruments.ts"

const ofProcess = Layer.effectDiscard(
  Effect.gen(function* () {
    const meter = yield* Meter.make
    meter.observe(Instruments.memory, {}, () => process.memoryUsage.rss())
    meter.observe(Instruments.heap, {}, () => process.memoryUsage().heapUsed)
    meter.observe(Instruments.uptime, {}, () => process.uptime())
  })
)

const ofRedis = Layer.unwrap(
  Effect.map(
    Effect.serviceOption(Redis),
    Option.match({
      onNone: () => Layer.empty,
      onSome: (redis) => RedisMemory.layer().pipe(Layer.provide(Layer.succeed(Redis, redis)))
    })
  )
)

/** The metrics of the process and of its Redis, if it has one; those of the cache are there by themselves. */
export const layerMetrics: Layer.Layer<never> = Layer.merge(ofProcess, ofRedis)

/** `/metrics`: every metric there is, in Prometheus' text format. */
export const layerPrometheus = PrometheusMetrics.layerHttp({ metricNameMapper: Meter.prometheusNames(Instruments.all) })

/** What is asked every few seconds by machines is no trace. */
export const layerQuiet = HttpMiddleware.layerTracerDisabledForUrls(["/health/live", "/health/ready", "/metrics"])

// A collector that accepts a connection and says nothing must not hold up the next export.
const patience = 10_000

const bounded = Layer.succeed(FetchHttpClient.Fetch, (input, init) => {
  const late = AbortSignal.timeout(patience)
  const signal = init?.signal instanceof AbortSignal ? AbortSignal.any([init.signal, late]) : late
  return fetch(input, { ...init, signal })
})

// As OpenTelemetry has it: where an endpoint is stated, everything goes there unless a variable says `none`.
const defaults = (name: string) =>
  ConfigProvider.layerAdd(
    ConfigProvider.fromUnknown({
      OTEL_SERVICE_NAME: name,
      OTEL_METRICS_EXPORTER: "otlp",
      OTEL_TRACES_EXPORTER: "otlp",
      OTEL_LOGS_EXPORTER: "otlp"
    })
  )

/**
 * Metrics, traces and logs to an OpenTelemetry collector, as the `OTEL_…` variables say: nothing without
 * `OTEL_EXPORTER_OTLP_ENDPOINT`. The name is that of the service, unless `OTEL_SERVICE_NAME` has another.
 */
export const layerOtlp = (name: string): Layer.Layer<never, Config.ConfigError> =>
  Otlp.layerFromConfig({ resource: { attributes: { "service.instance.id": randomUUID() } } }).pipe(
    // A wrong variable is a mistake of whoever started the process, and no defect of the program.
    Layer.catchCause((cause) => {
      const defect = Cause.findDefect(cause)
      return Layer.effectDiscard(
        Result.isSuccess(defect) && defect.success instanceof Config.ConfigError
          ? Effect.fail(defect.success)
          : Effect.failCause(cause)
      )
    }),
    Layer.provide(OtlpSerialization.layerJson),
    Layer.provide(FetchHttpClient.layer),
    Layer.provide(bounded),
    Layer.provide(defaults(name))
  )
