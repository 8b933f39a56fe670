import { assert, describe, it } from "@effect/vitest"
import { DependencyGraph } from "@letletme/cache"
import { Arbitrary, Schema } from "effect"

const football = DependencyGraph.make({
  event: [],
  phase: ["event"],
  team: ["event"],
  match: ["phase", "team"],
  standing: ["match"]
})

const thrownBy = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return assert.fail("nothing was thrown")
}

describe("DependencyGraph", () => {
  it("orders the domains so that each stands after all it depends on", () => {
    assert.deepStrictEqual(football.domains, ["event", "phase", "team", "match", "standing"])
    assert.deepStrictEqual(football.levels, [["event"], ["phase", "team"], ["match"], ["standing"]])
  })

  it("knows what a domain depends on, and what depends on it", () => {
    assert.deepStrictEqual(football.dependencies("match"), ["phase", "team"])
    assert.deepStrictEqual(football.dependencies("event"), [])
    assert.deepStrictEqual(football.dependents("event"), ["phase", "team"])
    assert.deepStrictEqual(football.dependents("phase"), ["match"])
    assert.deepStrictEqual(football.dependents("standing"), [])
  })

  const cascades = [
    ["event", ["phase", "team", "match", "standing"]],
    ["phase", ["match", "standing"]],
    ["team", ["match", "standing"]],
    ["match", ["standing"]],
    ["standing", []]
  ] as const
  for (const [domain, reached] of cascades) {
    it(`a change of ${domain} cascades to ${reached.join(", ") || "nothing"}`, () => {
      assert.deepStrictEqual(football.cascade(domain), reached)
    })
  }

  it("lists every domain once where ways meet again", () => {
    const diamond = DependencyGraph.make({ top: [], left: ["top"], right: ["top"], bottom: ["left", "right", "top"] })
    assert.deepStrictEqual(diamond.cascade("top"), ["left", "right", "bottom"])
    assert.deepStrictEqual(diamond.levels, [["top"], ["left", "right"], ["bottom"]])
  })

  it("draws itself as Mermaid text", () => {
    const lines = football.toMermaid.split("\n").map((line) => line.trim())
    assert.strictEqual(lines[0], "flowchart TD")
    for (const domain of football.domains) assert.isTrue(lines.some((line) => line.endsWith(`["${domain}"]`)))
    assert.strictEqual(lines.filter((line) => line.includes("-->")).length, 5)
  })

  it("draws itself for Graphviz", () => {
    const lines = football.toGraphViz.split("\n").map((line) => line.trim())
    assert.match(lines[0] ?? "", /^digraph .*\{$/)
    for (const domain of football.domains) assert.isTrue(lines.some((line) => line.includes(`label="${domain}"`)))
    assert.strictEqual(lines.filter((line) => line.includes("->")).length, 5)
  })

  it("names the cycle that keeps it from being made", () => {
    const definition: Record<string, ReadonlyArray<string>> = { root: [], hen: ["egg", "root"], egg: ["hen"] }
    const message = thrownBy(() => DependencyGraph.make(definition))
    assert.match(message, /cycle/i)
    assert.include(message, "hen")
    assert.include(message, "egg")
    assert.notInclude(message, "root")
  })

  it("names a domain that depends on itself", () => {
    const definition: Record<string, ReadonlyArray<string>> = { event: [], ouroboros: ["ouroboros"] }
    const message = thrownBy(() => DependencyGraph.make(definition))
    assert.match(message, /cycle/i)
    assert.include(message, "ouroboros")
  })

  it("is empty where it is made of nothing", () => {
    const empty = DependencyGraph.make({})
    assert.deepStrictEqual([empty.domains, empty.levels], [[], []])
  })

  const names = ["a", "b", "c", "d", "e", "f", "g"] as const
  const Edges = Arbitrary.schema(Schema.Array(Schema.Tuple([Schema.Int, Schema.Int])).check(Schema.isMaxLength(12)))
  it.prop("a cascade is the closure of the dependents, in topological order", [Edges], ([edges]) => {
    // An edge goes from the lower to the higher index only: there is no cycle.
    const definition: Record<string, Array<string>> = Object.fromEntries(names.map((name) => [name, []]))
    for (const [one, other] of edges) {
      const [low, high] = [Math.abs(one) % names.length, Math.abs(other) % names.length].toSorted((x, y) => x - y)
      const from = names[low ?? 0]
      const to = names[high ?? 0]
      if (from !== undefined && to !== undefined && from !== to) definition[to]?.push(from)
    }
    const graph = DependencyGraph.make(definition)
    const order = new Map(graph.domains.map((name, index) => [name, index]))
    for (const name of names) {
      const closure = new Set<string>()
      const visit = (domain: string) => {
        for (const dependent of names.filter((candidate) => definition[candidate]?.includes(domain))) {
          closure.add(dependent)
          visit(dependent)
        }
      }
      visit(name)
      assert.deepStrictEqual(graph.cascade(name).toSorted(), [...closure].toSorted())
      const places = graph.cascade(name).map((domain) => order.get(domain) ?? -1)
      assert.deepStrictEqual(
        places,
        places.toSorted((x, y) => x - y)
      )
      for (const dependency of graph.dependencies(name)) {
        assert.isBelow(order.get(dependency) ?? -1, order.get(name) ?? -1)
      }
    }
  })
})
