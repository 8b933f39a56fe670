/**
 * The dependency graph, alive: an invalidation runs along its edges, and each node shows what it holds.
 */
import type { DomainNow, Overview } from "@letletme/warmer/live/Overview"
import type { LogEntry } from "@letletme/warmer/live/LogEntry"
import { useEffect, useState } from "preact/hooks"
import { hitShareSince, latest } from "./rates.ts"
import { number } from "./words.ts"

interface Place {
  readonly x: number
  readonly y: number
}

const width = 164
const height = 74

/** A share in whole percent: there is little room. */
const shareOf = (share: number | undefined): string => (share === undefined ? "–" : `${Math.floor(share * 100)} %`)

/** How far each domain is from the roots. */
const levelsOf = (domains: ReadonlyArray<DomainNow>): ReadonlyMap<string, number> => {
  const levels = new Map<string, number>()
  const levelOf = (name: string): number => {
    const known = levels.get(name)
    if (known !== undefined) return known
    const above = domains.find((domain) => domain.name === name)?.dependsOn ?? []
    const level = above.length === 0 ? 0 : 1 + Math.max(...above.map(levelOf))
    levels.set(name, level)
    return level
  }
  for (const { name } of domains) levelOf(name)
  return levels
}

/** Where each node stands: level after level, from the left, or from above on a narrow screen. */
const layout = (domains: ReadonlyArray<DomainNow>, isNarrow: boolean) => {
  const levels = levelsOf(domains)
  const rows = Map.groupBy(domains, ({ name }) => levels.get(name) ?? 0)
  const widest = Math.max(...Array.from(rows.values(), (row) => row.length))
  const [along, across] = isNarrow ? [height + 46, width + 18] : [width + 74, height + 34]
  const places = new Map<string, Place>()
  for (const [level, row] of rows) {
    for (const [index, { name }] of row.entries()) {
      const main = level * along
      const side = (index + (widest - row.length) / 2) * across
      places.set(name, isNarrow ? { x: side, y: main } : { x: main, y: side })
    }
  }
  const length = (rows.size - 1) * along
  const breadth = (widest - 1) * across
  const size = isNarrow ? { w: breadth + width, h: length + height } : { w: length + width, h: breadth + height }
  return { levels, places, size }
}

/** Whether the screen is too narrow for the graph to lie. */
const useNarrow = (): boolean => {
  const [isNarrow, set] = useState(() => matchMedia("(max-width: 640px)").matches)
  useEffect(() => {
    const query = matchMedia("(max-width: 640px)")
    const listen = () => set(query.matches)
    query.addEventListener("change", listen)
    return () => query.removeEventListener("change", listen)
  }, [])
  return isNarrow
}

// How long an invalidation is seen (ms).
const seen = 2_400

/** What was invalidated a moment ago. */
const useWave = (log: ReadonlyArray<LogEntry>): LogEntry | undefined => {
  const [wave, set] = useState<LogEntry>()
  const last = log.find(({ domains }) => domains.length > 0)
  useEffect(() => {
    if (last === undefined || Date.now() - last.at > seen) return
    set(last)
    const timer = setTimeout(() => set(undefined), seen)
    return () => clearTimeout(timer)
  }, [last?.position])
  return wave
}

export const Graph = ({
  log,
  onSelect,
  overviews,
  selected
}: {
  overviews: ReadonlyArray<Overview>
  log: ReadonlyArray<LogEntry>
  selected: string
  onSelect: (domain: string) => void
}) => {
  const isNarrow = useNarrow()
  const wave = useWave(log)
  const domains = overviews.at(-1)?.domains ?? []
  const { levels, places, size } = layout(domains, isNarrow)
  const isReached = (name: string) => wave?.domains.includes(name) === true
  // The wave begins at the highest of what it reaches.
  const first = Math.min(...(wave?.domains ?? []).map((name) => levels.get(name) ?? 0))
  const delay = (name: string) => `${((levels.get(name) ?? 0) - first) * 280}ms`

  return (
    <section class="panel graph" aria-labelledby="graph-title">
      <h2 id="graph-title">Dependency graph</h2>
      <p class="hint">
        {wave === undefined
          ? "What is invalidated runs along the edges. Choose a domain to see its entries."
          : `${wave.cause}: ${wave.domains.join(" → ")}`}
      </p>
      <svg viewBox={`-8 -8 ${size.w + 16} ${size.h + 16}`} role="group" aria-label="Domains and what depends on what">
        {domains.flatMap(({ dependsOn, name }) =>
          dependsOn.map((above) => {
            const from = places.get(above)
            const to = places.get(name)
            if (from === undefined || to === undefined) return null
            const path = isNarrow
              ? `M${from.x + width / 2} ${from.y + height} C${from.x + width / 2} ${from.y + height + 28} ${to.x + width / 2} ${to.y - 28} ${to.x + width / 2} ${to.y}`
              : `M${from.x + width} ${from.y + height / 2} C${from.x + width + 44} ${from.y + height / 2} ${to.x - 44} ${to.y + height / 2} ${to.x} ${to.y + height / 2}`
            const isRun = isReached(above) && isReached(name)
            return (
              <g key={`${above}-${name}`} class="edge" aria-hidden="true">
                <path d={path} />
                {isRun && <path class="wave" key={wave?.position} d={path} style={{ animationDelay: delay(above) }} />}
              </g>
            )
          })
        )}
        {domains.map((domain) => {
          const { name } = domain
          const { x, y } = places.get(name) ?? { x: 0, y: 0 }
          const share = latest(overviews, 60, name)?.hitShare ?? hitShareSince(domain)
          return (
            <g
              key={name}
              class="node"
              transform={`translate(${x} ${y})`}
              role="button"
              tabindex={0}
              aria-pressed={name === selected}
              onClick={() => onSelect(name)}
              onKeyDown={(event) => {
                if (event.key !== "Enter" && event.key !== " ") return
                event.preventDefault()
                onSelect(name)
              }}
            >
              <rect width={width} height={height} rx="10" />
              {isReached(name) && (
                <rect
                  class="pulse"
                  key={wave?.position}
                  width={width}
                  height={height}
                  rx="10"
                  style={{ animationDelay: delay(name) }}
                />
              )}
              <text x="14" y="26" class="name">
                {name}{" "}
              </text>
              <text x="14" y="46" class="count">
                {number(domain.nearEntries)} entries{" "}
              </text>
              <text x={width - 14} y="46" class="share">
                {shareOf(share)}
              </text>
              <rect class="bar" x="14" y="57" width={width - 28} height="5" rx="2.5" />
              <rect class="fill" x="14" y="57" width={(width - 28) * (share ?? 0)} height="5" rx="2.5" />
            </g>
          )
        })}
      </svg>
    </section>
  )
}
