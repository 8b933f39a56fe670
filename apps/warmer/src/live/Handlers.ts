/**
 * What the live API answers.
 */
import { CacheConfig, CacheManager, CacheStore, type Explanation } from "@letletme/cache"
import { Effect, Option, Schedule, Schema, Stream } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { NotFound, Unavailable } from "../admin/Problems.ts"
import { type LiveEvent, LiveApi } from "./LiveApi.ts"
import { Overviews } from "./Overviews.ts"
import { SeasonView } from "./SeasonView.ts"
import { Tail } from "./Tail.ts"

const unavailable = ({ message }: { readonly message: string }) => new Unavailable({ detail: message })

const explained = ({ because, entry, invalidation, key, position, state, storeKey, tier }: Explanation) => ({
  because,
  key,
  position,
  state,
  storeKey,
  tier,
  entry: entry ?? null,
  invalidation:
    invalidation === undefined
      ? null
      : { ...invalidation, cause: invalidation.cause ?? null, by: invalidation.by ?? null }
})

const Position = Schema.FiniteFromString
// A browser that was never connected begins with what is kept.
const positionOf = (id: string | undefined): number =>
  id === undefined ? 0 : Option.getOrElse(Schema.decodeOption(Position)(id), () => 0)

// A domain may have millions of keys; a page shows some of them.
const mostScanned = 100_000
const inOrder = new Intl.Collator("en", { numeric: true })

/** The handlers, over the caches in context. */
export const layer = HttpApiBuilder.group(
  LiveApi,
  "live",
  Effect.fn(function* (handlers) {
    const overviews = yield* Overviews
    const tail = yield* Tail
    const manager = yield* CacheManager
    const store = yield* CacheStore
    const season = yield* SeasonView
    const { namespace } = yield* CacheConfig.Settings

    const ticks = Stream.fromEffectSchedule(overviews.now, Schedule.spaced("1 second")).pipe(
      Stream.map((data): LiveEvent => ({ event: "overview", data }))
    )
    const progress = Stream.map(overviews.progress, (data): LiveEvent => ({ event: "progress", data }))

    return handlers.handleAll({
      overview: () => overviews.now,
      events: ({ headers }) =>
        Effect.succeed(
          Stream.mergeAll(
            [
              ticks,
              progress,
              Stream.map(tail.after(positionOf(headers["last-event-id"])), (data): LiveEvent => ({
                event: "log",
                id: `${data.position}`,
                data
              }))
            ],
            { concurrency: "unbounded" }
          )
        ),
      entries: Effect.fn("live.entries")(function* ({ query }) {
        const { domain, limit = 100, search = "" } = query
        const start = `${namespace}:${domain}:`
        const found = new Set<string>()
        yield* store.scan(start).pipe(
          Stream.flattenIterable,
          Stream.take(mostScanned),
          Stream.runForEach((name) =>
            Effect.sync(() => {
              // In the store a key bears its schema's fingerprint.
              const key = name.slice(namespace.length + 1, name.lastIndexOf("@"))
              if (key.includes(search)) found.add(key)
            })
          ),
          Effect.mapError(unavailable)
        )
        return { keys: [...found].toSorted(inOrder.compare).slice(0, limit), total: found.size }
      }),
      explain: Effect.fn("live.explain")(function* ({ query }) {
        const [explanation] = yield* Effect.mapError(manager.explain(query.key), unavailable)
        if (explanation === undefined) {
          return yield* new NotFound({ detail: `${query.key} is no key of a domain, such as team:2030-31:7.` })
        }
        return explained(explanation)
      }),
      season: () => Effect.mapError(season.now, unavailable)
    })
  })
)
