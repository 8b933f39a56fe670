import { DependencyGraph } from "@letletme/cache"
import { describe, expect, test } from "tstyche"

describe("DependencyGraph", () => {
  test("knows its domains", () => {
    const graph = DependencyGraph.make({ event: [], match: ["event"] })
    expect<DependencyGraph.Domain<typeof graph>>().type.toBe<"event" | "match">()
    expect(graph.cascade).type.toBeCallableWith("event")
  })

  test("refuses a misspelt domain", () => {
    const graph = DependencyGraph.make({ event: [], match: ["event"] })
    expect(graph.cascade).type.not.toBeCallableWith("evnt")
    // @ts-expect-error Type '"evnt"' is not assignable
    DependencyGraph.make({ event: [], match: ["evnt"] })
  })
})
