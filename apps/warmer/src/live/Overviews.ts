/**
 * Takes the overview of this process.
 */
import { CacheMetrics, ConsistencyMonitor, Integrity, Leadership, LiveView, Warmer } from "@letletme/cache"
import { CurrentSeason, currentId, graph } from "@letletme/fpl"
import { Redis } from "@letletme/redis"
import { Clock, Context, Effect, Layer, Option, Stream } from "effect"
import { Health } from "../Health.ts"
import { Hottest } from "./Hottest.ts"
import type { DomainNow, Overview, Progress } from "./Overview.ts"

const zero = (name: string, dependsOn: ReadonlyArray<string>): DomainNow => ({
  name,
  dependsOn,
  nearEntries: 0,
  nearBytes: 0,
  nearHits: 0,
  storeHits: 0,
  misses: 0,
  stale: 0,
  loads: 0,
  loadFailures: 0,
  loadMillis: 0,
  corrupt: 0,
  updates: 0
})

/** What is counted, and so is summed up over a domain and its lists. */
const counted = [
  "nearEntries",
  "nearBytes",
  "nearHits",
  "storeHits",
  "misses",
  "stale",
  "loads",
  "loadFailures",
  "loadMillis",
  "corrupt",
  "updates"
] as const satisfies ReadonlyArray<keyof DomainNow>

const add = (domain: DomainNow, counts: Omit<DomainNow, "name" | "dependsOn">): DomainNow => {
  const sum = { ...domain }
  for (const name of counted) sum[name] += counts[name]
  return sum
}

// Redis is asked of its memory so often, however many look.
const memoryAge = "5 seconds"

const memoryOf = (info: string) => {
  const valueOf = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? 0)
  return { used: valueOf("used_memory"), limit: valueOf("maxmemory") }
}

/** The overview of this process. */
export class Overviews extends Context.Service<
  Overviews,
  {
    readonly now: Effect.Effect<Overview>
    /** Each step of warming and of verifying, from now on. */
    readonly progress: Stream.Stream<Progress>
  }
>()("@letletme/warmer/live/Overviews") {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const health = yield* Health
      const hottest = yield* Hottest
      const integrity = yield* Integrity
      const leadership = yield* Leadership
      const live = yield* LiveView
      const metrics = yield* CacheMetrics
      const current = yield* CurrentSeason
      const warmer = yield* Warmer
      const monitor = Option.getOrNull(yield* Effect.serviceOption(ConsistencyMonitor))
      const redis = Option.getOrNull(yield* Effect.serviceOption(Redis))
      const clock = yield* Clock.Clock
      const startedAt = clock.currentTimeMillisUnsafe()
      const redisMemory = yield* Effect.cachedWithTTL(
        redis === null
          ? Effect.succeed(null)
          : redis.send("INFO", "memory").pipe(
              Effect.map((info) => memoryOf(String(info))),
              Effect.orElseSucceed(() => null)
            ),
        memoryAge
      )

      const domainsOf = (counts: Effect.Success<typeof metrics.counts>["domains"]) =>
        graph.domains.map((name) =>
          Object.entries(counts)
            // A list counts for the domain whose entities it lists.
            .filter(([label]) => label === name || label.startsWith(`${name}:`))
            .reduce((domain, [, one]) => add(domain, one), zero(name, graph.dependencies(name)))
        )

      return Overviews.of({
        now: Effect.gen(function* () {
          const now = clock.currentTimeMillisUnsafe()
          const { domains, invalidations, storeErrors } = yield* metrics.counts
          const { age, leadership: leads, reasons, revision, status, warmed } = yield* health.status
          const season = yield* Effect.option(current.peek(currentId))
          const counts = monitor === null ? null : yield* monitor.counts
          const { heapUsed, rss } = process.memoryUsage()
          return {
            at: now,
            process: leadership.name,
            startedAt,
            season: Option.getOrNull(Option.flatten(season)),
            health: { status, reasons },
            leadership: leads,
            data: { revision, age },
            domains: domainsOf(domains),
            hottest: yield* hottest.top,
            log: {
              position: live.view.position,
              floor: live.view.floor,
              highest: live.view.highest,
              trusted: live.isTrusted(now),
              tags: live.view.size
            },
            invalidations,
            storeErrors,
            warmed,
            consistency: counts && {
              samples: counts.samples,
              inconsistent: counts.inconsistent,
              nines: counts.nines,
              oldest: counts.oldest
            },
            memory: { resident: rss, heap: heapUsed, redis: yield* redisMemory }
          }
        }),
        progress: Stream.merge(
          Stream.map(warmer.progress, (progress) => ({ what: "warm" as const, ...progress })),
          Stream.map(integrity.progress, (progress) => ({ what: "verify" as const, ...progress }))
        )
      })
    })
  )
}
