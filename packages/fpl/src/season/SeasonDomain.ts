/**
 * What a domain of the season is, described once: the caches, the warming, the sync, the databases and the tests go over
 * descriptions, and name no domain themselves.
 */
import {
  type CacheError,
  type CacheManager,
  type DependencyGraph,
  type Domain,
  type InvalidationLog,
  type OutboxRelay,
  type Tag,
  WarmStage
} from "@letletme/cache"
import { type Context, Effect, Layer, type Schema } from "effect"
import type { graph } from "../graph.ts"
import type { Simulation } from "../source/Simulation.ts"
import * as Comparison from "./Comparison.ts"
import type { Database, DatabaseError } from "./Database.ts"
import * as Reader from "./Reader.ts"
import type { Repository, Stored } from "./Repository.ts"
import type { Season, SeasonId } from "./Season.ts"
import type { SeasonRepository } from "./SeasonRepository.ts"

type Name = DependencyGraph.Domain<typeof graph>

/** What the lookups of a domain need beside its repository. */
type Needs = CacheManager | Database | InvalidationLog | OutboxRelay | SeasonRepository

/** Makes the repository of a domain: in memory, or as a table. */
export type Keep = <A extends SeasonId, I>(name: Name, value: Schema.Codec<A, I>) => Repository<A>

/** The ids to warm, taken from the current revision. */
type IdsOf<R> = <Id>(of: (revision: R) => ReadonlyArray<Id>) => Effect.Effect<ReadonlyArray<Id>, DatabaseError>

type Stage = WarmStage.Stage<Name>

/** A domain's rows, whatever they hold. What the database does not answer is a `DatabaseError`. */
export interface Table<in R> {
  readonly name: Name
  /** What a revision has of it. */
  readonly entities: (revision: R) => ReadonlyArray<SeasonId>
  readonly rows: Pick<Repository<SeasonId>, "byIds" | "ofSeason" | "remove">
  /** Saves what a revision has of it, as of its `time` (epoch milliseconds). */
  readonly save: (revision: R & { readonly time: number }) => Effect.Effect<void, DatabaseError>
  /** The revision with the rows of its season in place of what it has. */
  readonly read: <Whole extends R & { readonly season: Season }>(revision: Whole) => Effect.Effect<Whole, DatabaseError>
}

/**
 * A domain whose cache is open. Fails with `DatabaseError` where the database does not answer, with `CacheError` where
 * the cache cannot prepare.
 */
export interface Opened<in R> extends Table<R> {
  readonly cache: Pick<
    Domain.Domain<SeasonId, SeasonId, unknown>,
    "key" | "getMany" | "inspect" | "explain" | "invalidate"
  >
  readonly compare: (
    revision: R,
    occasion: Comparison.Occasion
  ) => Effect.Effect<Comparison.Compared, CacheError | DatabaseError>
  readonly confirm: (
    revision: R,
    compared: Comparison.Compared,
    reachedBy: ReadonlyArray<Tag.Tag>,
    occasion: Comparison.Occasion
  ) => Effect.Effect<ReadonlyArray<Domain.Change>, CacheError>
}

/** A domain, or several: `R` is what it needs of a revision. */
export interface SeasonDomain<in R, Caches, Repositories> {
  /** By name, the step of the database's schema that makes its table. */
  readonly since: Readonly<Record<string, number>>
  /** What its lists are of, beside other domains and the season: `unscheduled`. */
  readonly relations: ReadonlyArray<string>
  readonly caches: Layer.Layer<Caches, never, Needs | Repositories>
  readonly repositories: (keep: Keep) => Layer.Layer<Repositories>
  readonly stages: (ids: IdsOf<R>) => Effect.Effect<ReadonlyArray<Stage>, never, Caches>
  readonly tables: Effect.Effect<ReadonlyArray<Table<R>>, never, Repositories>
  readonly opened: Effect.Effect<ReadonlyArray<Opened<R>>, never, Caches | Repositories>
  /** Its caches by the keys of their entries. */
  readonly readers: Effect.Effect<ReadonlyArray<Reader.Reader>, never, Caches>
  /** What the simulated season states of it in `bootstrap-static`, at a time (epoch ms). */
  readonly simulated: (simulation: Simulation, time: number) => Readonly<Record<string, unknown>>
}

/** One domain. */
export interface Described<in R, Caches, Repositories> extends SeasonDomain<R, Caches, Repositories> {
  readonly name: Name
}

/** A cache as its class declares it. `P` is the repository that its lookup reads. */
type CacheClass<I, Id, A, E extends CacheError | DatabaseError, P> = Context.Key<I, Domain.Domain<Id, A, E>> & {
  readonly layer: Layer.Layer<I, never, Needs | P>
}

/** Where a revision holds entities. */
type Holding<F extends string, A> = { readonly [K in F]: ReadonlyArray<A> }

const idsIn =
  <F extends string>(field: F) =>
  (revision: Holding<F, SeasonId>): ReadonlyArray<SeasonId> =>
    revision[field].map(({ id, season }) => ({ season, id }))

/** Describes a domain. Its lists are added by {@link listedBy} and its like. */
export const make = <A extends SeasonId, I, E extends CacheError | DatabaseError, C, P, F extends string>(options: {
  readonly name: Name
  /** Where a revision holds it, and how its stage is called: `teams`. */
  readonly field: F
  readonly value: Schema.Codec<A, I>
  readonly cache: CacheClass<C, SeasonId, A, E, P>
  readonly repository: Context.Key<P, Repository<A>>
  /** The step of the database's schema that makes its table: the next that there is not yet. */
  readonly since: number
  readonly simulated?: (simulation: Simulation, time: number) => Readonly<Record<string, unknown>>
}): Described<Holding<F, A>, C, P> => {
  const { field, name, repository, since, value } = options
  const entities = (revision: Holding<F, A>) => revision[field]
  const table = Effect.map(repository, (rows) => ({
    name,
    entities,
    rows,
    save: (revision: Holding<F, A> & { readonly time: number }) =>
      rows.save(entities(revision).map((entity): Stored<A> => ({ value: entity, revision: revision.time }))),
    read: <Whole extends Holding<F, A> & { readonly season: Season }>(revision: Whole) =>
      Effect.map(rows.ofSeason(revision.season), (found): Whole => ({
        ...revision,
        [field]: found.map((row) => row.value)
      }))
  }))
  return {
    name,
    since: { [name]: since },
    relations: [],
    caches: options.cache.layer,
    repositories: (keep) => Layer.succeed(repository, keep(name, value)),
    stages: (ids) =>
      Effect.map(options.cache, (cache) => [
        WarmStage.stage({ kind: "primary", name: field, domain: name, cache, ids: ids(idsIn(field)) })
      ]),
    tables: Effect.map(table, (one) => [one]),
    opened: Effect.zipWith(table, options.cache, (one, cache) => [
      {
        ...one,
        cache,
        compare: (revision, occasion) => Comparison.compare({ cache, rows: one.rows }, entities(revision), occasion),
        confirm: (revision, compared, reachedBy, occasion) =>
          Comparison.confirm(cache, entities(revision), compared, reachedBy, occasion)
      }
    ]),
    readers: Effect.map(options.cache, (cache) => [Reader.make(cache)]),
    simulated: options.simulated ?? (() => ({}))
  }
}

/** Adds a list of ids, warmed for these owners; `relation` is what it is of, where that is no domain. */
export const listedBy =
  <I, Id, E extends CacheError | DatabaseError, P, R2>(
    lists: CacheClass<I, Id, ReadonlyArray<number>, E, P>,
    name: string,
    owners: (revision: R2) => ReadonlyArray<Id>,
    relation?: string
  ) =>
  <R, C>(self: Described<R, C, P>): Described<R & R2, C | I, P> => ({
    ...self,
    relations: relation === undefined ? self.relations : [...self.relations, relation],
    caches: Layer.merge(self.caches, lists.layer),
    stages: (ids) =>
      Effect.zipWith(self.stages(ids), lists, (others, cache) => [
        ...others,
        WarmStage.stage({ kind: "related", name, domain: self.name, cache, ids: ids(owners) })
      ]),
    readers: Effect.zipWith(self.readers, lists, (others, cache) => [...others, Reader.make(cache)])
  })

/** Adds a list that there is once a season. */
export const listedBySeason = <I, E extends CacheError | DatabaseError, P>(
  lists: CacheClass<I, Season, ReadonlyArray<number>, E, P>,
  name: string,
  relation?: string
) => listedBy(lists, name, ({ season }: { readonly season: Season }) => [season], relation)

/** Adds a list that there is for each entity of a revision's field. */
export const listedByEach = <F extends string, I, E extends CacheError | DatabaseError, P>(
  field: F,
  lists: CacheClass<I, SeasonId, ReadonlyArray<number>, E, P>,
  name: string
) => listedBy(lists, name, idsIn(field))

/** Two descriptions as one. */
export const and =
  <R2, C2, P2>(that: SeasonDomain<R2, C2, P2>) =>
  <R1, C1, P1>(self: SeasonDomain<R1, C1, P1>): SeasonDomain<R1 & R2, C1 | C2, P1 | P2> => ({
    since: { ...self.since, ...that.since },
    relations: [...self.relations, ...that.relations],
    caches: Layer.merge(self.caches, that.caches),
    repositories: (keep) => Layer.merge(self.repositories(keep), that.repositories(keep)),
    stages: (ids) => Effect.zipWith(self.stages(ids), that.stages(ids), (one, two) => [...one, ...two]),
    tables: Effect.zipWith(self.tables, that.tables, (one, two) => [...one, ...two]),
    opened: Effect.zipWith(self.opened, that.opened, (one, two) => [...one, ...two]),
    readers: Effect.zipWith(self.readers, that.readers, (one, two) => [...one, ...two]),
    simulated: (simulation, time) => ({ ...self.simulated(simulation, time), ...that.simulated(simulation, time) })
  })
