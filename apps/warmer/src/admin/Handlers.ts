/**
 * What the admin API does.
 */
import {
  type CacheError,
  CacheManager,
  type CacheStore,
  Cipher,
  Fence,
  Integrity,
  type InvalidationLog,
  Leadership,
  type LiveView,
  reach,
  Recovery,
  Rotation,
  Warmer,
  WarmStage
} from "@letletme/cache"
import { SeasonSync } from "@letletme/fpl"
import { Effect, Option, Stream, SubscriptionRef } from "effect"
import { HttpEffect, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import * as Maintenance from "../Maintenance.ts"
import { Reload } from "../Reload.ts"
import { Actions, type Work } from "./Actions.ts"
import { AdminApi } from "./AdminApi.ts"
import { Audit } from "./Audit.ts"
import { note } from "./Authorization.ts"
import { tail } from "./LogTail.ts"
import { NotEncrypted, NotFound, NotLeading, TooMany, Unavailable, WrongSettings } from "./Problems.ts"

const shown = 5
// So many may follow something at once.
const maxFollowers = 16
// How long a handing over waits to hear who leads.
const patience = "10 seconds"

/** Some of the tags in words. */
const some = (tags: ReadonlyArray<string>): string =>
  tags.length <= shown ? tags.join(" ") : `${tags.slice(0, shown).join(" ")} and ${tags.length - shown} more`

const unavailable = ({ message }: CacheError) => new Unavailable({ detail: message })

/** The name of who leads, as far as this process knows. */
const leaderOf = (name: string, state: Effect.Success<Leadership["Service"]["state"]>): string | null =>
  state._tag === "Leading" ? name : state._tag === "StandingBy" ? state.leader : null

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
    const recovery = yield* Recovery
    const reload = yield* Reload
    const sync = yield* SeasonSync
    const warmer = yield* Warmer
    const cipher = yield* Effect.serviceOption(Cipher.Cipher)
    const cache = yield* Effect.context<CacheManager | CacheStore | InvalidationLog | LiveView>()
    const mending = yield* Effect.context<Effect.Services<ReturnType<typeof Maintenance.open>>>()
    let followers = 0

    const begin = (work: Work) => Effect.tap(actions.begin(work), ({ id }) => note(id))

    /** Begins what only the leader does, under its fence. */
    const beginAsLeader = Effect.fnUntraced(function* (work: Work) {
      const state = yield* leadership.state
      if (state._tag === "Leading") {
        return yield* begin({ ...work, run: Effect.provideService(work.run, Fence, state.fence) })
      }
      const leader = leaderOf(leadership.name, state)
      const detail = leader === null ? "Who leads is not known: try again." : `Ask ${leader}, which leads.`
      return yield* new NotLeading({ leader, detail })
    })

    /** A place among those who follow something, for as long as the request lasts. */
    const place = Effect.acquireRelease(
      Effect.suspend(() => {
        if (followers < maxFollowers) return Effect.sync(() => followers++)
        return Effect.fail(new TooMany({ retryAfter: 60, detail: `${maxFollowers} follow something already.` }))
      }),
      () => Effect.sync(() => followers--)
    )

    return handlers.handleAll({
      invalidate: Effect.fn("admin.invalidate")(function* ({ payload }) {
        const { cascade = true, cause = "admin", dryRun = false } = payload
        const batch = payload.tags.map((primary) => ({ primary, cascade }))
        const tags = yield* Effect.mapError(manager.tagsOf(batch), unavailable)
        yield* note(`${dryRun ? "dry run of " : ""}${some(payload.tags)} because of "${cause}"`)
        if (dryRun) {
          const counts = yield* Effect.mapError(Effect.provideContext(reach(tags), cache), unavailable)
          return { dryRun, tags: [...tags], position: null, reach: counts }
        }
        const position = yield* Effect.mapError(manager.invalidate(batch, { cause }), unavailable)
        yield* note(`at ${position}`)
        yield* HttpEffect.appendPreResponseHandler((_, response) =>
          Effect.succeed(HttpServerResponse.setHeader(response, "letletme-position", `${position}`))
        )
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
      rotate: Effect.fn("admin.rotate")(function* () {
        if (Option.isNone(cipher)) {
          const detail = "State CACHE_ENCRYPTION_KEYS or CACHE_ENCRYPTION_KEYS_FILE, and start again."
          return yield* new NotEncrypted({ detail })
        }
        const progress = yield* SubscriptionRef.make(WarmStage.idle)
        const rotation = Rotation.rotate.pipe(
          Stream.tap(({ renewed, seen }) =>
            SubscriptionRef.set(progress, { stage: `${renewed} encrypted anew`, done: seen, total: seen })
          ),
          Stream.runLast,
          Effect.map((last) => ({
            _tag: "Rotated" as const,
            key: cipher.value.current(),
            ...Option.getOrElse(last, () => Rotation.start)
          })),
          Effect.provideService(Cipher.Cipher, cipher.value),
          Effect.provideContext(cache)
        )
        return yield* begin({ kind: "rotate", progress: SubscriptionRef.changes(progress), run: rotation })
      }),
      recover: ({ params }) =>
        begin({
          kind: "recovery",
          progress: integrity.progress,
          run: Effect.map(recovery.run(params.problem), (outcome) => ({ _tag: "Recovered", ...outcome }))
        }),
      maintenance: () => Effect.map(actions.all, (all) => all.find(({ kind }) => kind === "maintenance") ?? null),
      beginMaintenance: () =>
        begin({
          kind: "maintenance",
          progress: integrity.progress,
          run: Effect.map(Effect.provideContext(Maintenance.open(), mending), (outcome) => ({
            _tag: "Maintained",
            ...outcome
          }))
        }),
      endMaintenance: () => actions.stop("maintenance"),
      handOver: Effect.fn("admin.handOver")(function* () {
        const before = yield* leadership.state
        if (!(yield* leadership.handOver)) {
          const leader = leaderOf(leadership.name, before)
          return yield* new NotLeading({ leader, detail: "It does not lead, so it has nothing to hand over." })
        }
        const next = yield* leadership.changes.pipe(
          Stream.filter(({ _tag }) => _tag !== "Unknown"),
          Stream.runHead,
          Effect.timeoutOption(patience)
        )
        const leader = Option.match(Option.flatten(next), {
          onNone: () => null,
          onSome: (state) => leaderOf(leadership.name, state)
        })
        yield* note(leader === null ? "to nobody yet" : `to ${leader}`)
        return { leader, isAnother: leader !== null && leader !== leadership.name }
      }),
      reload: Effect.fn("admin.reload")(function* () {
        const adopted = yield* Effect.mapError(reload.run, ({ message }) => new WrongSettings({ detail: message }))
        yield* note(adopted.applied.join(" "))
        return adopted
      }),
      explain: Effect.fn("admin.explain")(function* ({ query }) {
        yield* note(query.key)
        const [explanation] = yield* Effect.mapError(manager.explain(query.key), unavailable)
        if (explanation !== undefined) return explanation
        return yield* new NotFound({ detail: `${query.key} is no key of an open domain.` })
      }),
      log: Effect.fn("admin.log")(function* ({ headers, query }) {
        yield* place
        const events = yield* Effect.provideContext(tail(headers["last-event-id"] ?? query.from), cache)
        return Stream.mapError(events, unavailable)
      }),
      actions: () => actions.all,
      follow: ({ params }) => Effect.andThen(place, actions.follow(params.id)),
      audit: () => audit.recent
    })
  })
)
