/**
 * The maintenance window: what is left over is cleaned up, and the memory is looked at, when few read.
 */
import { CacheConfig, Fence, Integrity, Leadership, LiveView, Recovery } from "@letletme/cache"
import { type Cron, Effect, Option, Schedule } from "effect"
import { reloadNow } from "./Reload.ts"
import { Rotations } from "./Rotations.ts"

// The table is compacted above this share of what it may hold: whatever is older than the new floor is loaded anew.
const tagShare = 0.5

/** One window: settings are read again, then all is cleaned up by them. Entries and tags are the leader's to clean up, its own memory each process's. */
export const open = Effect.fn("Maintenance")(function* () {
  const integrity = yield* Integrity
  const leadership = yield* Leadership
  const live = yield* LiveView
  const recovery = yield* Recovery
  const settings = yield* CacheConfig.Settings
  yield* reloadNow
  const state = yield* leadership.state
  if (state._tag === "Leading") {
    const rotations = yield* Effect.serviceOption(Rotations)
    if (Option.isSome(rotations)) yield* rotations.value.again
    const { first, second } = yield* Effect.provideService(integrity.repair, Fence, state.fence)
    yield* Effect.logInfo(
      `Maintenance: ${first.mended} of ${first.total} entries were mended or removed; ${second.isClean ? "all are right" : `${second.findings.length} are not right yet`}`
    )
    if (live.view.size > settings.maxTags * tagShare) {
      const before = live.view.size
      yield* live.compact
      yield* Effect.logInfo(`Maintenance: the table was compacted from ${before} to ${live.view.size} tags`)
    }
  }
  return yield* recovery.run("performance")
})

/** Opens a window whenever the schedule says so. What fails in one is logged, and the next one comes all the same. */
export const bySchedule = (cron: Cron.Cron) =>
  open().pipe(
    Effect.catchCause((cause) => Effect.logWarning("A maintenance window broke off", cause)),
    Effect.schedule(Schedule.cron(cron))
  )
