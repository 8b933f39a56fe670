/**
 * Brings the database and the caches from one revision to the next: compared, committed, and announced in one append.
 */
import { type CacheError, type Domain, Tag } from "@letletme/cache"
import { Context, Effect, Equal, Layer, Option } from "effect"
import { createHash } from "node:crypto"
import { EventCache } from "../event/EventCache.ts"
import { EventRepository } from "../event/EventRepository.ts"
import { graph } from "../graph.ts"
import { MatchCache } from "../match/MatchCache.ts"
import { MatchRepository } from "../match/MatchRepository.ts"
import { PhaseCache } from "../phase/PhaseCache.ts"
import { PhaseRepository } from "../phase/PhaseRepository.ts"
import { FplSource } from "../source/FplSource.ts"
import type { SourceError } from "../source/SourceError.ts"
import { TeamCache } from "../team/TeamCache.ts"
import { TeamRepository } from "../team/TeamRepository.ts"
import { Committer, type Work } from "./Committer.ts"
import { currentRevision } from "./currentRevision.ts"
import type { Database, DatabaseError } from "./Database.ts"
import type { Repository, Stored } from "./Repository.ts"
import { currentId, CurrentSeason, SeasonPublication } from "./SeasonCache.ts"
import type { Season, SeasonId } from "./Season.ts"
import { SeasonRepository } from "./SeasonRepository.ts"
import type { SeasonRevision } from "./SeasonRevision.ts"

/** What came of publishing a revision. */
export interface Published {
  readonly season: Season
  /** Its source time (epoch ms). */
  readonly time: number
  /**
   * `initial`: neither the database nor the cache held anything of it. `published`: it differs. `unchanged`: it was
   * checked and does not. `superseded`: a newer one was published before.
   */
  readonly outcome: "initial" | "published" | "unchanged" | "superseded"
  /** The keys of what was added, changed or removed. */
  readonly changed: Readonly<Record<"event" | "phase" | "team" | "match", ReadonlyArray<Tag.Tag>>>
  /** The keys of what a workflow has brought up to date since the source stated this revision: left as it is. */
  readonly refused: ReadonlyArray<Tag.Tag>
  /** The keys of what a cascade reached, and the revision has unchanged: stamped anew in the same append. */
  readonly confirmed: ReadonlyArray<Tag.Tag>
  /** The log's position of the append. None where nothing was to be told, or the log did not answer: the relay tells it. */
  readonly position: number | undefined
  readonly invalidated: ReadonlyArray<Tag.Tag>
}

type Outcome = Omit<Published, "position" | "invalidated">

const nothing = { event: [], phase: [], team: [], match: [] }

/** Of the content of a revision, whenever it was stated. */
const hashOf = ({ events, matches, phases, teams }: SeasonRevision): string =>
  createHash("sha256")
    .update(JSON.stringify([events, phases, teams, matches]))
    .digest("base64url")

/** Everything that may be cached of a season, as absent or otherwise. */
const wholeSeason = (season: Season): ReadonlyArray<Tag.Tag> =>
  graph.domains.flatMap((domain) => [
    Tag.any(domain, season),
    ...["season", "unscheduled", ...graph.domains].map((relation) => Tag.any(domain, relation, season))
  ])

interface Compared {
  /** What is saved and removed, and what of the caches is changed with it. */
  readonly changes: ReadonlyArray<Domain.Change>
  readonly refused: ReadonlyArray<Tag.Tag>
}

/** The sync. */
export class SeasonSync extends Context.Service<
  SeasonSync,
  {
    /** Publishes a revision: all of it or, where that fails, nothing. */
    readonly publish: (revision: SeasonRevision) => Effect.Effect<Published, CacheError | DatabaseError>
    /** Fetches a revision from the source, checked against the last one, and publishes it. */
    readonly poll: Effect.Effect<Published, CacheError | DatabaseError | SourceError>
  }
>()("@letletme/fpl/SeasonSync") {
  static readonly layer: Layer.Layer<
    SeasonSync,
    never,
    | FplSource
    | Committer
    | Database
    | SeasonRepository
    | EventRepository
    | PhaseRepository
    | TeamRepository
    | MatchRepository
    | CurrentSeason
    | SeasonPublication
    | EventCache
    | PhaseCache
    | TeamCache
    | MatchCache
  > = Layer.effect(
    this,
    Effect.gen(function* () {
      const source = yield* FplSource
      const committer = yield* Committer
      const seasons = yield* SeasonRepository
      const publication = yield* SeasonPublication
      const currentSeason = yield* CurrentSeason
      const event = { cache: yield* EventCache, rows: yield* EventRepository }
      const phase = { cache: yield* PhaseCache, rows: yield* PhaseRepository }
      const team = { cache: yield* TeamCache, rows: yield* TeamRepository }
      const match = { cache: yield* MatchCache, rows: yield* MatchRepository }
      const previous = yield* Effect.context<
        Database | SeasonRepository | EventRepository | PhaseRepository | TeamRepository | MatchRepository
      >()

      const isEmpty = Effect.fnUntraced(function* (revision: SeasonRevision) {
        const conditions = yield* Effect.all([
          event.cache.inspect(revision.events),
          phase.cache.inspect(revision.phases),
          team.cache.inspect(revision.teams),
          match.cache.inspect(revision.matches)
        ])
        return conditions.flat().every((condition) => condition === "missing")
      })

      /** Saves what differs, and prepares what it changes in the cache. */
      const compare = Effect.fnUntraced(function* <A extends SeasonId, E>(
        kind: { readonly cache: Domain.Domain<SeasonId, A, E>; readonly rows: Repository<A> },
        entities: ReadonlyArray<A>,
        context: {
          readonly revision: SeasonRevision
          readonly sequence: number
          readonly mode: "initial" | "first" | "next"
        }
      ): Effect.fn.Return<Compared, CacheError | DatabaseError> {
        const { cache, rows } = kind
        const { mode, revision, sequence } = context
        const { season, time } = revision
        const held = new Map((yield* rows.ofSeason(season)).map((row) => [row.value.id, row]))
        const saved: Array<Stored<A>> = []
        const removed: Array<SeasonId> = []
        const refused: Array<SeasonId> = []
        const replacements: Array<Domain.Replacement<SeasonId, A>> = []
        const differs = (id: number, before: Stored<A> | undefined, after: A | undefined) => {
          if (before !== undefined && before.revision > time) {
            refused.push({ season, id })
            return
          }
          if (after === undefined) removed.push({ season, id })
          else saved.push({ value: after, revision: time })
          replacements.push({
            id: { season, id },
            value: Option.fromUndefinedOr(after),
            before: Option.map(Option.fromUndefinedOr(before), ({ value }) => value)
          })
        }
        for (const entity of entities) {
          const row = held.get(entity.id)
          held.delete(entity.id)
          if (row === undefined || !Equal.equals(row.value, entity)) differs(entity.id, row, entity)
        }
        for (const [id, row] of held) differs(id, row, undefined)
        if (saved.length > 0) yield* rows.save(saved)
        if (removed.length > 0) yield* rows.remove(removed)
        const options = { revision: { time, sequence } }
        const known = cache.changes(replacements, options)
        const changes =
          mode === "initial"
            ? []
            : mode === "next"
              ? yield* known
              : // The database knows of nothing before: what the cache holds is what there was, if it can tell.
                yield* Effect.catch(
                  cache.changes(
                    replacements.map(({ id, value }) => ({ id, value })),
                    options
                  ),
                  () => known
                )
        return { changes, refused: refused.map(cache.key) }
      })

      /** The revision states every entity: what a cascade reaches and the revision has unchanged is stamped anew. */
      const confirm = <A extends SeasonId, E>(
        cache: Domain.Domain<SeasonId, A, E>,
        entities: ReadonlyArray<A>,
        { changes, refused }: Compared,
        reachedBy: ReadonlyArray<Tag.Tag>,
        revision: { readonly time: number; readonly sequence: number }
      ) => {
        const apart = new Set(refused)
        for (const { key, verdict } of changes) if (verdict !== "unchanged") apart.add(key)
        const known = entities.map((value) => ({ id: { season: value.season, id: value.id }, value }))
        return cache.confirmations(
          known.filter(({ id }) => !apart.has(cache.key(id))),
          reachedBy,
          { revision }
        )
      }

      const publish = Effect.fn("SeasonSync.publish")(function* (
        revision: SeasonRevision
      ): Effect.fn.Return<Published, CacheError | DatabaseError> {
        const { season, time } = revision
        const hash = hashOf(revision)
        // Told by a process whose database was another one: this one may have been empty, or an older copy.
        const noted = yield* Effect.orElseSucceed(publication.peek(season, { consistency: "strong" }), () =>
          Option.none<number>()
        )
        const notedSeason = yield* Effect.orElseSucceed(currentSeason.peek(currentId), () => Option.none<Season>())
        const hasNone =
          Option.isNone(yield* seasons.publication(season)) &&
          (yield* Effect.orElseSucceed(isEmpty(revision), () => false))
        const none = { season, time, changed: nothing, refused: [], confirmed: [] }

        const { announcement, invalidated, value } = yield* committer.commit(
          season,
          `sync ${season} ${new Date(time).toISOString()}`,
          Effect.fnUntraced(function* (sequence): Effect.fn.Return<Work<Outcome>, CacheError | DatabaseError> {
            const published = yield* seasons.publication(season)
            const newest = Math.max(
              Option.getOrElse(noted, () => 0),
              ...Option.toArray(published).map(({ checkedAt }) => checkedAt)
            )
            if (newest > time) return { changes: [], value: { ...none, outcome: "superseded" } }
            if (Option.isSome(published) && published.value.hash === hash) {
              yield* seasons.publish({ ...published.value, checkedAt: time })
              return { changes: [], value: { ...none, outcome: "unchanged" } }
            }

            const current = yield* seasons.current
            const mode = Option.isSome(published) ? "next" : hasNone ? "initial" : "first"
            const context = { revision, sequence, mode } as const
            const events = yield* compare(event, revision.events, context)
            const phases = yield* compare(phase, revision.phases, context)
            const teams = yield* compare(team, revision.teams, context)
            const matches = yield* compare(match, revision.matches, context)
            const all = [events, phases, teams, matches]
            const refused = all.flatMap((one) => one.refused)
            const differing = all.flatMap(({ changes }) => changes)
            const isPublished = differing.some(({ verdict }) => verdict === "changed")
            const publishedAt = isPublished || Option.isNone(published) ? time : published.value.time
            yield* seasons.publish({
              season,
              time: publishedAt,
              checkedAt: time,
              // What was left as it is differs from the revision: the next one is compared all the same.
              hash: refused.length === 0 ? hash : ""
            })
            const moves = Option.isNone(current) || current.value < season
            if (moves) yield* seasons.makeCurrent(season)

            const options = { revision: { time, sequence } }
            const reachedBy = differing.flatMap(({ cascade }) => cascade)
            const confirmed =
              reachedBy.length === 0
                ? []
                : (yield* Effect.all([
                    confirm(event.cache, revision.events, events, reachedBy, options.revision),
                    confirm(phase.cache, revision.phases, phases, reachedBy, options.revision),
                    confirm(team.cache, revision.teams, teams, reachedBy, options.revision),
                    confirm(match.cache, revision.matches, matches, reachedBy, options.revision)
                  ])).flat()
            const before = Option.orElse(
              Option.map(published, (one) => one.time),
              () => noted
            )
            const note =
              isPublished || Option.isNone(published)
                ? yield* publication.changes([{ id: season, value: Option.some(publishedAt), before }], options)
                : []
            const step = moves
              ? yield* currentSeason.changes(
                  [{ id: currentId, value: Option.some(season), before: Option.orElse(current, () => notedSeason) }],
                  options
                )
              : []
            const keys = ({ changes }: Compared) =>
              changes.filter(({ verdict }) => verdict === "changed").map(({ key }) => key)
            const outcome = mode === "initial" ? mode : isPublished ? "published" : "unchanged"
            return {
              changes: [...differing, ...confirmed, ...note, ...step],
              // Of a season that others were asked for before it was there, they may have told that it is not.
              related: mode === "initial" && Option.isSome(current) ? wholeSeason(season) : [],
              value: {
                ...none,
                outcome,
                refused,
                changed: { event: keys(events), phase: keys(phases), team: keys(teams), match: keys(matches) },
                confirmed: confirmed.map(({ key }) => key)
              }
            }
          })
        )
        return {
          ...value,
          invalidated,
          position: announcement._tag === "Announced" ? announcement.position : undefined
        }
      })

      return SeasonSync.of({
        publish,
        poll: Effect.gen(function* () {
          const held = yield* Effect.provideContext(currentRevision, previous)
          return yield* Effect.flatMap(source.fetch(Option.getOrUndefined(held)), publish)
        }).pipe(Effect.withSpan("SeasonSync.poll"))
      })
    })
  )
}
