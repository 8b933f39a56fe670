import { CacheManager, DependencyGraph, DomainCache, Lookup, Tag } from "@letletme/cache"
import * as CachePersistence from "@letletme/cache/CachePersistence"
import { Effect, Layer, Result, Schema } from "effect"
import { describe, expect, test } from "tstyche"

const graph = DependencyGraph.make({ event: [], team: ["event"], match: ["team"], player: ["team"] })

const common = {
  graph,
  id: Schema.FiniteFromString,
  value: Schema.Struct({ home: Schema.String }),
  timeToLive: "1 hour",
  lookup: (id: number) => Effect.succeed(Lookup.found({ home: `${id}` }))
} as const

class Matches extends DomainCache.Service<Matches>()("test/Matches", {
  ...common,
  domain: "match",
  dependsOn: ({ home }, id) => [Tag.of("team", home), Tag.of("event", `${id}`), Tag.any("event")]
}) {}

describe("a graph", () => {
  test("has no cycle that can be told", () => {
    DependencyGraph.make({
      root: [],
      // @ts-expect-error to type '"hen depends on itself: remove a dependency of the cycle"'
      hen: ["egg", "root"],
      // @ts-expect-error to type '"egg depends on itself: remove a dependency of the cycle"'
      egg: ["hen"]
    })
    // @ts-expect-error to type '"ouroboros depends on itself: remove a dependency of the cycle"'
    DependencyGraph.make({ event: [], ouroboros: ["ouroboros"] })
    // Two ways to one domain are none.
    DependencyGraph.make({ top: [], left: ["top"], right: ["top"], bottom: ["left", "right", "top"] })
  })

  test("tells its edges", () => {
    expect(graph.dependencies("match")).type.toBe<ReadonlyArray<"team">>()
    expect<DependencyGraph.Ancestors<{ event: never; team: "event"; match: "team" }, "match">>().type.toBe<
      "event" | "team"
    >()
  })
})

describe("a domain's definition", () => {
  test("names a domain of its graph", () => {
    // @ts-expect-error Type '"mtch"' is not assignable to type
    void DomainCache.Service()("test/Misspelt", { ...common, domain: "mtch" })
    // @ts-expect-error Type '"note"' is not assignable
    void CacheManager.use((manager) => manager.open({ ...common, domain: "note" }))
  })

  test("depends on what its graph says", () => {
    void DomainCache.Service()("test/Sideways", {
      ...common,
      domain: "match",
      // @ts-expect-error Type 'Of<"player">' is not assignable to type 'Of<"event" | "team">'
      dependsOn: () => [Tag.of("player", "1")]
    })
    // @ts-expect-error Type 'Of<"match">' is not assignable to type 'Of<"event">'
    void DomainCache.Service()("test/Downwards", { ...common, domain: "team", dependsOn: () => [Tag.of("match", "1")] })
    // @ts-expect-error Type 'Of<"match">' is not assignable to type 'Of<"event" | "team">'
    void DomainCache.Service()("test/Itself", { ...common, domain: "match", dependsOn: () => [Tag.any("match")] })
    // @ts-expect-error Type 'Of<"team">' is not assignable to type 'Of<"(none: event depends on nothing in its graph)">'
    void DomainCache.Service()("test/Root", { ...common, domain: "event", dependsOn: () => [Tag.of("team", "1")] })
    void CacheManager.use((manager) =>
      // @ts-expect-error Type 'Of<"player">' is not assignable to type 'Of<"event" | "team">'
      manager.open({ ...common, domain: "match", dependsOn: () => [Tag.of("player", "1")] })
    )
  })

  test("depends on what its graph says, for Effect's persistence too", () => {
    CachePersistence.layer({ dependencies: { graph, domain: "match", dependsOn: () => [Tag.of("team", "1")] } })
    CachePersistence.layer({
      dependencies: {
        graph,
        domain: "match",
        // @ts-expect-error Type 'Of<"player">' is not assignable to type 'Of<"event" | "team">'
        dependsOn: () => [Tag.of("player", "1")]
      }
    })
  })

  test("does not take the tag of another graph", () => {
    const other = DependencyGraph.make({ author: [], note: ["author"] })
    // @ts-expect-error Type 'Of<"author">' is not assignable to type 'Of<"event" | "team">'
    void DomainCache.Service()("test/Other", { ...common, domain: "match", dependsOn: () => [Tag.of("author", "1")] })
    // @ts-expect-error Type '"match"' is not assignable to type
    void DomainCache.Service()("test/OtherGraph", { ...common, graph: other, domain: "match" })
  })

  test("does not take a tag of which the compiler does not know the domain", () => {
    const text = Result.getOrThrow(Tag.parse("player:1"))
    // @ts-expect-error Type 'Tag' is not assignable to type 'Of<"event" | "team">'
    void DomainCache.Service()("test/Text", { ...common, domain: "match", dependsOn: () => [text] })
    const name: string = "player"
    // @ts-expect-error Type 'Of<string>' is not assignable to type 'Of<"event" | "team">'
    void DomainCache.Service()("test/Named", { ...common, domain: "match", dependsOn: () => [Tag.of(name, "1")] })
    // A lookup may carry any tag, and so may a list.
    void DomainCache.Service()("test/Free", {
      ...common,
      domain: "match",
      listedUnder: () => [text],
      lookup: (id) => Effect.succeed(Lookup.found({ home: `${id}` }, { tags: [text] }))
    })
  })

  test("takes any tag where its graph is known when it runs only", () => {
    const names: Record<string, ReadonlyArray<string>> = { author: [], note: ["author"] }
    const known = { ...common, graph: DependencyGraph.make(names), domain: "note" }
    const text = Result.getOrThrow(Tag.parse("author:2"))
    void DomainCache.Service()("test/Late", { ...known, dependsOn: () => [Tag.of("author", "1"), text] })
  })
})

describe("a domain cache", () => {
  test("infers what it holds", () => {
    expect(Matches.use((matches) => matches.get(17))).type.toBeAssignableTo<
      Effect.Effect<{ readonly home: string }, unknown, Matches>
    >()
  })

  test("takes ids of its own type", () => {
    // @ts-expect-error Argument of type 'string' is not assignable to parameter of type 'number'
    void Matches.use((matches) => matches.get("17"))
    // @ts-expect-error Type 'string' is not assignable to type 'number'
    void Matches.use((matches) => matches.getMany(["17"]))
  })

  test("is not there without its layer, nor its layer without a manager", () => {
    const program = Matches.use((matches) => matches.get(17))
    const withMatches = Effect.provide(program, Matches.layer)
    expect(Effect.runPromise).type.not.toBeCallableWith(program)
    expect(Effect.runPromise).type.not.toBeCallableWith(withMatches)
    const whole = Effect.provide(program, Matches.layer.pipe(Layer.provide(CacheManager.layerMemory)))
    expect(Effect.runPromise).type.toBeCallableWith(whole)
  })
})
