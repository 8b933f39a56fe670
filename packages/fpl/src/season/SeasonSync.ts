/**
 * Brings the caches from one revision to the next: compared, published, and invalidated in one append.
 */
import { CacheManager, type CacheError, type Domain, type Tag } from "@letletme/cache"
import { Context, Effect, Layer, Option, Ref, Semaphore } from "effect"
import { EventCache, SeasonPublication } from "../event/EventCache.ts"
import { MatchCache } from "../match/MatchCache.ts"
import { PhaseCache } from "../phase/PhaseCache.ts"
import { FplSource } from "../source/FplSource.ts"
import type { SourceError } from "../source/SourceError.ts"
import { TeamCache } from "../team/TeamCache.ts"
import { PrimaryData, revisionOf } from "./PrimaryData.ts"
import * as SeasonDiff from "./SeasonDiff.ts"
import type { SeasonId } from "./Season.ts"
import type { SeasonRevision } from "./SeasonRevision.ts"

/** What came of publishing a revision. */
export interface Published {
  readonly season: string
  /** Its source time (epoch ms). */
  readonly time: number
  /**
   * `initial`: the cache held nothing of it. `published`: it differs. `unchanged`: it was checked and does not.
   * `superseded`: a newer one was published before.
   */
  readonly outcome: "initial" | "published" | "unchanged" | "superseded"
  /** The keys of what was added, changed or removed. */
  readonly changed: Readonly<Record<"event" | "phase" | "team" | "match", ReadonlyArray<Tag.Tag>>>
  /** The keys of what a cascade reached, and the revision has unchanged: stamped anew in the same append. */
  readonly confirmed: ReadonlyArray<Tag.Tag>
  /** The log's position of the append, where there was one, and the tags in it. */
  readonly position: number | undefined
  readonly invalidated: ReadonlyArray<Tag.Tag>
}

const nothing = { event: [], phase: [], team: [], match: [] }

/** The sync. */
export class SeasonSync extends Context.Service<
  SeasonSync,
  {
    /** Publishes a revision. It fails where the log cannot be appended to; the next one then holds the difference too. */
    readonly publish: (revision: SeasonRevision) => Effect.Effect<Published, CacheError>
    /** Fetches a revision from the source, checked against the last one, and publishes it. */
    readonly poll: Effect.Effect<Published, CacheError | SourceError>
  }
>()("@letletme/fpl/SeasonSync") {
  static readonly layer: Layer.Layer<
    SeasonSync,
    never,
    CacheManager | PrimaryData | FplSource | SeasonPublication | EventCache | PhaseCache | TeamCache | MatchCache
  > = Layer.effect(
    this,
    Effect.gen(function* () {
      const manager = yield* CacheManager
      const publication = yield* SeasonPublication
      const primary = yield* PrimaryData
      const source = yield* FplSource
      const caches = {
        event: yield* EventCache,
        phase: yield* PhaseCache,
        team: yield* TeamCache,
        match: yield* MatchCache
      }
      // The revision whose difference has reached the log: a failed append leaves it where it was.
      const committed = yield* Ref.make(Option.none<SeasonRevision>())
      const single = yield* Semaphore.make(1)

      const isEmpty = Effect.fnUntraced(function* (revision: SeasonRevision) {
        const ids = (entities: ReadonlyArray<SeasonId>) => entities.map(({ id, season }) => ({ id, season }))
        const conditions = yield* Effect.all([
          caches.event.inspect(ids(revision.events)),
          caches.phase.inspect(ids(revision.phases)),
          caches.team.inspect(ids(revision.teams)),
          caches.match.inspect(ids(revision.matches))
        ])
        return conditions.flat().every((condition) => condition === "missing")
      })

      const publish = Effect.fn("SeasonSync.publish")(function* (
        revision: SeasonRevision
      ): Effect.fn.Return<Published, CacheError> {
        const { season, time } = revision
        const stated = { season, time }
        const known = Option.filter(yield* Ref.get(committed), (last) => last.season === season)
        const published = yield* publication.peek(season, { consistency: "strong" })
        const none = { changed: nothing, confirmed: [], position: undefined, invalidated: [] }
        const newest = Math.max(
          ...Option.toArray(known).map((last) => last.time),
          ...Option.toArray(published),
          Number.NEGATIVE_INFINITY
        )
        if (newest > time) return { ...stated, ...none, outcome: "superseded" }

        const diff = SeasonDiff.make(Option.getOrUndefined(known), revision)
        const isInitial = Option.isNone(known) && (yield* isEmpty(revision))

        const prepare = <A extends SeasonId, E>(
          cache: Domain.Domain<SeasonId, A, E>,
          differences: ReadonlyArray<SeasonDiff.Difference<A>>
        ) =>
          cache.changes(
            differences.map(({ after, before, id }) => ({
              id: { season, id },
              value: Option.fromUndefinedOr(after),
              // Without a revision to compare with, what the cache holds is what there was.
              ...(Option.isNone(known) ? {} : { before: Option.fromUndefinedOr(before) })
            })),
            { revision: revisionOf(revision) }
          )
        const changes = isInitial
          ? nothing
          : {
              event: yield* prepare(caches.event, diff.event),
              phase: yield* prepare(caches.phase, diff.phase),
              team: yield* prepare(caches.team, diff.team),
              match: yield* prepare(caches.match, diff.match)
            }
        const { event, match, phase, team } = changes
        const differing = [...event, ...phase, ...team, ...match]
        // The revision states every entity: what a cascade reaches and the revision has unchanged is stamped anew.
        const reachedBy = differing.flatMap(({ cascade }) => cascade)
        const confirm = <A extends SeasonId, E>(
          cache: Domain.Domain<SeasonId, A, E>,
          entities: ReadonlyArray<A>,
          apart: ReadonlyArray<Domain.Change>
        ) => {
          const changed = new Set(apart.filter(({ verdict }) => verdict !== "unchanged").map(({ key }) => key))
          const known = entities.map((value) => ({ id: { season, id: value.id }, value }))
          return cache.confirmations(
            known.filter(({ id }) => !changed.has(cache.key(id))),
            reachedBy,
            { revision: revisionOf(revision) }
          )
        }
        const confirmed =
          reachedBy.length === 0
            ? []
            : (yield* Effect.all([
                confirm(caches.event, revision.events, event),
                confirm(caches.phase, revision.phases, phase),
                confirm(caches.team, revision.teams, team),
                confirm(caches.match, revision.matches, match)
              ])).flat()
        const isPublished = differing.some(({ verdict }) => verdict === "changed")
        const announcement =
          isPublished || Option.isNone(published)
            ? yield* publication.changes([{ id: season, value: Option.some(time), before: published }], {
                revision: revisionOf(revision)
              })
            : []
        const { invalidated, position } = yield* primary.publishWith(
          revision,
          manager.commit([...differing, ...confirmed, ...announcement], {
            cause: `sync ${season} ${new Date(time).toISOString()}`
          })
        )
        yield* Ref.set(committed, Option.some(revision))

        const keys = (list: ReadonlyArray<Domain.Change>) =>
          list.filter(({ verdict }) => verdict === "changed").map(({ key }) => key)
        const changed = { event: keys(event), phase: keys(phase), team: keys(team), match: keys(match) }
        if (isInitial) return { ...stated, ...none, outcome: "initial" }
        if (!isPublished) return { ...stated, ...none, outcome: "unchanged" }
        return {
          ...stated,
          outcome: "published",
          changed,
          confirmed: confirmed.map(({ key }) => key),
          position,
          invalidated
        }
      }, single.withPermit)

      return SeasonSync.of({
        publish,
        poll: Effect.gen(function* () {
          const previous = Option.getOrUndefined(yield* Ref.get(committed))
          return yield* Effect.flatMap(source.fetch(previous), publish)
        })
      })
    })
  )
}
