/**
 * A dependency graph as a picture: a row for each level, an arrow from what is depended on.
 */
import type { DependencyGraph } from "@letletme/cache"

const box = { width: 128, height: 40 }
const gap = { x: 32, y: 56 }
const margin = 16

// It stands on a page of either colour.
const style = `
  rect { fill: #f4f4f5; stroke: #52525b }
  text { font: 15px system-ui, sans-serif; fill: #18181b; text-anchor: middle; dominant-baseline: central }
  path { fill: none; stroke: #71717a; stroke-width: 1.5 }
  marker path { fill: #71717a; stroke: none }
  @media (prefers-color-scheme: dark) {
    rect { fill: #27272a; stroke: #a1a1aa }
    text { fill: #fafafa }
  }`

const escape = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;")

/** Draws the graph as an SVG document. */
export const toSvg = <Domain extends string>({
  dependencies,
  domains,
  levels
}: DependencyGraph.DependencyGraph<Domain>): string => {
  const widest = Math.max(...levels.map((level) => level.length))
  const total = widest * (box.width + gap.x) - gap.x
  const [width, height] = [total + margin * 2, levels.length * (box.height + gap.y) - gap.y + margin * 2]
  // The middle of each box.
  const places = new Map<string, { readonly x: number; readonly y: number }>(
    levels.flatMap((level, row) => {
      const own = level.length * (box.width + gap.x) - gap.x
      const from = margin + (total - own) / 2 + box.width / 2
      const y = margin + row * (box.height + gap.y) + box.height / 2
      return level.map((domain, column) => [domain, { x: from + column * (box.width + gap.x), y }] as const)
    })
  )
  const boxes = Array.from(places, ([domain, { x, y }]) => [
    `  <rect x="${x - box.width / 2}" y="${y - box.height / 2}" width="${box.width}" height="${box.height}" rx="6"/>`,
    `  <text x="${x}" y="${y}">${escape(domain)}</text>`
  ])
  const arrows = domains.flatMap((domain) =>
    dependencies(domain).flatMap((dependency) => {
      const [from, to] = [places.get(dependency), places.get(domain)]
      if (from === undefined || to === undefined) return []
      const [top, bottom] = [from.y + box.height / 2, to.y - box.height / 2]
      const middle = (top + bottom) / 2
      return [
        `  <path marker-end="url(#arrow)" d="M${from.x} ${top}C${from.x} ${middle} ${to.x} ${middle} ${to.x} ${bottom}"/>`
      ]
    })
  )
  const told = domains.map((domain) => `${domain} depends on ${dependencies(domain).join(" and ") || "nothing"}`)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    "  <title>The dependency graph</title>",
    `  <desc>${escape(told.join("; "))}.</desc>`,
    `  <style>${style}\n  </style>`,
    '  <defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>',
    ...arrows,
    ...boxes.flat(),
    "</svg>"
  ].join("\n")
}
