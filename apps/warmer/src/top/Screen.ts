/**
 * What `top` shows of an overview, in so many columns and rows. Counts become rates: since the overview before, or since
 * the process began.
 */
import { CliOutput } from "effect/cli"
import type { DomainNow, Overview } from "../live/Overview.ts"
import type { LogEntry } from "../live/LogEntry.ts"
import { columns as table } from "../Output.ts"

/** What is known of a warmer. */
export interface State {
  readonly now: Overview
  /** The overview that rates are counted from; none: since the process began. */
  readonly before: Overview | undefined
  /** The end of the log, the latest entry last. */
  readonly log: ReadonlyArray<LogEntry>
  /** What is under way, such as "warm, matches: 50 of 575"; empty where nothing is. */
  readonly progress: string
  /** Why what is shown may be old; empty where the connection is well. */
  readonly trouble: string
}

/** How big a screen is, and whether it may be coloured. */
export interface Frame {
  readonly columns: number
  readonly rows: number
  readonly canColor: boolean
}

const units = ["B", "KiB", "MiB", "GiB"]

const size = (bytes: number): string => {
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** power
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`
}

const span = (millis: number): string => {
  const seconds = Math.max(0, Math.round(millis / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`
}

const rate = (perSecond: number): string =>
  perSecond >= 100 ? `${Math.round(perSecond)}` : perSecond === 0 ? "0" : perSecond.toFixed(1)

/** Cuts a text to so many cells. */
const cut = (text: string, width: number): string => {
  if (CliOutput.displayWidth(text) <= width) return text
  let kept = ""
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (CliOutput.displayWidth(kept + segment) >= width) break
    kept += segment
  }
  return `${kept}…`
}

type Counted = "nearHits" | "storeHits" | "misses" | "loads" | "loadMillis"

const hitRates = ({ before, now }: State): string => {
  const seconds = Math.max(0.001, (now.at - (before?.at ?? now.startedAt)) / 1000)
  const grown = (domain: DomainNow, count: Counted) =>
    domain[count] - (before?.domains.find(({ name }) => name === domain.name)?.[count] ?? 0)
  const row = (name: string, domains: ReadonlyArray<DomainNow>) => {
    const sum = (of: (domain: DomainNow) => number) => domains.reduce((total, domain) => total + of(domain), 0)
    const near = sum((domain) => grown(domain, "nearHits"))
    const store = sum((domain) => grown(domain, "storeHits"))
    const misses = sum((domain) => grown(domain, "misses"))
    const loads = sum((domain) => grown(domain, "loads"))
    const reads = near + store + misses
    return [
      name,
      reads === 0 ? "–" : (((near + store) / reads) * 100).toFixed(1),
      rate(near / seconds),
      rate(store / seconds),
      rate(misses / seconds),
      rate(loads / seconds),
      loads === 0 ? "–" : (sum((domain) => grown(domain, "loadMillis")) / loads).toFixed(1),
      `${sum((domain) => domain.nearEntries)}`,
      size(sum((domain) => domain.nearBytes))
    ]
  }
  return table(
    ["domain", "hit %", "near/s", "store/s", "miss/s", "load/s", "ms", "entries", "size"],
    [...now.domains.map((domain) => row(domain.name, [domain])), row("all", now.domains)]
  )
}

const time = (millis: number): string => new Date(millis).toISOString().slice(11, 19)

const head = ({ now, trouble }: State): ReadonlyArray<string> => {
  const { consistency, data, health, leadership } = now
  const leads = leadership.state === "standing by" ? `standing by for ${leadership.leader ?? "?"}` : leadership.state
  return [
    [
      now.process,
      now.season ?? "no season yet",
      leads,
      `up ${span(now.at - now.startedAt)}`,
      `${time(now.at)} UTC`
    ].join("   "),
    [
      `health ${health.status}`,
      data.age === null ? "source not asked" : `source ${span(data.age)} ago`,
      ...(consistency === null ? [] : [`consistency ${consistency.nines.toFixed(1)} nines`]),
      ...(now.warmed === null ? [] : [`warmed ${now.warmed.entries} in ${now.warmed.millis} ms`])
    ].join("   "),
    ...health.reasons.map((reason) => `! ${reason}`),
    ...(trouble === "" ? [] : [`! ${trouble}`])
  ]
}

const logLine = ({ log }: Overview): string =>
  [
    `log at ${log.position}`,
    `lag ${Math.max(0, log.highest - log.position)}`,
    `${log.tags} tags`,
    log.trusted ? "trusted" : "NOT TRUSTED"
  ].join("   ")

const memoryLine = ({ memory }: Overview): string => {
  const { heap, redis, resident } = memory
  const ofRedis =
    redis === null ? [] : [`Redis ${size(redis.used)}${redis.limit === 0 ? "" : ` of ${size(redis.limit)}`}`]
  return [`memory ${size(resident)}`, `heap ${size(heap)}`, ...ofRedis].join("   ")
}

const hottest = ({ hottest: keys }: Overview): ReadonlyArray<string> =>
  keys.length === 0
    ? []
    : table(
        ["reads/s", "hottest keys"],
        keys.map(({ key, perSecond }) => [rate(perSecond), key])
      ).split("\n")

const entry = ({ at, by, cause, more, position, tags }: LogEntry): string =>
  `${time(at)}  ${position}  ${cause} by ${by}: ${tags.join(" ")}${more === 0 ? "" : ` and ${more} more`}`

/** The lines of a screen: none is wider, and there are no more of them. */
export const lines = (state: State, { canColor, columns, rows }: Frame): ReadonlyArray<string> => {
  const paint = (code: string) => (text: string) => (canColor ? `\u001b[${code}m${text}\u001b[0m` : text)
  const [bold, red] = [paint("1"), paint("31")]
  const fixed = [
    ...head(state),
    "",
    ...hitRates(state).split("\n"),
    "",
    logLine(state.now),
    memoryLine(state.now),
    ...(state.progress === "" ? [] : [state.progress])
  ]
  const hot = hottest(state.now)
  // What is left goes to the hottest keys, and then to the log.
  const left = Math.max(0, rows - fixed.length)
  const shownHot = hot.length === 0 || left < 4 ? [] : ["", ...hot.slice(0, Math.max(3, Math.floor(left / 2) - 1))]
  const forLog = left - shownHot.length - 2
  const latest = forLog < 1 ? [] : state.log.slice(-forLog).map(entry)
  const shownLog = latest.length === 0 ? [] : ["", "latest in the log", ...latest]
  return [...fixed, ...shownHot, ...shownLog].slice(0, rows).map((line, index) => {
    const text = cut(line, columns)
    return index === 0 ? bold(text) : text.startsWith("! ") ? red(text) : text
  })
}
