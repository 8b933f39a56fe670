/**
 * The source of truth, as the coordinator holds it: a version for each row, who changed it last, and whether that was
 * announced. It answers late, slowly or not at all, as it is told.
 */
import { rowCount, type Seen } from "./Model.ts"

/** How the source answers: which share of lookups fail, and which are slow. */
export interface Mood {
  readonly failing: number
  readonly slow: number
}

export const calm: Mood = { failing: 0, slow: 0 }

// How long a lookup takes (ms), and a slow one: some take longer than a lookup may.
const usual = [1, 3] as const
const slowly = [200, 1_300] as const

export interface Truth {
  /** Answers a lookup some time later, with versions that are not the newest any more, or with null: it failed. */
  readonly read: (
    by: string,
    question: number,
    rows: ReadonlyArray<number>,
    answer: (versions: ReadonlyArray<number> | null) => void
  ) => void
  /** Whoever asked does not wait any more. */
  readonly forget: (by: string, question: number) => void
  /** Changes rows, and answers their version. */
  readonly change: (by: string, rows: ReadonlyArray<number>) => number
  readonly announced: (seen: Seen) => void
  /** Forgets a process. Answers the rows that it changed and did not announce. */
  readonly end: (by: string) => ReadonlyArray<number>
  readonly setMood: (mood: Mood) => void
  readonly versionOf: (row: number) => number
  /** Whether all that was changed has been announced. */
  readonly isAnnounced: () => boolean
  readonly lookups: () => number
  /** The most lookups of one process that ran at once. */
  readonly mostAtOnce: () => number
}

export const make = (random: () => number): Truth => {
  let last = 1
  let mood = calm
  let lookups = 0
  let mostAtOnce = 0
  const rows = Array.from({ length: rowCount }, () => ({ version: 1, announced: 1, by: "" }))
  const running = new Map<string, Map<number, NodeJS.Timeout>>()

  const between = ([least, most]: readonly [number, number]): number => least + random() * (most - least)

  return {
    read: (by, question, asked, answer) => {
      lookups++
      const own = running.get(by) ?? new Map<number, NodeJS.Timeout>()
      running.set(by, own)
      const millis = between(random() < mood.slow ? slowly : usual)
      const fails = random() < mood.failing
      const look = (): void => {
        const versions = asked.map((row) => rows[row]?.version ?? 0)
        own.set(
          question,
          setTimeout(() => {
            own.delete(question)
            answer(fails ? null : versions)
          }, millis / 2)
        )
      }
      own.set(question, setTimeout(look, millis / 2))
      mostAtOnce = Math.max(mostAtOnce, own.size)
    },
    forget: (by, question) => {
      clearTimeout(running.get(by)?.get(question))
      running.get(by)?.delete(question)
    },
    change: (by, changed) => {
      last++
      for (const row of changed) Object.assign(rows[row] ?? {}, { version: last, by })
      return last
    },
    announced: (seen) => {
      for (let at = 0; at < seen.length; at += 2) {
        const row = rows[seen[at] ?? -1]
        if (row !== undefined) row.announced = Math.max(row.announced, seen[at + 1] ?? 0)
      }
    },
    end: (by) => {
      for (const timeout of running.get(by)?.values() ?? []) clearTimeout(timeout)
      running.delete(by)
      return rows.flatMap((row, index) => (row.by === by && row.announced < row.version ? [index] : []))
    },
    setMood: (next) => {
      mood = next
    },
    versionOf: (row) => rows[row]?.version ?? 0,
    isAnnounced: () => rows.every(({ announced, version }) => announced >= version),
    lookups: () => lookups,
    mostAtOnce: () => mostAtOnce
  }
}
