/**
 * The end of the log as this process heard it, for those who look.
 */
import { LiveView, type View } from "@letletme/cache"
import { Clock, Context, Effect, Layer, PubSub, Stream } from "effect"
import type { LogEntry } from "./LogEntry.ts"

// So many entries are kept for those who were away, and so many tags of each.
const kept = 500
const shown = 50

const describe = ({ by, cause, position, tags }: View.LogEntry, at: number): LogEntry => ({
  position,
  at,
  cause,
  by,
  tags: tags.slice(0, shown),
  more: Math.max(0, tags.length - shown),
  domains: [...new Set(tags.map((tag) => tag.split(":", 1)[0] ?? tag))]
})

/** The tail. */
export class Tail extends Context.Service<
  Tail,
  {
    /**
     * The entries after a position, as far as they are kept (500), and then each that comes. Whoever reads so slowly that
     * 256 wait misses the oldest of them: the positions tell.
     */
    readonly after: (position: number) => Stream.Stream<LogEntry>
  }
>()("@letletme/warmer/live/Tail") {
  static readonly layer: Layer.Layer<Tail, never, LiveView> = Layer.effect(
    this,
    Effect.gen(function* () {
      const live = yield* LiveView
      const changes = yield* live.changes
      const entries = yield* Effect.acquireRelease(PubSub.sliding<LogEntry>(256), PubSub.shutdown)
      let latest: ReadonlyArray<LogEntry> = []

      yield* PubSub.take(changes).pipe(
        Effect.flatMap((change) =>
          Effect.gen(function* () {
            if (change._tag !== "Applied") return
            const entry = describe(change.entry, yield* Clock.currentTimeMillis)
            latest = [...latest, entry].slice(-kept)
            yield* PubSub.publish(entries, entry)
          })
        ),
        Effect.forever,
        Effect.forkScoped
      )

      return Tail.of({
        after: (position) =>
          Stream.unwrap(
            Effect.gen(function* () {
              // Subscribed first: what comes between is in both, and told once.
              const subscription = yield* PubSub.subscribe(entries)
              // A log in memory began anew with its process: nobody has seen of this one what is beyond its end.
              const seen = position > live.view.highest ? 0 : position
              const before = latest.filter((entry) => entry.position > seen)
              const last = before.at(-1)?.position ?? seen
              const next = Stream.filter(Stream.fromSubscription(subscription), (entry) => entry.position > last)
              return Stream.concat(Stream.fromIterable(before), next)
            })
          )
      })
    })
  )
}
