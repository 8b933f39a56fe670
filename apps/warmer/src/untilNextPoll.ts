/**
 * When the source is asked again.
 */
import { currentRevision, Lifecycle } from "@letletme/fpl"
import { Clock, Effect, Option } from "effect"

/** How long the source is left alone (ms): as the season's life goes, and for a minute at most if it did not answer. */
export const untilNextPoll = Effect.fnUntraced(function* (hasAnswered: boolean) {
  const now = yield* Clock.currentTimeMillis
  const held = yield* Effect.orElseSucceed(currentRevision, () => Option.none())
  const pause = Option.map(held, (revision) => Lifecycle.untilNextPoll(revision, now))
  return Math.min(
    Option.getOrElse(pause, () => 60_000),
    hasAnswered ? Number.POSITIVE_INFINITY : 60_000
  )
})
