/**
 * `graph`: the dependency graph, for a README, a browser or Graphviz.
 */
import { graph } from "@letletme/fpl"
import { Console, Option } from "effect"
import { toSvg } from "../Drawing.ts"
import { answer, columns } from "../Output.ts"

/** How a graph can be drawn. */
export const formats = ["mermaid", "svg", "dot"] as const

const drawings: Readonly<Record<(typeof formats)[number], () => string>> = {
  mermaid: () => graph.toMermaid.trimEnd(),
  svg: () => toSvg(graph),
  dot: () => graph.toGraphViz.trimEnd()
}

/** Prints the graph alone in the format that is wanted; else as Mermaid text, with what each domain's update reaches. */
export const showGraph = (json: boolean, format: Option.Option<(typeof formats)[number]>) =>
  Option.isSome(format)
    ? Console.log(drawings[format.value]())
    : answer(
        json,
        {
          domains: graph.domains,
          levels: graph.levels,
          cascade: Object.fromEntries(graph.domains.map((domain) => [domain, graph.cascade(domain)])),
          mermaid: graph.toMermaid
        },
        () =>
          [
            drawings.mermaid(),
            "",
            columns(
              ["update of", "reaches"],
              graph.domains.map((domain) => [domain, graph.cascade(domain).join(", ") || "nothing else"])
            )
          ].join("\n")
      )
