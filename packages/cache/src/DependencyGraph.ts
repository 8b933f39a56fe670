/**
 * The dependency graph: which domain depends on which, as a typed value.
 *
 * A domain's cascade is everything that depends on it, directly or not. The levels are the order in which domains are
 * loaded and re-warmed: a domain stands on a later level than all it depends on.
 */
import { Array, Graph, Option } from "effect"

/** For each domain, the union of those that it depends on directly. Where nothing more is known, it is `string`. */
export type Edges<Domain extends string = string> = { readonly [D in Domain]: string }

/** Everything that a domain depends on, directly or not, as a union of names. */
export type Ancestors<E extends Edges, Next, Known extends string = never> = [Next] extends [never]
  ? Known
  : Ancestors<E, Exclude<E[Next & keyof E], Known>, Known | E[Next & keyof E]>

/** The ancestors of a domain, for what has to name one of them. Where there are none, it says so in the place of a name. */
export type Above<E extends Edges, Domain extends string> = [Ancestors<E, Domain>] extends [never]
  ? `(none: ${Domain} depends on nothing in its graph)`
  : Ancestors<E, Domain>

/** What a definition has to be: each name one of its domains, and no domain its own ancestor. */
export type Checked<Definition, E extends Edges> = {
  readonly [D in keyof Definition & string]: string extends D
    ? ReadonlyArray<string>
    : D extends Ancestors<E, D>
      ? `${D} depends on itself: remove a dependency of the cycle`
      : ReadonlyArray<keyof Definition & string>
}

/**
 * A typed, acyclic graph of domains. Make one with {@link make}.
 */
export interface DependencyGraph<Domain extends string, E extends Edges<Domain> = Edges<Domain>> {
  /** Every domain, in topological order. */
  readonly domains: ReadonlyArray<Domain>
  /** Domains grouped by distance from the roots; each level depends only on the ones before it. */
  readonly levels: ReadonlyArray<ReadonlyArray<Domain>>
  /** What the domain depends on directly. */
  readonly dependencies: <D extends Domain>(domain: D) => ReadonlyArray<E[D]>
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
 * Makes a graph from each domain's direct dependencies. A name that is not a domain does not compile, nor does a cycle.
 *
 * Where the compiler does not know the names, a cycle is a defect of the program, not a condition to handle: `make` throws
 * a `GraphError` that names it.
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
export const make = <const Definition extends { readonly [domain: string]: ReadonlyArray<string> }>(
  definition: Definition & Checked<Definition, EdgesOf<Definition>>
): DependencyGraph<keyof Definition & string, EdgesOf<Definition>> =>
  fromDependencies<keyof Definition & string, EdgesOf<Definition>>(definition)

type EdgesOf<Definition extends { readonly [domain: string]: ReadonlyArray<string> }> = {
  readonly [D in keyof Definition & string]: Definition[D][number]
}

const fromDependencies = <Domain extends string, E extends Edges<Domain>>(definition: {
  readonly [D in Domain]: ReadonlyArray<E[D]>
}): DependencyGraph<Domain, E> => {
  const names: ReadonlyArray<Domain> = keys(definition)
  const dependsOn = (name: Domain, on: string) => definition[name].some((dependency) => dependency === on)
  const indices = new Map<string, Graph.NodeIndex>()
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
    if (cycle.length > 1 || cycle.some((name) => dependsOn(name, name))) {
      throw new Graph.GraphError({
        message: `The dependency graph has a cycle among ${cycle.join(", ")}. Remove one of these dependencies.`
      })
    }
  }
  const domains = Array.fromIterable(Graph.values(Graph.topo(graph)))

  const depths = new Map<string, number>()
  for (const name of domains) {
    depths.set(name, Math.max(-1, ...definition[name].map((dependency) => depths.get(dependency) ?? 0)) + 1)
  }
  const levels: Array<Array<Domain>> = []
  for (const name of domains) (levels[depths.get(name) ?? 0] ??= []).push(name)

  const dependents = (domain: Domain) => domains.filter((name) => dependsOn(name, domain))
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
