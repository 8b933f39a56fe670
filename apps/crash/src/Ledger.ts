/**
 * What has to be left: every acknowledged change, no change by halves, and each of them told once.
 */
import { type Findings } from "./Messages.ts"
import { allOf, causeOf, keysOf, type Operation, published, updated } from "./Model.ts"

/** How many operations there were, and what became of those that a crash cut off. */
export interface Counts {
  readonly acknowledged: number
  /** Acknowledged while the log could not be told. */
  readonly deferred: number
  /** Begun and not acknowledged: found committed and told, or not at all. */
  readonly madeAnyway: number
  readonly undone: number
  readonly appended: number
}

export interface Ledger {
  readonly begin: (operation: Operation) => void
  readonly acknowledge: (mark: number, isAnnounced: boolean) => void
  /** Says what is not as it has to be, and takes what was found for what is. */
  readonly judge: (findings: Pick<Findings, "marks" | "appended">) => ReadonlyArray<string>
  readonly counts: () => Counts
}

interface Entry {
  readonly operation: Operation
  isAcknowledged: boolean
}

/** A ledger of two seasons that begin with a mark. */
export const make = (first: number): Ledger => {
  const held = new Map([...allOf(updated), ...allOf(published)].map((key) => [key, first]))
  // In the order in which they were begun: those that change the same entity were begun one after the other.
  const entries = new Map<number, Entry>()
  let acknowledged = 0
  let deferred = 0
  let madeAnyway = 0
  let undone = 0
  let appended = 0

  /** The marks that an entity may show: what was acknowledged last, or what was begun after that. */
  const candidates = (): ReadonlyMap<string, ReadonlyArray<number>> => {
    const found = new Map(Array.from(held, ([key, mark]) => [key, [mark]]))
    for (const { isAcknowledged, operation } of entries.values()) {
      for (const key of keysOf(operation)) {
        found.set(key, [...(isAcknowledged ? [] : (found.get(key) ?? [])), operation.mark])
      }
    }
    return found
  }

  /** What the rows tell of an operation; nothing where all that it changed was changed again since. */
  const traceOf = (operation: Operation, marks: Findings["marks"]): "made" | "undone" | "halves" | "covered" => {
    const own = keysOf(operation).map((key) => marks[key] ?? Number.NaN)
    const isMade = own.includes(operation.mark)
    const isUndone = own.some((mark) => !(mark >= operation.mark))
    return isMade && isUndone ? "halves" : isMade ? "made" : isUndone ? "undone" : "covered"
  }

  return {
    begin: (operation) => {
      entries.set(operation.mark, { operation, isAcknowledged: false })
    },
    acknowledge: (mark, isAnnounced) => {
      const entry = entries.get(mark)
      if (entry === undefined) return
      entry.isAcknowledged = true
      acknowledged++
      if (!isAnnounced) deferred++
    },
    judge: (findings) => {
      const problems: Array<string> = []
      for (const [key, allowed] of candidates()) {
        const mark = findings.marks[key]
        if (mark === undefined || !allowed.includes(mark)) {
          problems.push(`${key} shows ${mark ?? "nothing"} instead of ${allowed.join(" or ")}: an update was lost`)
        }
        held.set(key, mark ?? Number.NaN)
      }
      const unexplained = new Map(Object.entries(findings.appended))
      for (const entry of entries.values()) {
        const cause = causeOf(entry.operation)
        const times = unexplained.get(cause) ?? 0
        unexplained.delete(cause)
        appended += times
        const trace = traceOf(entry.operation, findings.marks)
        if (!entry.isAcknowledged && times > 0) madeAnyway++
        else if (!entry.isAcknowledged) undone++
        if (trace === "halves") problems.push(`"${cause}" was made by halves`)
        if (times > 1) problems.push(`"${cause}" was told ${times} times`)
        if (times === 0 && (entry.isAcknowledged || trace === "made")) {
          problems.push(`"${cause}" is committed, and was never told`)
        }
        if (times > 0 && trace === "undone") problems.push(`"${cause}" was told, and is not committed`)
      }
      for (const [cause, times] of unexplained) problems.push(`"${cause}" was told ${times} times too often`)
      entries.clear()
      return problems
    },
    counts: () => ({ acknowledged, deferred, madeAnyway, undone, appended })
  }
}
