/**
 * What the API counts, beside its cache and its process.
 */
import { Meter } from "@letletme/cache"
import * as Warmer from "@letletme/warmer/Instruments"
import { PrometheusMetrics } from "effect/observability"

export const answers = {
  name: "letletme.api.answers",
  kind: "counter",
  unit: "{answer}",
  description: "Answers: sent as they were at hand, told to be unchanged, or made",
  labels: ["outcome"]
} as const satisfies Meter.Instrument

export const kept = {
  name: "letletme.api.kept",
  kind: "gauge",
  unit: "By",
  description: "What the answers that are kept take",
  labels: []
} as const satisfies Meter.Instrument

/** `/metrics`: every metric there is, in Prometheus' text format. */
export const layerPrometheus = PrometheusMetrics.layerHttp({
  metricNameMapper: Meter.prometheusNames([...Warmer.all, answers, kept])
})
