/**
 * Metrics that are read when somebody looks: a counter stays a plain number in the code that counts, and costs an export,
 * not a hit.
 *
 * They are Effect metrics, so that whatever exports those (`PrometheusMetrics`, `OtlpMetrics`) has them. Names and units
 * follow OpenTelemetry (https://opentelemetry.io/docs/specs/semconv/general/metrics/); {@link prometheusNames} makes
 * Prometheus' of them.
 */
import { Effect, Metric, Record, type Scope } from "effect"

/** What a metric is called, what it measures, and by what its series are told apart. */
export interface Instrument<Label extends string = string> {
  /** By OpenTelemetry's convention: words with dots between, without the unit. */
  readonly name: string
  readonly kind: "counter" | "gauge" | "histogram"
  /** By UCUM: `s`, `By`, `1` for a share; in braces what is counted, such as `{read}`. */
  readonly unit: string
  readonly description: string
  /** Each has few values, from a closed set. */
  readonly labels: ReadonlyArray<Label>
}

type Labels<Label extends string> = Readonly<Record<Label, string>>

/** Registers the series of instruments until its scope ends. */
export interface Meter {
  /** Reads a series of a counter or a gauge whenever metrics are looked at; one that is observed twice is the sum. */
  readonly observe: <Label extends string>(
    instrument: Instrument<Label>,
    labels: Labels<NoInfer<Label>>,
    read: () => number
  ) => void
  /** A series of a histogram: answers how to record a value, in the instrument's unit. */
  readonly recorder: <Label extends string>(
    instrument: Instrument<Label>,
    labels: Labels<NoInfer<Label>>
  ) => (value: number) => void
}

// Of durations in seconds: from a read of a near server to a lookup that times out.
const boundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

const ignored = () => {}

/** What stands in every label of a series that is one too many. */
export const other = "other"

// Of an instrument; a mistake in what labels are made of must not fill the memory of whoever collects them.
const maxSeries = 512

/**
 * The meter of a scope. Two of a process that register the same series get in each other's way, the later one counts: tell
 * them apart with `Metric.CurrentMetricAttributes`.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Meter } from "@letletme/cache"
 *
 * const waiting = {
 *   name: "app.orders.waiting",
 *   kind: "gauge",
 *   unit: "{order}",
 *   description: "Orders that wait",
 *   labels: ["shop"]
 * } as const
 *
 * const program = Effect.gen(function* () {
 *   const orders: Array<string> = []
 *   const meter = yield* Meter.make
 *   meter.observe(waiting, { shop: "online" }, () => orders.length)
 * })
 * ```
 */
export const make: Effect.Effect<Meter, never, Scope.Scope> = Effect.gen(function* () {
  const context = yield* Effect.context<never>()
  const series = new Map<string, Array<() => number>>()
  const known = new Map<string, Set<string>>()
  const removals: Array<() => void> = []
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const remove of removals) remove()
    })
  )

  const optionsOf = ({ description, name, unit }: Instrument, labels: Readonly<Record<string, string>>) => {
    const values = JSON.stringify(labels)
    const seen = known.get(name) ?? new Set()
    known.set(name, seen)
    const isKnown = seen.has(values) || seen.size < maxSeries
    if (isKnown) seen.add(values)
    return { description, attributes: { ...(isKnown ? labels : Record.map(labels, () => other)), unit } }
  }

  return {
    observe: (instrument, labels, read) => {
      const { kind, name } = instrument
      const options = optionsOf(instrument, labels)
      const key = JSON.stringify([name, options.attributes])
      const reads = series.get(key) ?? []
      reads.push(read)
      if (series.has(key)) return
      series.set(key, reads)
      const sum = () => reads.reduce((total, one) => total + one(), 0)
      const hooks = { update: ignored, modify: ignored }
      const { remove } =
        kind === "counter"
          ? Metric.registerUnsafe(Metric.counter(name, { ...options, incremental: true }), context, {
              ...hooks,
              get: () => ({ count: sum(), incremental: true })
            })
          : Metric.registerUnsafe(Metric.gauge(name, options), context, { ...hooks, get: () => ({ value: sum() }) })
      removals.push(remove)
    },
    recorder: (instrument, labels) => {
      const metric = Metric.histogram(instrument.name, { ...optionsOf(instrument, labels), boundaries })
      // Looked at, it is there, with nothing in it: a rate needs a beginning.
      metric.valueUnsafe(context)
      removals.push(() => Metric.removeUnsafe(metric, context))
      return (value) => metric.updateUnsafe(value, context)
    }
  }
})

const suffixes = new Map([
  ["s", "_seconds"],
  ["By", "_bytes"],
  ["1", "_ratio"]
])

/**
 * The name that Prometheus' conventions give an instrument: underscores, the unit, and `_total` for a counter.
 *
 * @see https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
 */
export const prometheusName = ({ kind, name, unit }: Instrument): string =>
  `${name.replaceAll(".", "_")}${suffixes.get(unit) ?? ""}${kind === "counter" ? "_total" : ""}`

/**
 * The names for `PrometheusMetrics`; what is no instrument of these keeps its own.
 *
 * @example
 * ```ts
 * import { Instruments, Meter } from "@letletme/cache"
 * import { PrometheusMetrics } from "effect/observability"
 *
 * const layer = PrometheusMetrics.layerHttp({ metricNameMapper: Meter.prometheusNames(Instruments.all) })
 * ```
 */
export const prometheusNames = (instruments: ReadonlyArray<Instrument>): ((name: string) => string) => {
  const names = new Map(instruments.map((one) => [one.name, prometheusName(one)]))
  return (name) => names.get(name) ?? name
}
