/**
 * Compares what is cached with the database, once nothing is pending any more.
 */
import { CacheManager, CacheMetrics, InvalidationLog, Outbox, relayedMark } from "@letletme/cache"
import {
  Database,
  EventRepository,
  FplCaches,
  MatchRepository,
  type MemoryDatabase,
  PhaseRepository,
  TeamRepository
} from "@letletme/fpl"
import { Clock, Effect, Equal, Layer } from "effect"
import type { Findings } from "./Messages.ts"
import * as Model from "./Model.ts"
import * as Values from "./Values.ts"

// Until when all has to be well (ms), and how often that is looked at.
export const within = 2_000
const often = "10 millis"
const mostDifferences = 5

const excerpt = (value: unknown): string => JSON.stringify(value).slice(0, 200)

/** What each row says of the operation that changed it last. */
const marks = Effect.gen(function* () {
  const events = yield* EventRepository
  const phases = yield* PhaseRepository
  const teams = yield* TeamRepository
  const matches = yield* MatchRepository
  const found: Record<string, number> = {}
  for (const season of [Model.updated, Model.published]) {
    const note = (kind: Model.Kind, id: number, mark: number | null) => {
      if (mark !== null) found[Model.keyOf(season, kind, id)] = mark
    }
    for (const { value } of yield* events.ofSeason(season)) note("event", value.id, value.highestScore)
    for (const { value } of yield* phases.ofSeason(season)) note("phase", value.id, value.highestScore)
    for (const { value } of yield* teams.ofSeason(season)) note("team", value.id, value.strength)
    for (const { value } of yield* matches.ofSeason(season)) note("match", value.id, value.minutes)
  }
  return found
})

/** By cause, how often the log has it after a position. */
const appended = Effect.fnUntraced(function* (from: number) {
  const log = yield* InvalidationLog
  const found: Record<string, number> = {}
  let position = from
  while (true) {
    const { entries, head } = yield* log.sync(position)
    for (const entry of entries) {
      const cause = entry.cause.endsWith(relayedMark) ? entry.cause.slice(0, -relayedMark.length) : entry.cause
      found[cause] = (found[cause] ?? 0) + 1
    }
    const last = entries.at(-1)?.position ?? head
    if (last >= head) return { appended: found, position: head }
    position = last
  }
})

const loads = CacheMetrics.use(({ counts }) =>
  Effect.map(counts, ({ domains }) => Object.values(domains).reduce((sum, domain) => sum + domain.loads, 0))
)

// A log of their own knows no positions of the other, and their relay must not take what is meant for that.
const alone = Layer.merge(
  Layer.effect(
    Database,
    Database.useSync(({ reading, transaction }) =>
      Database.of({
        transaction,
        reading: (effect) => Effect.map(reading(effect), ({ value }) => ({ value, isPending: false, position: 0 }))
      })
    )
  ),
  Outbox.layerMemory
)

/** The values as caches of their own, which were empty before, have them from the database. */
const fromScratch = Effect.gen(function* () {
  const database = yield* Effect.context<MemoryDatabase.SeasonStore>()
  const caches = FplCaches.layer.pipe(
    Layer.provide(CacheManager.layerMemory),
    Layer.provide(alone),
    Layer.provide(Layer.succeedContext(database))
  )
  return yield* Effect.provide(Values.read, Layer.fresh(caches))
})

/** Judges. Times are counted from `since` (epoch ms). */
export const judge = Effect.fnUntraced(function* (options: { readonly from: number; readonly since: number }) {
  const outbox = yield* Outbox
  const elapsed = Effect.map(Clock.currentTimeMillis, (now) => now - options.since)
  const repeated = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>, good: (found: A) => boolean) {
    while (true) {
      const found = yield* effect
      if (good(found) || (yield* elapsed) >= within) return found
      yield* Effect.sleep(often)
    }
  })

  const isDelivered = Effect.map(outbox.pending(1), (rows) => rows.length === 0)
  const delivered = yield* repeated(isDelivered, (is) => is)
  const caughtUp = delivered ? yield* elapsed : null
  const compare = Effect.gen(function* () {
    const before = yield* loads
    const cached = yield* Values.read
    const readAt = yield* elapsed
    const loaded = (yield* loads) - before
    const expected = yield* fromScratch
    const differences = Array.from(expected).flatMap(([name, value]) =>
      Equal.equals(cached.get(name), value) ? [] : [`${name} is ${excerpt(cached.get(name))}, not ${excerpt(value)}`]
    )
    return { compared: expected.size, differences, loaded, readAt }
  })
  const { compared, differences, loaded, readAt } = yield* repeated(compare, (found) => found.differences.length === 0)
  return {
    caughtUp,
    agreed: differences.length === 0 ? readAt : null,
    differences: differences.slice(0, mostDifferences),
    compared,
    loaded,
    marks: yield* marks,
    ...(yield* appended(options.from))
  } satisfies Findings
})
