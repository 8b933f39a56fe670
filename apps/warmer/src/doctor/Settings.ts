/**
 * What the settings say, and whether they go together.
 */
import { Advice, CacheConfig } from "@letletme/cache"
import type { RedisConfig } from "@letletme/redis"
import { ConfigProvider, Effect } from "effect"
import { getHeapStatistics } from "node:v8"
import * as Configuration from "../Configuration.ts"

/** The variables themselves: each that is wrong, and each that nobody reads. */
export const variables: Effect.Effect<ReadonlyArray<Advice.Finding>> = Effect.gen(function* () {
  const { error, warning } = Advice.of("variables")
  const provider = yield* ConfigProvider.ConfigProvider
  const faults = yield* Configuration.faults(provider)
  const unread = yield* Configuration.unread(provider)
  return [
    ...faults.map(({ message, name }) =>
      error(`${name} is wrong: ${message}`, `Correct ${name}, or take it away: docs/redis.md and docs/keys-and-ttls.md`)
    ),
    ...unread.map((name) => warning(`${name} is set, and nobody reads it.`, "Correct its spelling, or take it away."))
  ]
})

// With fewer entries in the log, a process that was away for a moment takes a snapshot of the whole table.
const shortestLog = 1_000

// Of the heap, for one domain's near cache: there are several, and the program itself.
const mostOfHeap = 0.25

const millis = (length: number) => `${length} ms`

/** Whether the cache's lengths and bounds go together. */
export const ofCache = (settings: CacheConfig.Settings): ReadonlyArray<Advice.Finding> => {
  const { lease, logLength, lookupTimeout, nearBytes, timeToLive } = settings
  const { heap_size_limit: heap } = getHeapStatistics()
  return [
    ...Advice.when(lease > lookupTimeout, () =>
      Advice.of("time-outs").warning(
        `CACHE_LEASE (${millis(lease)}) is longer than CACHE_LOOKUP_TIMEOUT (${millis(lookupTimeout)}): when a process dies in a load, others wait longer than any load takes.`,
        "Set CACHE_LEASE below CACHE_LOOKUP_TIMEOUT; the defaults are 3 seconds and 10 seconds."
      )
    ),
    ...Advice.when(timeToLive.temporary > timeToLive.derived || timeToLive.derived > timeToLive.metadata, () =>
      Advice.of("times to live").warning(
        `What passes soon lives ${millis(timeToLive.temporary)}, what is computed ${millis(timeToLive.derived)}, what the source states ${millis(timeToLive.metadata)}: they are not in this order.`,
        "Set CACHE_TTL_TEMPORARY ≤ CACHE_TTL_DERIVED ≤ CACHE_TTL_METADATA."
      )
    ),
    ...Advice.when(logLength < shortestLog, () =>
      Advice.of("log").warning(
        `The log keeps ${logLength} entries: a process that was away for a moment finds a gap, and takes a snapshot of the whole table.`,
        `Set CACHE_LOG_LENGTH to ${shortestLog} at least; the default is 10000.`
      )
    ),
    ...Advice.when(nearBytes > heap * mostOfHeap, () =>
      Advice.of("near cache").warning(
        `CACHE_NEAR_BYTES (${nearBytes}) is more than a quarter of this process's heap (${heap} bytes), and counts for each domain.`,
        "Lower it, or raise the heap: NODE_OPTIONS=--max-old-space-size=…"
      )
    )
  ]
}

/** Whether the cache's lengths go together with those of the Redis client. */
export const together = (
  { lease, storeTimeout }: CacheConfig.Settings,
  { commandTimeout }: RedisConfig.RedisConfig
): ReadonlyArray<Advice.Finding> => {
  const { warning } = Advice.of("time-outs")
  return [
    ...Advice.when(storeTimeout > commandTimeout, () =>
      warning(
        `CACHE_STORE_TIMEOUT (${millis(storeTimeout)}) is longer than REDIS_COMMAND_TIMEOUT (${millis(commandTimeout)}): the command fails before the read would go on without it.`,
        "Set CACHE_STORE_TIMEOUT below REDIS_COMMAND_TIMEOUT; the defaults are 150 millis and 1 second."
      )
    ),
    ...Advice.when(lease < commandTimeout, () =>
      warning(
        `CACHE_LEASE (${millis(lease)}) is shorter than REDIS_COMMAND_TIMEOUT (${millis(commandTimeout)}): it may run out while its holder waits for Redis, and a second process does the same load.`,
        "Set CACHE_LEASE above REDIS_COMMAND_TIMEOUT; the defaults are 3 seconds and 1 second."
      )
    )
  ]
}
