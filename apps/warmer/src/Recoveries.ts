/**
 * What this process does about an inconsistency, a shortage of memory, and a lost connection.
 */
import { CacheManager, Fence, Integrity, Leadership, LiveView, Recovery, Tuning } from "@letletme/cache"
import { SeasonSync } from "@letletme/fpl"
import { Redis } from "@letletme/redis"
import { Effect, Layer, Option, PubSub, Schedule } from "effect"
import { getHeapStatistics } from "node:v8"

/** The problems, as they are named on the command line. */
export const problems = ["inconsistency", "performance", "connection"] as const

// Above this share of what it may have, the heap is a finding; so is Redis.
const memoryShare = 0.85
// The share of the near cache that is dropped, the least lately used first.
const coldShare = 0.5

// The shortest list of dependencies that coarsening is widened to.
const fewestTags = 16

/** A share in percent. */
const percent = (share: number): string => `${Math.round(share * 100)} %`

/** How full Redis is, by its own word; `undefined` where it has no limit. */
const fullness = (redis: Redis["Service"]) =>
  Effect.map(redis.send("INFO", "memory"), (info) => {
    const valueOf = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(String(info))?.[1] ?? 0)
    const limit = valueOf("maxmemory")
    return limit === 0 ? undefined : valueOf("used_memory") / limit
  })

/** The procedures, over the caches of the game. Only the leader looks for inconsistencies, and mends them. */
export const layer: Layer.Layer<
  Recovery,
  never,
  CacheManager | Integrity | Leadership | LiveView | SeasonSync | Tuning
> = Layer.unwrap(
  Effect.gen(function* () {
    const manager = yield* CacheManager
    const integrity = yield* Integrity
    const leadership = yield* Leadership
    const live = yield* LiveView
    const sync = yield* SeasonSync
    const tuning = yield* Tuning
    const redis = Option.getOrUndefined(yield* Effect.serviceOption(Redis))

    /** Writes as the leader; where another leads, it is that one's to mend. */
    const asLeader = <A, E>(effect: Effect.Effect<A, E>) =>
      Effect.flatMap(leadership.state, (state): Effect.Effect<A, E | string> =>
        state._tag === "Leading"
          ? Effect.provideService(effect, Fence, state.fence)
          : Effect.fail("This process does not lead.")
      )

    /** From now on half as long lists of dependencies are coarsened to patterns: fewer bytes, and more reloads. */
    const widen = Effect.gen(function* () {
      const settings = yield* tuning.current
      const maxTagsPerEntry = Math.max(fewestTags, Math.floor(settings.maxTagsPerEntry / 2))
      return yield* tuning.adopt({ ...settings, maxTagsPerEntry })
    })

    /** More lookups wait for the source than may run. */
    const pressure = Effect.gen(function* () {
      const { waiting } = yield* manager.load
      const { maxLookups } = yield* tuning.current
      return waiting > maxLookups
        ? Option.some(`${waiting} lookups wait for the source, which answers ${maxLookups} at once.`)
        : Option.none()
    })

    /** Memory is short: of the process, of the table, or of Redis. */
    const shortage = Effect.gen(function* () {
      const { heap_size_limit: limit, used_heap_size: used } = getHeapStatistics()
      if (used > limit * memoryShare) return Option.some(`The heap is ${percent(used / limit)} full.`)
      const { maxTags } = yield* tuning.current
      if (live.view.size > maxTags) {
        return Option.some(`The table holds ${live.view.size} tags, and ${maxTags} are allowed.`)
      }
      const full = redis === undefined ? undefined : yield* fullness(redis)
      return full !== undefined && full > memoryShare
        ? Option.some(`Redis is ${percent(full)} full: raise maxmemory, or let entries live shorter (CACHE_TTL_…).`)
        : Option.none()
    })
    // Where Redis does not say how full it is, it is not known to be short.
    const isShort = Effect.match(shortage, { onSuccess: Option.isSome, onFailure: () => false })

    const caughtUp = Effect.retry(live.catchUp, { schedule: Schedule.spaced("500 millis"), times: 20 })

    return Recovery.layer({
      patience: "2 minutes",
      procedures: {
        inconsistency: {
          check: Effect.gen(function* () {
            if (!(yield* leadership.isLeading)) return Option.none()
            const { failures, findings, foreign, isClean, total } = yield* integrity.verify
            const [first] = failures
            if (first !== undefined) return Option.some(`It could not be verified: ${first}`)
            return isClean
              ? Option.none()
              : Option.some(`${findings.length} of ${total} entries are not right, and ${foreign} are foreign.`)
          }),
          remedies: [
            { name: "verify primary data", apply: asLeader(sync.poll) },
            { name: "rebuild", apply: asLeader(integrity.repair) }
          ]
        },
        performance: {
          check: Effect.gen(function* () {
            const busy = yield* pressure
            return Option.isSome(busy) ? busy : yield* shortage
          }),
          remedies: [
            { name: "shed load", apply: manager.shedLoad, helps: Effect.map(pressure, Option.isSome) },
            { name: "evict cold entries", apply: manager.evict(coldShare), helps: isShort },
            { name: "compact tags", apply: live.compact, helps: isShort },
            { name: "widen coarsening", apply: widen, helps: isShort }
          ]
        },
        connection: {
          check: Effect.as(live.catchUp, Option.none()),
          remedies: [
            // The client reconnects, and follows a failover, by itself: what is waited for is that it has.
            { name: "reconnect", apply: caughtUp },
            {
              name: "fail over",
              apply: Effect.andThen(redis?.reconnect ?? Effect.void, caughtUp),
              helps: Effect.succeed(redis !== undefined)
            }
          ]
        }
      }
    })
  })
)

/** Triggers recovery by what the cache tells of itself. */
export const layerTriggers: Layer.Layer<never, never, CacheManager | Recovery> = Layer.effectDiscard(
  Effect.gen(function* () {
    const recovery = yield* Recovery
    const events = yield* CacheManager.use((manager) => manager.events)
    yield* PubSub.take(events).pipe(
      Effect.flatMap((event) => {
        if (event._tag === "Corrupt") return recovery.trigger("inconsistency")
        if (event._tag === "Inconsistent" && !event.repaired) return recovery.trigger("inconsistency")
        if (event._tag === "Overloaded") return recovery.trigger("performance")
        return Effect.void
      }),
      Effect.forever,
      Effect.forkScoped
    )
  })
)
