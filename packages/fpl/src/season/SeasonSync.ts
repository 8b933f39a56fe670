/**
 * Brings the database and the caches from one revision to the next: compared, committed, and announced in one append.
 */
import { type CacheError, Tag } from "@letletme/cache"
import { Context, Effect, Layer, Option } from "effect"
import { createHash } from "node:crypto"
import { graph } from "../graph.ts"
import { FplSource } from "../source/FplSource.ts"
import type { SourceError } from "../source/SourceError.ts"
import { Committer, type Work } from "./Committer.ts"
import { currentRevision } from "./currentRevision.ts"
import type { Database, DatabaseError } from "./Database.ts"
import { currentId, CurrentSeason, SeasonPublication } from "./SeasonCache.ts"
import type { Season } from "./Season.ts"
import { SeasonRepository } from "./SeasonRepository.ts"
import { type Caches, domains, type Repositories, type SeasonRevision } from "./SeasonRevision.ts"

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
  /** By domain, the keys of what was added, changed or removed. */
  readonly changed: Readonly<Record<string, ReadonlyArray<Tag.Tag>>>
  /** The keys of what a workflow has brought up to date since the source stated this revision: left as it is. */
  readonly refused: ReadonlyArray<Tag.Tag>
  /** The keys of what a cascade reached, and the revision has unchanged: stamped anew in the same append. */
  readonly confirmed: ReadonlyArray<Tag.Tag>
  /** The log's position of the append. None where nothing was to be told, or the log did not answer: the relay tells it. */
  readonly position: number | undefined
  readonly invalidated: ReadonlyArray<Tag.Tag>
}

type Outcome = Omit<Published, "position" | "invalidated">

const nothing = Object.fromEntries(Object.keys(domains.since).map((name) => [name, []]))

/** Of the content of a revision, whenever it was stated. */
const hashOf = (revision: SeasonRevision): string =>
  createHash("sha256")
    .update(JSON.stringify({ ...revision, time: 0 }))
    .digest("base64url")

/** Everything that may be cached of a season, as absent or otherwise. */
const wholeSeason = (season: Season): ReadonlyArray<Tag.Tag> =>
  graph.domains.flatMap((domain) => [
    Tag.any(domain, season),
    ...["season", ...domains.relations, ...graph.domains].map((relation) => Tag.any(domain, relation, season))
  ])

/**
 * The sync. `poll` fails with `SourceError` where the source gives no revision; either fails with `DatabaseError` where
 * nothing was committed, with `CacheError` where the cache could not be asked.
 */
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
    FplSource | Committer | Database | SeasonRepository | Repositories | CurrentSeason | SeasonPublication | Caches
  > = Layer.effect(
    this,
    Effect.gen(function* () {
      const source = yield* FplSource
      const committer = yield* Committer
      const seasons = yield* SeasonRepository
      const publication = yield* SeasonPublication
      const currentSeason = yield* CurrentSeason
      const opened = yield* domains.opened
      const previous = yield* Effect.context<Database | SeasonRepository | Repositories>()

      const isEmpty = Effect.fnUntraced(function* (revision: SeasonRevision) {
        const conditions = yield* Effect.forEach(opened, ({ cache, entities }) => cache.inspect(entities(revision)))
        return conditions.flat().every((condition) => condition === "missing")
      })

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
            const occasion = { season, time, sequence, mode } as const
            const compared = yield* Effect.forEach(opened, (domain) =>
              Effect.map(domain.compare(revision, occasion), (result) => ({ domain, result }))
            )
            const refused = compared.flatMap(({ result }) => result.refused)
            const differing = compared.flatMap(({ result }) => result.changes)
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
                : (yield* Effect.forEach(compared, ({ domain, result }) =>
                    domain.confirm(revision, result, reachedBy, occasion)
                  )).flat()
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
            const outcome = mode === "initial" ? mode : isPublished ? "published" : "unchanged"
            return {
              changes: [...differing, ...confirmed, ...note, ...step],
              // Of a season that others were asked for before it was there, they may have told that it is not.
              related: mode === "initial" && Option.isSome(current) ? wholeSeason(season) : [],
              value: {
                ...none,
                outcome,
                refused,
                changed: Object.fromEntries(
                  compared.map(({ domain: { name }, result: { changes } }) => [
                    name,
                    changes.filter(({ verdict }) => verdict === "changed").map(({ key }) => key)
                  ])
                ),
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
