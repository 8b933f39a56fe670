/**
 * What the workflows have in common: update data, validate, commit with the outbox, change the caches, and tell.
 */
import type { CacheError, Domain, Tag } from "@letletme/cache"
import { type Array as Arr, Clock, Effect, Equal, Option, Schema } from "effect"
import type { Announcement, Committer, Work } from "./Committer.ts"
import type { DatabaseError } from "./Database.ts"
import type { Repository, Stored } from "./Repository.ts"
import type { Season, SeasonId } from "./Season.ts"

/** One thing that an update must not be. */
export const Problem = Schema.Struct({ key: Schema.String, detail: Schema.String })
export type Problem = typeof Problem.Type

/** An update breaks a rule of the game: nothing of its batch is written. */
export class ValidationError extends Schema.TaggedError<ValidationError>()("ValidationError", {
  problems: Schema.NonEmptyArray(Problem)
}) {
  override get message(): string {
    const list = this.problems.map(({ detail, key }) => `${key}: ${detail}`).join("; ")
    return `Nothing was updated. ${list}. Correct the update, and send all of it again.`
  }
}

/** An update of one entity: what is stated replaces what there is, the rest stays. */
export interface Update<Fields> {
  readonly id: number
  readonly set: Partial<Fields>
}

/** How an update is ordered, and why it is made. */
export interface UpdateOptions {
  /** When the update was stated (epoch ms): what was stated later stays. Default: now. */
  readonly revision?: number | undefined
  /** Why, for the log. */
  readonly cause?: string | undefined
}

/** What came of a batch of updates, by key. */
export interface Updated {
  readonly changed: ReadonlyArray<Tag.Tag>
  /** What was as it should be: nothing of it is invalidated or loaded again. */
  readonly unchanged: ReadonlyArray<Tag.Tag>
  /** What is of a newer revision, and was left as it is. */
  readonly refused: ReadonlyArray<Tag.Tag>
  /** Whether and where the log was told; a commit that the log could not be told stands, and the relay tells it. */
  readonly announcement: Announcement
  /** Every tag that was invalidated, the cascade's included. */
  readonly invalidated: ReadonlyArray<Tag.Tag>
}

/** Why a batch of updates was not made. */
export type UpdateError = ValidationError | DatabaseError | CacheError

/**
 * What a kind of entity adds. What the database does not answer is a `DatabaseError`, what the cache does not a
 * `CacheError`.
 */
export interface Rules<A, E> {
  readonly name: string
  readonly cache: Domain.Domain<SeasonId, A, E>
  readonly rows: Repository<A>
  readonly schema: Schema.Codec<A, unknown>
  /** Prepares the rules of a season, once for a batch: each then answers what is wrong with one entity's change. */
  readonly rules: (
    season: Season,
    changes: ReadonlyArray<{ readonly before: A; readonly after: A }>,
    now: number
  ) => Effect.Effect<(before: A, after: A) => ReadonlyArray<string>, DatabaseError>
  /** Fields that follow from the others. */
  readonly derive?: (season: Season) => Effect.Effect<(entity: A) => A, DatabaseError>
  /**
   * What else changes with them: entities of another kind that show a field of theirs. Their
   * revision's `time` is in epoch milliseconds, and `sequence` its turn among writers.
   */
  readonly along?: (
    changes: Arr.NonEmptyReadonlyArray<{ readonly before: A; readonly after: A }>,
    revision: { readonly time: number; readonly sequence: number }
  ) => Effect.Effect<ReadonlyArray<Domain.Change>, CacheError | DatabaseError>
}

const invalid = (problems: ReadonlyArray<Problem>) => {
  const [first, ...rest] = problems
  return first === undefined ? Effect.void : Effect.fail(new ValidationError({ problems: [first, ...rest] }))
}

/**
 * Makes the update of a kind of entity: a batch is one transaction and one append, and is made whole or not at all.
 * What breaks a rule, or the database or the cache does not take, is an `UpdateError`.
 */
export const make =
  <Fields extends object>() =>
  <A extends SeasonId & Fields, E>(committer: Committer["Service"], kind: Rules<A, E>) => {
    const { cache, name, rows } = kind
    const decode = Schema.decodeUnknownEffect(Schema.toType(kind.schema))
    const step = (what: string) => `${name}.${what}`

    return Effect.fn(`${name}.update`)(function* (
      season: Season,
      updates: ReadonlyArray<Update<Fields>>,
      options: UpdateOptions = {}
    ): Effect.fn.Return<Updated, UpdateError> {
      const now = yield* Clock.currentTimeMillis
      const ids = updates.map(({ id }) => ({ season, id }))

      const read = Effect.gen(function* () {
        const found = yield* rows.byIds(ids)
        const derive = kind.derive === undefined ? undefined : yield* kind.derive(season)
        return yield* Effect.forEach(updates, ({ id, set }, index) => {
          const row = Option.getOrUndefined(found[index] ?? Option.none())
          const key = cache.key({ season, id })
          if (row === undefined) return Effect.succeed({ key, problem: "it does not exist" } as const)
          return Effect.match(decode({ ...row.value, ...set, season, id }), {
            onFailure: ({ message }) => ({ key, problem: message }) as const,
            onSuccess: (after) => ({ key, row, after: derive?.(after) ?? after }) as const
          })
        })
      }).pipe(Effect.withSpan(step("read")))

      const work = Effect.fnUntraced(function* (
        sequence: number
      ): Effect.fn.Return<Work<Omit<Updated, "announcement" | "invalidated">>, UpdateError> {
        const read_ = yield* read
        yield* invalid(read_.flatMap((one) => ("problem" in one ? [{ key: one.key, detail: one.problem }] : [])))
        const entities = read_.flatMap((one) => ("problem" in one ? [] : [one]))
        const isOlder = (row: Stored<A>) => options.revision !== undefined && options.revision < row.revision
        const refused = entities.filter(({ row }) => isOlder(row))
        const accepted = entities.filter(({ row }) => !isOlder(row))
        const differing = accepted.filter(({ after, row }) => !Equal.equals(row.value, after))
        const changes = differing.map(({ after, row }) => ({ before: row.value, after }))

        yield* Effect.gen(function* () {
          const rule = yield* kind.rules(season, changes, now)
          yield* invalid(
            differing.flatMap(({ after, key, row }) => rule(row.value, after).map((detail) => ({ key, detail })))
          )
        }).pipe(Effect.withSpan(step("validate")))

        // An update that states no revision is as new as what it replaces, at least.
        const time = Math.max(options.revision ?? now, ...differing.map(({ row }) => row.revision))
        const revision = { time, sequence }
        const [first, ...rest] = changes
        if (first === undefined) {
          return {
            changes: [],
            value: { changed: [], unchanged: accepted.map(({ key }) => key), refused: refused.map(({ key }) => key) }
          }
        }
        yield* rows
          .save(changes.map(({ after }) => ({ value: after, revision: time })))
          .pipe(Effect.withSpan(step("save")))
        const own = yield* cache.changes(
          changes.map(({ after, before }) => ({
            id: { season, id: after.id },
            value: Option.some(after),
            before: Option.some(before)
          })),
          { revision }
        )
        const others = kind.along === undefined ? [] : yield* kind.along([first, ...rest], revision)
        const isChanged = new Set(differing.map(({ key }) => key))
        return {
          changes: [...own, ...others],
          value: {
            changed: [...isChanged],
            unchanged: accepted.flatMap(({ key }) => (isChanged.has(key) ? [] : [key])),
            refused: refused.map(({ key }) => key)
          }
        }
      })

      const { announcement, invalidated, value } = yield* committer.commit(
        season,
        options.cause ?? step("update"),
        work
      )
      return { ...value, announcement, invalidated }
    })
  }
