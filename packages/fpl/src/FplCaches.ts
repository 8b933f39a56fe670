/**
 * All caches of the game as one layer, and how they are warmed.
 */
import {
  type CacheManager,
  type CacheStore,
  Integrity,
  type InvalidationLog,
  OutboxRelay,
  Warmer,
  WarmStage
} from "@letletme/cache"
import { Effect, Layer, Option } from "effect"
import { graph } from "./graph.ts"
import { Committer } from "./season/Committer.ts"
import { currentRevision } from "./season/currentRevision.ts"
import { DatabaseError, Empty } from "./season/Database.ts"
import type { SeasonStore } from "./season/MemoryDatabase.ts"
import * as Reader from "./season/Reader.ts"
import { currentId, CurrentSeason, SeasonDeductions, SeasonPublication } from "./season/SeasonCache.ts"
import { domains, type SeasonRevision } from "./season/SeasonRevision.ts"
import type { Scope } from "./standing/Standing.ts"
import { StandingCache } from "./standing/StandingCache.ts"

const primaryCaches = Layer.mergeAll(
  domains.caches,
  CurrentSeason.layer,
  SeasonPublication.layer,
  SeasonDeductions.layer
)

/**
 * Every cache of the game, for whoever only reads: nothing that commits changes or announces them goes with it.
 */
export const layerReaders = StandingCache.layer.pipe(Layer.provideMerge(primaryCaches))

const announcing = Layer.provideMerge(Committer.layer, OutboxRelay.layer())

/** Every cache of the game, and what commits their changes and announces them. */
export type FplCaches = Layer.Success<typeof layerReaders> | Layer.Success<typeof announcing>

/**
 * Every cache of the game, over the manager and the database in context.
 *
 * @example
 * ```ts
 * import { CacheManager } from "@letletme/cache"
 * import { FplCaches, MatchCache, MemoryDatabase } from "@letletme/fpl"
 * import { Effect, Layer } from "effect"
 *
 * const caches = FplCaches.layer.pipe(
 *   Layer.provide(CacheManager.layerMemory),
 *   Layer.provide(MemoryDatabase.layer)
 * )
 * const program = MatchCache.use((matches) => matches.get({ season: "2025-26", id: 17 }))
 * const main = program.pipe(Effect.provide(caches))
 * ```
 */
export const layer: Layer.Layer<FplCaches, never, CacheManager | InvalidationLog | SeasonStore> = layerReaders.pipe(
  Layer.provideMerge(announcing)
)

/**
 * Finds the cache that a key belongs to, for what looks at keys: a command line, a comparison. When a season was published is
 * left out: each process knows of its own.
 */
export const readers: Effect.Effect<Reader.Reader, never, Layer.Success<typeof layerReaders>> = Effect.gen(
  function* () {
    const all = [
      ...(yield* domains.readers),
      Reader.make(yield* CurrentSeason),
      Reader.make(yield* SeasonDeductions),
      Reader.make(yield* StandingCache)
    ]
    return (key) => Option.firstSomeOf(all.map((one) => one(key)))
  }
)

/** The ids of what the current season holds. */
const makeIds = Effect.map(Effect.context<SeasonStore>(), (context) => {
  const current = Effect.flatMap(
    Effect.provideContext(currentRevision, context),
    Option.match({
      onNone: () => Effect.fail(new DatabaseError({ reason: new Empty() })),
      onSome: (revision) => Effect.succeed(revision)
    })
  )
  return <A>(ids: (revision: SeasonRevision) => ReadonlyArray<A>) => Effect.map(current, ids)
})

const stages = Effect.gen(function* () {
  const of = yield* makeIds
  const standings = of(({ phases: all, season: name }) => {
    const overall: ReadonlyArray<Scope> = [{ _tag: "Overall" }, { _tag: "Home" }, { _tag: "Away" }]
    const byPhase = all.map(({ id }): Scope => ({ _tag: "Phase", phase: id }))
    return [...overall, ...byPhase].map((scope) => ({ season: name, scope }))
  })
  const tables = { name: "tables", domain: "standing", kind: "related" } as const
  return [...(yield* domains.stages(of)), WarmStage.stage({ ...tables, cache: yield* StandingCache, ids: standings })]
})

// What is known of a season as a whole is read with each table and at each sync: nobody warms it.
const seasonStages = Effect.gen(function* () {
  const of = yield* makeIds
  const name = of((): ReadonlyArray<typeof currentId> => [currentId])
  const season = of((revision) => [revision.season])
  const related = { kind: "related" } as const
  const { stage } = WarmStage
  return [
    stage({ ...related, name: "current season", domain: "event", cache: yield* CurrentSeason, ids: name }),
    stage({ ...related, name: "points taken", domain: "team", cache: yield* SeasonDeductions, ids: season })
  ]
})

/** A warmer of every cache of the game: what the current season holds, and the tables. */
export const layerWarmer: Layer.Layer<Warmer, never, FplCaches | SeasonStore> = Warmer.layer(graph, stages)

/** The verification of every cache of the game: what the current season holds, the tables, and what else there is. */
export const layerIntegrity: Layer.Layer<Integrity, never, FplCaches | SeasonStore | CacheManager | CacheStore> =
  Integrity.layer(
    graph,
    Effect.zipWith(stages, seasonStages, (all, more) => [...all, ...more]),
    // When a revision was published is known to whoever published it: a process with a database of its own differs.
    { except: ["event:season:publication"] }
  )
