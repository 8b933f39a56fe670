import { assert, describe, it } from "@effect/vitest"
import { CacheManager, CacheMetrics, Instruments, Meter } from "@letletme/cache"
import { Context, Effect, Layer, Metric } from "effect"
import { PrometheusMetrics } from "effect/observability"

const waiting: Meter.Instrument<"shop"> = {
  name: "app.orders.waiting",
  kind: "gauge",
  unit: "{order}",
  description: "Orders that wait",
  labels: ["shop"]
}
const sold: Meter.Instrument<"shop"> = { ...waiting, name: "app.sold", kind: "counter", unit: "By" }

const lines = Effect.map(
  PrometheusMetrics.format({ metricNameMapper: Meter.prometheusNames([waiting, sold, ...Instruments.all]) }),
  (text) => text.split("\n").filter((line) => line !== "" && !line.startsWith("#"))
)

/** With a registry of its own: another test of the process has metrics, too. */
const alone = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.scoped(Effect.provideService(effect, Metric.MetricRegistry, new Map()))

describe("Meter", () => {
  it.effect("reads a series when somebody looks, and sums what is observed twice", () =>
    Effect.gen(function* () {
      const meter = yield* Meter.make
      let orders = 1
      meter.observe(waiting, { shop: "online" }, () => orders)
      meter.observe(sold, { shop: "online" }, () => orders * 10)
      meter.observe(sold, { shop: "online" }, () => 5)
      assert.deepStrictEqual(yield* lines, [
        'app_orders_waiting{shop="online"} 1',
        'app_sold_bytes_total{shop="online"} 15'
      ])
      orders = 7
      assert.deepStrictEqual(yield* lines, [
        'app_orders_waiting{shop="online"} 7',
        'app_sold_bytes_total{shop="online"} 75'
      ])
    }).pipe(alone)
  )

  it.effect("takes its series away with its scope", () =>
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const meter = yield* Meter.make
          meter.observe(waiting, { shop: "online" }, () => 1)
          meter.recorder(Instruments.appendDuration, {})(0.2)
          assert.include(yield* lines, "letletme_cache_log_append_duration_seconds_count 1")
        })
      )
      assert.deepStrictEqual(yield* lines, [])
    }).pipe(alone)
  )

  it.effect("has no more than 512 series of an instrument: the rest is one, by the name of other", () =>
    Effect.gen(function* () {
      const meter = yield* Meter.make
      for (let shop = 0; shop < 600; shop++) meter.observe(waiting, { shop: `${shop}` }, () => 1)
      const all = yield* lines
      assert.lengthOf(all, 513)
      assert.include(all, 'app_orders_waiting{shop="other"} 88')
    }).pipe(alone)
  )
})

describe("the cache's metrics", () => {
  it("are named and measured by OpenTelemetry's conventions, and Prometheus' names tell them apart", () => {
    for (const { description, name, unit } of Instruments.all) {
      assert.match(name, /^letletme\.cache(\.[a-z]+)+$/)
      assert.notMatch(name, /\b(total|seconds|bytes|ratio)\b/)
      assert.match(unit, /^(s|By|1|\{[a-z]+\})$/)
      assert.isAbove(description.length, 10)
    }
    const names = Instruments.all.map(Meter.prometheusName)
    assert.strictEqual(new Set(names).size, names.length)
    for (const name of names) assert.match(name, /^[a-z_]+$/)
  })

  it.effect("tell the causes apart that are known, and no others", () =>
    Effect.gen(function* () {
      const metrics = Context.get(
        yield* Layer.build(CacheMetrics.layer.pipe(Layer.provide(Layer.succeed(CacheMetrics.Causes, ["import"])))),
        CacheMetrics
      )
      metrics.countInvalidation("import of a file", 3, 1)
      metrics.countInvalidation("invalidate", 1, 0)
      for (let user = 0; user < 2_000; user++) metrics.countInvalidation(`user${user} asked for it`, 1, 0)
      const causes = (yield* lines).filter((line) => line.startsWith("letletme_cache_invalidations_total"))
      assert.lengthOf(causes, 7)
      assert.include(causes, 'letletme_cache_invalidations_total{cause="import"} 1')
      assert.include(causes, 'letletme_cache_invalidations_total{cause="invalidate"} 1')
      assert.include(causes, 'letletme_cache_invalidations_total{cause="other"} 2000')
      assert.include(yield* lines, 'letletme_cache_invalidated_tags_total{kind="pattern"} 1')
    }).pipe(alone)
  )

  it.effect("count anew when a domain is opened again", () =>
    Effect.gen(function* () {
      const metrics = Context.get(yield* Layer.build(CacheMetrics.layer), CacheMetrics)
      const size = (nearEntries: number) => () => ({ nearEntries, nearBytes: 0 })
      metrics.domain("match", size(9)).counts.misses++
      const { counts, load } = metrics.domain("match", size(2))
      counts.nearHits += 3
      load(0.004)
      const all = yield* lines
      assert.include(all, 'letletme_cache_hits_total{domain="match",tier="near"} 3')
      assert.include(all, 'letletme_cache_misses_total{domain="match"} 0')
      assert.include(all, 'letletme_cache_near_entries{domain="match"} 2')
      assert.include(all, 'letletme_cache_load_duration_seconds_bucket{domain="match",le="0.0025"} 0')
      assert.include(all, 'letletme_cache_load_duration_seconds_bucket{domain="match",le="0.005"} 1')
    }).pipe(alone)
  )

  it.effect("are there by themselves where a cache is", () =>
    Effect.gen(function* () {
      yield* Layer.build(Layer.fresh(CacheManager.layerMemory))
      assert.include(yield* lines, "letletme_cache_log_trusted 1")
      assert.include(yield* lines, "letletme_cache_log_silence_seconds 0")
    }).pipe(alone)
  )
})
