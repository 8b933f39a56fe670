/**
 * What the API counts, beside its cache and its process.
 */
import { Meter } from "@letletme/cache"
import * as Warmer from "@letletme/warmer/Instruments"
import { PrometheusMetrics } from "effect/observability"

export const answers: Meter.Instrument<"outcome"> = {
  name: "letletme.api.answers",
  kind: "counter",
  unit: "{answer}",
  description: "Answers: sent as they were at hand, told to be unchanged, or made",
  labels: ["outcome"]
}

export const kept: Meter.Instrument<never> = {
  name: "letletme.api.kept",
  kind: "gauge",
  unit: "By",
  description: "What the answers that are kept take",
  labels: []
}

/** All of them, and those of the cache and the process. */
export const all: ReadonlyArray<Meter.Instrument> = [...Warmer.all, answers, kept]

/** `/metrics`: every metric there is, in Prometheus' text format. */
export const layerPrometheus = PrometheusMetrics.layerHttp({
  metricNameMapper: Meter.prometheusNames(all)
})
