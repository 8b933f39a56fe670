import { assert, describe, it } from "@effect/vitest"
import { CacheManager, DependencyGraph, DomainCache, Lookup, reach, Tag } from "@letletme/cache"
import { Effect, Layer, Option, Schema } from "effect"
import { tiers } from "./tiers.ts"

const graph = DependencyGraph.make({ team: [], match: ["team"] })

class TeamCache extends DomainCache.Service<TeamCache>()("test/Reach/TeamCache", {
  graph,
  domain: "team",
  id: Schema.String,
  value: Schema.String,
  timeToLive: "metadata",
  lookup: (id: string) => Effect.succeed(Lookup.found(id))
}) {}

class MatchCache extends DomainCache.Service<MatchCache>()("test/Reach/MatchCache", {
  graph,
  domain: "match",
  id: Schema.String,
  value: Schema.Struct({ home: Schema.String, away: Schema.String }),
  timeToLive: "metadata",
  dependsOn: ({ away, home }) => [Tag.of("team", home), Tag.of("team", away)],
  lookup: (id: string) => Effect.succeed(Lookup.found({ home: `t${id}`, away: "t9" }))
}) {}

for (const [name, tier] of Object.entries(tiers)) {
  const app = Layer.mergeAll(TeamCache.layer, MatchCache.layer).pipe(Layer.provideMerge(tier()))

  describe(`reach over ${name}`, () => {
    it.live("tells what an invalidation then reaches, and changes nothing", () =>
      Effect.gen(function* () {
        const cache = yield* CacheManager
        const matches = yield* MatchCache
        const ids = ["1", "2", "3"]
        yield* TeamCache.use(({ getMany }) => getMany(["t1", "t2", "t9"]))
        yield* matches.getMany(ids)
        const told = (primary: Tag.Tag, cascade: boolean) =>
          Effect.flatMap(cache.tagsOf({ primary, cascade }), (tags) => reach(tags))
        const before = yield* cache.position
        assert.deepStrictEqual(yield* told(Tag.of("team", "t1"), false), { team: 1, match: 0 })
        assert.deepStrictEqual(yield* told(Tag.of("team", "t1"), true), { team: 1, match: 1 })
        assert.deepStrictEqual(yield* told(Tag.of("team", "t9"), true), { team: 1, match: 3 })
        assert.deepStrictEqual(yield* told(Tag.any("match"), false), { team: 0, match: 3 })
        assert.deepStrictEqual(yield* told(Tag.of("match", "none"), false), { team: 0, match: 0 })
        assert.strictEqual(yield* cache.position, before)

        yield* cache.invalidate({ primary: Tag.of("team", "t1"), cascade: true })
        const states = yield* matches.inspect(ids)
        assert.deepStrictEqual(states, ["invalidated", "fresh", "fresh"])
        // What is invalid is reached by nothing any more.
        assert.deepStrictEqual(yield* told(Tag.of("team", "t9"), true), { team: 1, match: 2 })
      }).pipe(Effect.provide(app))
    )

    it.live("a pattern's cascade reaches what depends on anything below it", () =>
      Effect.gen(function* () {
        const cache = yield* CacheManager
        const matches = yield* MatchCache
        yield* matches.getMany(["1", "2"])
        const everyTeam = { primary: Tag.any("team"), cascade: true }
        assert.deepStrictEqual(yield* Effect.flatMap(cache.tagsOf(everyTeam), (tags) => reach(tags)), {
          team: 0,
          match: 2
        })
        yield* cache.invalidate(everyTeam)
        const [found] = yield* cache.explain(Tag.of("match", "1"))
        assert.strictEqual(found?.state, "invalidated")
        assert.isTrue(Option.isSome(yield* matches.find("1")))
      }).pipe(Effect.provide(app))
    )
  })
}
