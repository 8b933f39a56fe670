/**
 * What the admin API does.
 */
import {
  type CacheError,
  CacheManager,
  CacheStore,
  Fence,
  Integrity,
  Leadership,
  LiveView,
  reach,
  Warmer
} from "@letletme/cache"
import { SeasonSync } from "@letletme/fpl"
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Actions, type Work } from "./Actions.ts"
import { AdminApi } from "./AdminApi.ts"
import { Audit } from "./Audit.ts"
import { note } from "./Authorization.ts"
import { NotLeading, Unavailable } from "./Problems.ts"

const shown = 5

/** Some of the tags in words. */
const some = (tags: ReadonlyArray<string>): string =>
  tags.length <= shown ? tags.join(" ") : `${tags.slice(0, shown).join(" ")} and ${tags.length - shown} more`

const unavailable = ({ message }: CacheError) => new Unavailable({ detail: message })

/** The handlers, over the caches, the leadership and the actions in context. */
export const layer = HttpApiBuilder.group(
  AdminApi,
  "admin",
  Effect.fn(function* (handlers) {
    const actions = yield* Actions
    const audit = yield* Audit
    const manager = yield* CacheManager
    const integrity = yield* Integrity
    const leadership = yield* Leadership
    const sync = yield* SeasonSync
    const warmer = yield* Warmer
    const counting = yield* Effect.context<CacheManager | CacheStore | LiveView>()

    /** Begins what only the leader does, under its fence. */
    const beginAsLeader = Effect.fnUntraced(function* (work: Work) {
      const state = yield* leadership.state
      if (state._tag !== "Leading") {
        const leader = state._tag === "StandingBy" ? state.leader : null
        const detail = leader === null ? "Who leads is not known: try again." : `Ask ${leader}, which leads.`
        return yield* new NotLeading({ leader, detail })
      }
      const action = yield* actions.begin({ ...work, run: Effect.provideService(work.run, Fence, state.fence) })
      yield* note(action.id)
      return action
    })

    return handlers.handleAll({
      invalidate: Effect.fn("admin.invalidate")(function* ({ payload }) {
        const { cascade = true, cause = "admin", dryRun = false } = payload
        const batch = payload.tags.map((primary) => ({ primary, cascade }))
        const tags = yield* Effect.mapError(manager.tagsOf(batch), unavailable)
        yield* note(`${dryRun ? "dry run of " : ""}${some(payload.tags)} because of "${cause}"`)
        if (dryRun) {
          const counts = yield* Effect.mapError(Effect.provideContext(reach(tags), counting), unavailable)
          return { dryRun, tags: [...tags], position: null, reach: counts }
        }
        const position = yield* Effect.mapError(manager.invalidate(batch, { cause }), unavailable)
        yield* note(`at ${position}`)
        return { dryRun, tags: [...tags], position, reach: null }
      }),
      warm: () =>
        beginAsLeader({
          kind: "warm",
          progress: warmer.progress,
          run: Effect.map(Effect.andThen(sync.poll, warmer.warm), (report) => ({
            _tag: "Warmed",
            report: { ...report, stages: report.stages.map((stage) => ({ ...stage, loaded: stage.loaded.length })) }
          }))
        }),
      verify: () =>
        beginAsLeader({
          kind: "verify",
          progress: integrity.progress,
          run: Effect.map(integrity.verify, (report) => ({ _tag: "Verified", report }))
        }),
      repair: () =>
        beginAsLeader({
          kind: "repair",
          progress: integrity.progress,
          run: Effect.map(integrity.repair, (repair) => ({ _tag: "Repaired", ...repair }))
        }),
      actions: () => actions.all,
      follow: ({ params }) => actions.follow(params.id),
      audit: () => audit.recent
    })
  })
)
