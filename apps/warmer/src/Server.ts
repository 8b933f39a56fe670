/**
 * Health and metrics over HTTP: `/health/live`, `/health/ready`, `/metrics` (Prometheus).
 */
import { CacheMetrics, ConsistencyMonitor, ErrorFlow, LiveView, Recovery } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { Clock, Effect, Metric, Option, Schema } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { Health } from "./Health.ts"
import { problems } from "./Recoveries.ts"

/** Copies the cache's counters into Effect's metrics, which Prometheus reads: counters by what they grew. */
const makeCopy = Effect.gen(function* () {
  const metrics = yield* CacheMetrics
  const live = yield* LiveView
  const errors = yield* ErrorFlow
  const health = yield* Health
  const recovery = yield* Recovery
  const monitor = yield* Effect.serviceOption(ConsistencyMonitor)
  const redis = yield* Effect.serviceOption(Redis)
  const last = new Map<string, number>()

  const count = (name: string, attributes: Record<string, string>, value: number) => {
    const id = `${name} ${JSON.stringify(attributes)}`
    const grown = value - (last.get(id) ?? 0)
    last.set(id, value)
    return Metric.update(Metric.withAttributes(Metric.counter(name, { incremental: true }), attributes), grown)
  }
  const level = (name: string, attributes: Record<string, string>, value: number) =>
    Metric.update(Metric.withAttributes(Metric.gauge(name), attributes), value)

  const copyMonitor = Effect.fnUntraced(function* ({ counts }: ConsistencyMonitor["Service"]) {
    const { domains, nines, oldest } = yield* counts
    for (const [domain, { inconsistent, lookups, samples, undecided }] of Object.entries(domains)) {
      yield* count("cache_monitor_samples_total", { domain }, samples)
      yield* count("cache_monitor_lookups_total", { domain }, lookups)
      for (const [cause, times] of Object.entries(inconsistent))
        yield* count("cache_inconsistent_total", { domain, cause }, times)
      for (const [reason, times] of Object.entries(undecided))
        yield* count("cache_monitor_undecided_total", { domain, reason }, times)
    }
    yield* level("cache_consistency_nines", {}, nines)
    yield* level("cache_inconsistent_oldest_milliseconds", {}, oldest)
  })

  /** What Redis says of its memory; where it does not answer, what it said last. */
  const copyRedis = (service: Redis["Service"]) =>
    service.send("INFO", "memory").pipe(
      Effect.flatMap((info) => {
        const [, used] = /used_memory:(\d+)/.exec(String(info)) ?? []
        return used === undefined ? Effect.void : level("redis_memory_bytes", {}, Number(used))
      }),
      Effect.ignore
    )

  const copy = Effect.gen(function* () {
    const { domains, invalidatedTags, invalidations, storeErrors } = yield* metrics.counts
    for (const [domain, counts] of Object.entries(domains)) {
      yield* count("cache_hits_total", { domain, tier: "near" }, counts.nearHits)
      yield* count("cache_hits_total", { domain, tier: "store" }, counts.storeHits)
      yield* count("cache_misses_total", { domain }, counts.misses)
      yield* count("cache_stale_total", { domain }, counts.stale)
      yield* count("cache_loads_total", { domain, outcome: "success" }, counts.loads)
      yield* count("cache_loads_total", { domain, outcome: "failure" }, counts.loadFailures)
      yield* count("cache_load_milliseconds_total", { domain }, counts.loadMillis)
      yield* count("cache_lease_waits_total", { domain }, counts.leaseWaits)
      yield* count("cache_corrupt_total", { domain }, counts.corrupt)
      yield* count("cache_refused_total", { domain }, counts.refused)
      yield* count("cache_updates_total", { domain, outcome: "changed" }, counts.updates)
      yield* count("cache_updates_total", { domain, outcome: "unchanged" }, counts.unchanged)
      yield* level("cache_near_entries", { domain }, counts.nearEntries)
      yield* level("cache_near_bytes", { domain }, counts.nearBytes)
    }
    for (const [cause, times] of Object.entries(invalidations))
      yield* count("cache_invalidations_total", { cause }, times)
    yield* count("cache_invalidated_tags_total", {}, invalidatedTags)
    for (const [operation, times] of Object.entries(storeErrors)) {
      yield* count("cache_store_errors_total", { operation }, times)
    }
    for (const [domain, kinds] of Object.entries(yield* errors.counts)) {
      for (const [kind, times] of Object.entries(kinds)) yield* count("cache_errors_total", { domain, kind }, times)
    }
    const unresolved = yield* recovery.unresolved
    for (const problem of problems) yield* level("cache_unresolved", { problem }, unresolved.has(problem) ? 1 : 0)
    const { age, leadership, warmed } = yield* health.status
    yield* level("cache_leads", {}, leadership.state === "leading" ? 1 : 0)
    if (age !== null) yield* level("cache_data_age_milliseconds", {}, age)
    if (warmed !== null) {
      yield* level("cache_warm_milliseconds", {}, warmed.millis)
      yield* level("cache_warm_entries", {}, warmed.entries)
    }
    if (Option.isSome(monitor)) yield* copyMonitor(monitor.value)
    yield* level("cache_view_trusted", {}, live.isTrusted(yield* Clock.currentTimeMillis) ? 1 : 0)
    if (Option.isSome(redis)) yield* copyRedis(redis.value)
    yield* level("cache_view_position", {}, live.view.position)
    yield* level("cache_view_tags", {}, live.view.size)
    yield* level("process_resident_memory_bytes", {}, process.memoryUsage.rss())
  })
  return { copy }
})

const Wanted = Schema.Struct({ problem: Schema.Literals(problems) })

/** The routes, for the HTTP server in context. */
export const layer = HttpRouter.serve(
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const health = yield* Health
      const { copy } = yield* makeCopy
      yield* router.add("GET", "/health/live", Effect.succeed(HttpServerResponse.jsonUnsafe({ status: "live" })))
      yield* router.add(
        "GET",
        "/health/ready",
        Effect.map(health.status, (status) =>
          HttpServerResponse.jsonUnsafe(status, {
            status: ["starting", "stopping"].includes(status.status) ? 503 : 200
          })
        )
      )
      const recovery = yield* Recovery
      yield* router.add(
        "POST",
        "/recovery/:problem",
        HttpRouter.schemaPathParams(Wanted).pipe(
          Effect.flatMap(({ problem }) => recovery.run(problem)),
          Effect.map((outcome) => HttpServerResponse.jsonUnsafe(outcome)),
          Effect.catchTag("SchemaError", () =>
            Effect.succeed(HttpServerResponse.text(`Expected one of ${problems.join(", ")}\n`, { status: 404 }))
          )
        )
      )
      yield* router.add(
        "GET",
        "/metrics",
        Effect.map(Effect.andThen(copy, PrometheusMetrics.format()), (text) =>
          HttpServerResponse.text(text, { contentType: "text/plain; version=0.0.4" })
        )
      )
    })
  ),
  { disableListenLog: true, disableLogger: true }
)
