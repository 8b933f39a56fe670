/**
 * Every metric of the cache: `docs/observability.md` lists the same, and a test holds them together.
 */
import type { Instrument } from "./Meter.ts"

const make =
  (kind: Instrument["kind"]) =>
  <Label extends string = never>(
    name: string,
    unit: string,
    description: string,
    ...labels: ReadonlyArray<Label>
  ): Instrument<Label> => ({ name: `letletme.cache.${name}`, kind, unit, description, labels })

const counter = make("counter")
const gauge = make("gauge")
const histogram = make("histogram")

export const hits = counter("hits", "{read}", "Reads answered from the near cache or the store", "domain", "tier")
export const misses = counter("misses", "{read}", "Reads for which neither tier had a fresh value", "domain")
export const stale = counter("stale", "{read}", "Reads answered with a stale value, as the policy allows", "domain")
export const readDuration = histogram(
  "read.duration",
  "s",
  "Reads that had to load, from the question to the answer; hits are not measured",
  "domain"
)
export const loads = counter("loads", "{load}", "Lookups that answered or failed", "domain", "outcome")
export const loadDuration = histogram("load.duration", "s", "Lookups; one that answers for many keys is one", "domain")
export const leaseWaits = counter("lease.waits", "{load}", "Waits for a load of another process", "domain")
export const corrupt = counter("corrupt", "{entry}", "Stored bytes that were not a readable entry", "domain")
export const refused = counter(
  "refused",
  "{write}",
  "Writes that the store refused because it held something newer",
  "domain"
)
export const updates = counter("updates", "{update}", "Updates that changed something, or nothing", "domain", "outcome")
export const nearEntries = gauge("near.entries", "{entry}", "Entries in the near cache", "domain")
export const nearSize = gauge("near.size", "By", "Bytes that the near cache counts for them", "domain")
export const invalidations = counter("invalidations", "{append}", "Appends of this process to the log", "cause")
export const invalidatedTags = counter("invalidated.tags", "{tag}", "Tags appended by this process", "kind")
export const storeDuration = histogram("store.duration", "s", "Calls of the store, each for many keys", "operation")
export const storeFailures = counter("store.failures", "{call}", "Failed calls of the store and the log", "operation")
export const appendDuration = histogram(
  "log.append.duration",
  "s",
  "Appends to the log until this process's view has them"
)
export const lookups = gauge("lookups", "{lookup}", "Lookups that run, or wait for a place in the bulkhead", "state")
export const shedding = gauge("shedding", "{process}", "1 while load is shed: what would have to wait is refused")
export const logPosition = gauge("log.position", "{position}", "The position of this process's view of the log")
export const logLag = gauge("log.lag", "{position}", "Positions that the view is behind the head that it heard of")
export const logSilence = gauge("log.silence", "s", "Since the log last confirmed the view; 0 for a log in the process")
export const logTrusted = gauge("log.trusted", "{view}", "1 while the view is trusted, so that what is cached counts")
export const viewTags = gauge("view.tags", "{tag}", "Tags that the view remembers as invalidated")
export const leader = gauge("leader", "{process}", "1 where this process leads")
export const errors = counter("errors", "{failure}", "Failures that were left after the retries", "domain", "kind")
export const unresolved = gauge("recovery.unresolved", "{problem}", "1 where a problem needs a person", "problem")
export const warmDuration = gauge("warm.duration", "s", "How long the last warming took")
export const warmTime = gauge("warm.time", "s", "When the last warming without a failure ended, as Unix time; 0: never")
export const warmed = counter("warm.entries", "{entry}", "Entries that were warmed, by what became of them", "outcome")
export const warmFailures = counter("warm.failures", "{failure}", "Batches and stages of a warming that failed")
export const samples = counter("monitor.samples", "{entry}", "Entries that the monitor judged", "domain")
export const monitorLookups = counter("monitor.lookups", "{lookup}", "Lookups that the monitor made", "domain")
export const undecided = counter("monitor.undecided", "{entry}", "Entries that it could not judge", "domain", "reason")
export const inconsistent = counter(
  "inconsistent",
  "{entry}",
  "Entries that differed from the source",
  "domain",
  "cause"
)
export const inconsistentAge = gauge("inconsistent.age", "s", "The greatest age of an inconsistent entry")
export const nines = gauge(
  "consistency.nines",
  "{nine}",
  "Nines of consistency: the logarithm of samples per difference"
)
export const redisMemory = gauge("redis.memory.usage", "By", "What Redis uses, by its own word")
export const redisLimit = gauge("redis.memory.limit", "By", "What Redis may use; 0 where it has no limit")

/** All of them, in the order of the page. */
export const all: ReadonlyArray<Instrument> = [
  hits,
  misses,
  stale,
  readDuration,
  loads,
  loadDuration,
  leaseWaits,
  corrupt,
  refused,
  updates,
  nearEntries,
  nearSize,
  invalidations,
  invalidatedTags,
  storeDuration,
  storeFailures,
  appendDuration,
  lookups,
  shedding,
  logPosition,
  logLag,
  logSilence,
  logTrusted,
  viewTags,
  leader,
  errors,
  unresolved,
  warmDuration,
  warmTime,
  warmed,
  warmFailures,
  samples,
  monitorLookups,
  undecided,
  inconsistent,
  inconsistentAge,
  nines,
  redisMemory,
  redisLimit
]
