/**
 * A log that is "in another process": a log in memory behind gates that a test opens and shuts.
 */
import { CacheConfig, CacheStore, InvalidationLog, LiveView, type Position, Tag } from "@letletme/cache"
import { CacheError, Timeout } from "@letletme/cache/CacheError"
import { Clock, Context, Effect, Layer } from "effect"
import type { Settings } from "../tiers.ts"

type Gate = Effect.Effect<void, CacheError>

/** Nothing stands in the way; the log fails at once; the log never answers. */
export const open: Gate = Effect.void
export const silent: Gate = Effect.never
export const failing: Gate = Effect.fail(new CacheError({ reason: new Timeout({ operation: "The log", millis: 1 }) }))

export const maxStaleness = 900

/** The far side: what other processes append, and the gates on the way there. */
export class Remote extends Context.Service<
  Remote,
  {
    readonly log: InvalidationLog["Service"]
    readonly gates: Record<"append" | "sync" | "follow" | "snapshot" | "compact" | "lead", Gate>
    /** How often each call arrived. */
    readonly calls: Map<string, number>
  }
>()("test/Remote") {
  static readonly layer = Layer.effect(
    this,
    InvalidationLog.useSync((log) =>
      Remote.of({
        log,
        gates: { append: open, sync: open, follow: open, snapshot: open, compact: open, lead: open },
        calls: new Map()
      })
    )
  )
}

/** The log as this process sees it: through the gates. */
export const gated = Layer.effect(
  InvalidationLog,
  Remote.useSync(({ calls, gates, log }) => {
    const through = <A>(name: keyof typeof gates, call: Effect.Effect<A, CacheError>) =>
      Effect.suspend(() => {
        calls.set(name, (calls.get(name) ?? 0) + 1)
        return Effect.andThen(gates[name], call)
      })
    return InvalidationLog.of({
      isRemote: true,
      append: (append) => through("append", log.append(append)),
      sync: (from) => through("sync", log.sync(from)),
      follow: (from) =>
        through(
          "follow",
          Effect.timeoutOrElse(log.follow(from), { duration: maxStaleness / 3, orElse: () => Effect.succeed([]) })
        ),
      snapshot: through("snapshot", log.snapshot),
      at: log.at,
      compact: (floor) => through("compact", log.compact(floor)),
      lead: (candidacy) => through("lead", log.lead(candidacy)),
      resign: (fence) => through("lead", log.resign(fence))
    })
  })
)

/** The far side alone. */
export const far = (settings: Settings = {}) =>
  Remote.layer.pipe(
    Layer.provide(InvalidationLog.layerMemory),
    Layer.provide(CacheStore.layerMemory),
    Layer.provide(CacheConfig.layer(settings))
  )

/** A view of the log behind the gates. */
export const near = (settings: Settings = {}) =>
  LiveView.layer.pipe(Layer.provide(gated), Layer.provide(CacheConfig.layer({ maxStaleness, ...settings })))

/** Both. */
export const overRemote = (settings: Settings = {}) => near(settings).pipe(Layer.provideMerge(far(settings)))

/** Appends as another process does, and answers the position. */
export const elsewhere = (...tags: ReadonlyArray<Tag.Tag>): Effect.Effect<Position.Position, CacheError, Remote> =>
  Remote.use(({ log }) =>
    Effect.map(log.append({ tags, cause: "elsewhere", writes: [], from: 0 }), ({ position }) => position)
  )

/** The tag of a match. */
export const match = (id: number) => Tag.of("match", `${id}`)

/** The numbers from 0 on. */
export const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

/** Appends through the view. */
export const append = (...tags: ReadonlyArray<Tag.Tag>) =>
  LiveView.use((live) => live.append({ tags, cause: "here", writes: [] }))

/** Whether the view is trusted now. */
export const trusted = Effect.gen(function* () {
  const live = yield* LiveView
  return live.isTrusted(yield* Clock.currentTimeMillis)
})

/** Puts the same gate before every call. */
export const setGates = (gate: Gate) =>
  Remote.useSync(({ gates }) => {
    for (const name of ["append", "sync", "follow", "snapshot", "compact", "lead"] as const) gates[name] = gate
  })
