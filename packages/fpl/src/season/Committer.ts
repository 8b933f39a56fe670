/**
 * Committed means invalidated: a change of the database and its announcement, in one transaction and then in one append.
 */
import {
  CacheManager,
  type CacheError,
  type Domain,
  onceName,
  Outbox,
  OutboxRelay,
  type Position,
  type Tag
} from "@letletme/cache"
import { Context, Effect, Equal, Layer, Option, Result, Schedule } from "effect"
import { Database, DatabaseError, Unavailable } from "./Database.ts"
import type { Season } from "./Season.ts"
import { SeasonRepository } from "./SeasonRepository.ts"

/**
 * How the log was told. `Nothing`: nothing changed. `Announced`: it stands at this position. `Pending`: the change is
 * committed, the log did not answer, and the relay tells it as soon as it does.
 */
export type Announcement =
  | { readonly _tag: "Nothing" }
  | { readonly _tag: "Announced"; readonly position: Position.Position }
  | { readonly _tag: "Pending"; readonly because: CacheError }

/** What came of a commit. */
export interface Committed<A> {
  readonly value: A
  readonly announcement: Announcement
  /** The tags of the announcement. */
  readonly invalidated: ReadonlyArray<Tag.Tag>
}

/** What a transaction did: the caches' changes, and whatever it answers. */
export interface Work<A> {
  readonly changes: ReadonlyArray<Domain.Change>
  /** What is invalidated beside the changes. */
  readonly related?: ReadonlyArray<Tag.Tag> | undefined
  readonly value: A
}

/** The committer. A commit that the database does not take fails with `DatabaseError`. */
export class Committer extends Context.Service<
  Committer,
  {
    /**
     * Runs the work in a transaction that no other writer of the season is in, commits it with its announcement, and then
     * makes the caches' changes in one append. The work is given a number that is higher for each commit. If it fails,
     * nothing is written and nothing is invalidated; without a change nothing is announced.
     */
    readonly commit: <A, E, R>(
      season: Season,
      cause: string,
      work: (sequence: number) => Effect.Effect<Work<A>, E, R>
    ) => Effect.Effect<Committed<A>, E | DatabaseError, R>
  }
>()("@letletme/fpl/Committer") {
  static readonly layer: Layer.Layer<
    Committer,
    never,
    CacheManager | Database | Outbox | OutboxRelay | SeasonRepository
  > = Layer.effect(
    this,
    Effect.gen(function* () {
      const manager = yield* CacheManager
      const database = yield* Database
      const outbox = yield* Outbox
      const relay = yield* OutboxRelay
      const seasons = yield* SeasonRepository

      return Committer.of({
        commit: <A, E, R>(
          season: Season,
          cause: string,
          work: (sequence: number) => Effect.Effect<Work<A>, E, R>
        ): Effect.Effect<Committed<A>, E | DatabaseError, R> => {
          const transaction = database
            .transaction(
              Effect.gen(function* () {
                const sequence = yield* seasons.lock(season)
                const before = yield* seasons.publication(season)
                const { changes, related = [], value } = yield* work(sequence)
                const after = yield* seasons.publication(season)
                if (changes.length > 0 && Option.isSome(after) && Equal.equals(before, after)) {
                  // The database is no longer what the source stated: an equal revision is compared all the same.
                  yield* seasons.publish({ ...after.value, hash: "" })
                }
                const tags = [...new Set([...related, ...changes.flatMap((one) => [...one.direct, ...one.cascade])])]
                const id =
                  tags.length === 0
                    ? undefined
                    : yield* Effect.mapError(
                        outbox.put({ tags, cause }),
                        ({ cause: why, operation }) =>
                          new DatabaseError({ reason: new Unavailable({ operation, cause: why }) })
                      )
                return { changes, id, related, tags, value }
              })
            )
            .pipe(
              Effect.retry({
                while: (error) => error instanceof DatabaseError && error.reason._tag === "Conflict",
                schedule: Schedule.exponential("10 millis").pipe(Schedule.jittered),
                times: 5
              }),
              Effect.withSpan("Committer.transaction", { attributes: { season, cause } })
            )
          return relay.ahead(
            Effect.gen(function* () {
              const { changes, id, related, tags, value } = yield* transaction
              if (id === undefined) {
                // What did not change takes its place among the writers all the same; if not now, with the next one.
                yield* Effect.ignore(manager.commit(changes, { cause }))
                return { value, invalidated: tags, announcement: { _tag: "Nothing" } as const }
              }
              const told = yield* manager
                .commit(changes, { cause, related, once: onceName(id) })
                .pipe(Effect.withSpan("Committer.announce", { attributes: { tags: tags.length } }), Effect.result)
              if (Result.isFailure(told)) {
                yield* Effect.logWarning(`${cause} is committed, and announced later: ${told.failure.message}`)
                return { value, invalidated: tags, announcement: { _tag: "Pending", because: told.failure } as const }
              }
              const { position } = told.success
              // Not noted it is delivered again, which changes nothing.
              yield* Effect.ignore(outbox.delivered([id], position))
              return { value, invalidated: tags, announcement: { _tag: "Announced", position } as const }
            })
          )
        }
      })
    })
  )
}
