/**
 * The dependency graph: which domain depends on which, as a typed value.
 *
 * A domain's cascade is everything that depends on it, directly or not. The levels are the order in which domains are
 * loaded and re-warmed: a domain stands on a later level than all it depends on.
 */
import { Array, Graph, Option } from "effect"

/**
 * A typed, acyclic graph of domains. Make one with {@link make}.
 */
export interface DependencyGraph<Domain extends string> {
  /** Every domain, in topological order. */
  readonly domains: ReadonlyArray<Domain>
  /** Domains grouped by distance from the roots; each level depends only on the ones before it. */
  readonly levels: ReadonlyArray<ReadonlyArray<Domain>>
  /** What the domain depends on directly. */
  readonly dependencies: (domain: Domain) => ReadonlyArray<Domain>
  /** What depends on the domain directly, in topological order. */
  readonly dependents: (domain: Domain) => ReadonlyArray<Domain>
  /** Everything that depends on the domain, directly or not, in topological order. */
  readonly cascade: (domain: Domain) => ReadonlyArray<Domain>
  /** The graph as Mermaid text, for docs and terminals. */
  readonly toMermaid: string
  /** The same in Graphviz's language, for `dot`. */
  readonly toGraphViz: string
}

/** The domains of a graph, as a union of names. */
export type Domain<G> = G extends DependencyGraph<infer D> ? D : never

/**
 * Makes a graph from each domain's direct dependencies. A name that is not a domain does not compile.
 *
 * A cycle is a defect of the program, not a condition to handle: `make` throws a `GraphError` that names it.
 *
 * @example
 * ```ts
 * import { DependencyGraph } from "@letletme/cache"
 *
 * const graph = DependencyGraph.make({
 *   event: [],
 *   phase: ["event"],
 *   team: ["event"],
 *   match: ["phase", "team"],
 *   standing: ["match"]
 * })
 * graph.cascade("phase") // ["match", "standing"]
 * ```
 */
export const make = <const Domain extends string>(definition: {
  readonly [D in Domain]: ReadonlyArray<NoInfer<Domain>>
}): DependencyGraph<Domain> => {
  const names: ReadonlyArray<Domain> = keys(definition)
  const indices = new Map<Domain, Graph.NodeIndex>()
  const graph = Graph.directed<Domain, null>((mutable) => {
    for (const name of names) indices.set(name, Graph.addNode(mutable, name))
    for (const name of names) {
      const to = indices.get(name)
      for (const dependency of definition[name]) {
        const from = indices.get(dependency)
        if (from !== undefined && to !== undefined) Graph.addEdge(mutable, from, to, null)
      }
    }
  })
  for (const component of Graph.stronglyConnectedComponents(graph)) {
    const cycle = names.filter((name) => component.some((index) => index === indices.get(name)))
    if (cycle.length > 1 || cycle.some((name) => definition[name].includes(name))) {
      throw new Graph.GraphError({
        message: `The dependency graph has a cycle among ${cycle.join(", ")}. Remove one of these dependencies.`
      })
    }
  }
  const domains = Array.fromIterable(Graph.values(Graph.topo(graph)))

  const depths = new Map<Domain, number>()
  for (const name of domains) {
    depths.set(name, Math.max(-1, ...definition[name].map((dependency) => depths.get(dependency) ?? 0)) + 1)
  }
  const levels: Array<Array<Domain>> = []
  for (const name of domains) (levels[depths.get(name) ?? 0] ??= []).push(name)

  const dependents = (domain: Domain) => domains.filter((name) => definition[name].includes(domain))
  const cascades = new Map<Domain, ReadonlyArray<Domain>>()
  for (const name of domains.toReversed()) {
    const reached = new Set(dependents(name).flatMap((dependent) => [dependent, ...(cascades.get(dependent) ?? [])]))
    cascades.set(
      name,
      domains.filter((candidate) => reached.has(candidate))
    )
  }

  return {
    domains,
    levels,
    dependencies: (domain) => definition[domain],
    dependents,
    cascade: (domain) => Option.getOrElse(Option.fromUndefinedOr(cascades.get(domain)), () => []),
    toMermaid: Graph.toMermaid(graph, { nodeLabel: (name) => name, edgeLabel: () => "" }),
    toGraphViz: Graph.toGraphViz(graph, { nodeLabel: (name) => name, edgeLabel: () => "" })
  }
}

const keys = <Domain extends string>(definition: { readonly [D in Domain]: unknown }): ReadonlyArray<Domain> => {
  const names: Array<Domain> = []
  for (const name in definition) names.push(name)
  return names
}
