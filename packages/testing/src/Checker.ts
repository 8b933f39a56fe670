/**
 * Holds what readers saw against what writers had acknowledged: the promises of the protocol, as a judge of histories.
 *
 * A history speaks of the *rows* of the source, each with a version that only grows. A writer changes rows, has the cache
 * invalidate or update, and its acknowledgement says: from here on, nobody may see less. A read says which version of
 * which rows its answer was made from. All times are of one clock (ms), which no process under test needs to know.
 */

/** The version of a row that an answer was made from, or that a write brought about. */
export type Seen = readonly [row: string, version: number]

/** An invalidation or update that the cache acknowledged. */
export interface Acknowledged {
  readonly process: string
  /** When the acknowledgement arrived. */
  readonly at: number
  /** The position that was answered. */
  readonly position: number
  readonly rows: ReadonlyArray<Seen>
}

/** A read that was answered. */
export interface Answered {
  readonly process: string
  readonly startedAt: number
  readonly endedAt: number
  /** The position of the process's view when the read began; of a snapshot, when its last read began. */
  readonly position: number
  readonly isStrong: boolean
  readonly isSnapshot: boolean
  /** The position that the read was asked to wait for, or 0. */
  readonly after: number
  readonly what: string
  readonly rows: ReadonlyArray<Seen>
}

/** A broken promise. */
export interface Violation {
  /** Its name in `docs/consistency.md`. */
  readonly promise: string
  readonly detail: string
}

export interface Checker {
  /** Every acknowledgement comes before the reads that began after it. */
  readonly acknowledge: (acknowledged: Acknowledged) => void
  readonly check: (answered: Answered) => Violation | undefined
  /** How long before a read began the first change was acknowledged that it did not see (ms); 0 where it saw all. */
  readonly lag: (answered: Pick<Answered, "rows" | "startedAt">) => number
}

/** The highest version known at each point of a growing axis. */
interface Record {
  readonly add: (at: number, version: number) => void
  /** The highest version at or before a point, 0 where there is none. */
  readonly upTo: (at: number) => number
  /** The first point with a version above this one, infinity where there is none. */
  readonly firstAbove: (version: number) => number
}

// Reads are judged soon after they happened: older points may go.
const kept = 4_096

/** Where the first number above this one stands among growing ones. */
const firstBeyond = (numbers: ReadonlyArray<number>, bound: number): number => {
  let low = 0
  let high = numbers.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((numbers[middle] ?? 0) <= bound) low = middle + 1
    else high = middle
  }
  return low
}

const record = (): Record => {
  let points: Array<number> = []
  let versions: Array<number> = []
  const after = (at: number): number => firstBeyond(points, at)
  return {
    add: (at, version) => {
      const index = after(at)
      if ((versions[index - 1] ?? 0) >= version) return
      points.splice(index, 0, at)
      versions.splice(index, 0, version)
      // What came later with less says nothing any more.
      let end = index + 1
      while (end < versions.length && (versions[end] ?? 0) <= version) end++
      points.splice(index + 1, end - index - 1)
      versions.splice(index + 1, end - index - 1)
      if (points.length > kept * 2) {
        points = points.slice(-kept)
        versions = versions.slice(-kept)
      }
    },
    upTo: (at) => versions[after(at) - 1] ?? 0,
    firstAbove: (version) => points[firstBeyond(versions, version)] ?? Number.POSITIVE_INFINITY
  }
}

const at = <V>(map: Map<string, V>, key: string, make: () => V): V => {
  let found = map.get(key)
  if (found === undefined) {
    found = make()
    map.set(key, found)
  }
  return found
}

/**
 * Makes a checker. `maxStaleness` is the bound that the processes were configured with; `margin` is what measuring adds
 * to it. Both in milliseconds.
 */
export const make = (bounds: { readonly maxStaleness: number; readonly margin: number }): Checker => {
  const byTime = new Map<string, Record>()
  const byPosition = new Map<string, Record>()
  const byProcess = new Map<string, Record>()

  return {
    acknowledge: ({ at: time, position, process, rows }) => {
      for (const [row, version] of rows) {
        at(byTime, row, record).add(time, version)
        at(byPosition, row, record).add(position, version)
        at(byProcess, `${process} ${row}`, record).add(time, version)
      }
    },
    check: (read) => {
      const { after, isSnapshot, isStrong, position, process, startedAt } = read
      for (const [row, version] of read.rows) {
        const positions = byPosition.get(row)
        const times = byTime.get(row)
        const demands: ReadonlyArray<readonly [promise: string, least: number | undefined]> = [
          [isSnapshot ? "5 snapshot reads" : "1 no stale fill", positions?.upTo(position)],
          ["2 read your writes", byProcess.get(`${process} ${row}`)?.upTo(startedAt)],
          ["3 bounded staleness", times?.upTo(startedAt - bounds.maxStaleness - bounds.margin)],
          ["4 strong reads", isStrong ? times?.upTo(startedAt) : 0],
          ["10 session reads", after > 0 ? positions?.upTo(after) : 0]
        ]
        const broken = demands.find(([, least = 0]) => version < least)
        if (broken === undefined) continue
        const [promise, least] = broken
        return {
          promise,
          detail: `${process} read ${read.what} at ${startedAt.toFixed(1)} and saw version ${version} of ${row}, where version ${least} had been acknowledged`
        }
      }
      return undefined
    },
    lag: ({ rows, startedAt }) =>
      rows.reduce((most, [row, version]) => {
        const missed = byTime.get(row)?.firstAbove(version) ?? Number.POSITIVE_INFINITY
        return Math.max(most, startedAt - missed)
      }, 0)
  }
}
