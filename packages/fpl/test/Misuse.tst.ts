import { CacheManager } from "@letletme/cache"
import { FplCaches, graph, MatchCache, StandingCache } from "@letletme/fpl"
import { Effect, Layer } from "effect"
import { describe, expect, test } from "tstyche"

describe("the caches of the game", () => {
  test("take ids of their own type", () => {
    void MatchCache.use((matches) => matches.get({ season: "2021-22", id: 17 }))
    // @ts-expect-error Argument of type 'number' is not assignable to parameter of type
    void MatchCache.use((matches) => matches.get(17))
    // @ts-expect-error Property 'scope' is missing in type
    void StandingCache.use((tables) => tables.get({ season: "2021-22" }))
  })

  test("infer what they hold", () => {
    void MatchCache.use((matches) =>
      Effect.map(matches.get({ season: "2021-22", id: 17 }), (match) => expect(match.home).type.toBe<number>())
    )
  })

  test("are of the graph's domains", () => {
    expect(graph.cascade).type.not.toBeCallableWith("evnt")
    expect(graph.dependencies("standing")).type.toBe<ReadonlyArray<"match">>()
  })

  test("need a source and a database beside the manager", () => {
    const program = MatchCache.use((matches) => matches.get({ season: "2021-22", id: 17 }))
    const cached = Effect.provide(program, FplCaches.layer.pipe(Layer.provideMerge(CacheManager.layerMemory)))
    expect(Effect.runPromise).type.not.toBeCallableWith(program)
    expect(Effect.runPromise).type.not.toBeCallableWith(cached)
  })
})
