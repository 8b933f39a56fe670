/**
 * Judges the reads of all processes against what was acknowledged to any, as the news of both comes in, and counts.
 *
 * News of a process comes in order, but not in step with that of others: reads wait to be judged until every process has
 * told all that was acknowledged to it before they ended.
 */
import * as Checker from "@letletme/testing/Checker"
import * as Histogram from "./Histogram.ts"
import { type FromWorker, type Kind, kinds, outcomes } from "./Messages.ts"
import { nameOf, part, rowCount } from "./Model.ts"

type Message<Tag extends FromWorker["_tag"]> = Extract<FromWorker, { readonly _tag: Tag }>

/** What reads of one sort came to. */
export interface Tally {
  readonly took: Histogram.Histogram
  asked: number
  answered: number
  /** Answered with something older than what was acknowledged before: where that is allowed. */
  stale: number
  /** The oldest of these: for how long it had been so (ms). */
  mostLag: number
  /** Those that were not answered, by why. */
  readonly unanswered: Map<string, number>
}

const tally = (): Tally => ({
  took: Histogram.make(),
  asked: 0,
  answered: 0,
  stale: 0,
  mostLag: 0,
  unanswered: new Map()
})

/** A broken promise, and what was being done to the processes. */
export interface Broken extends Checker.Violation {
  /** Milliseconds since the beginning of the run. */
  readonly at: number
  readonly during: string
}

/** A stretch of time that reads are counted by. */
interface Period {
  readonly from: number
  to: number
}

interface Fault extends Period {
  readonly name: string
  readonly tally: Tally
}

export interface Judge {
  /** A process lives, and will tell. */
  readonly begin: (process: string) => void
  /** It is dead: nothing more will come. */
  readonly end: (process: string) => void
  readonly acknowledge: (process: string, message: Message<"Acknowledged">) => void
  readonly hear: (process: string, message: Message<"Reads">) => void
  /** A promise was found broken elsewhere. */
  readonly report: (promise: string, detail: string) => void
  /** Reads from here on count by this fault. Answers how to say that it is over. */
  readonly during: (fault: string) => () => void
  /** Reads from here on count as those while Redis is away. Answers how to say that it is back. */
  readonly away: () => () => void
  /** This process stands still from here on. Answers how to say that it goes on. */
  readonly standingStill: (process: string) => () => void
  /** How many reads were judged, writes acknowledged, promises broken; and reads not begun, since many were under way. */
  readonly count: () => {
    readonly judged: number
    readonly acknowledged: number
    readonly violations: number
    readonly heldBack: number
  }
  /** The first violations. */
  readonly violations: () => ReadonlyArray<Broken>
  readonly byKind: ReadonlyMap<Kind, Tally>
  readonly byFault: ReadonlyMap<string, Tally>
  readonly whileAway: ReadonlyMap<Kind, Tally>
}

// What a read may take beyond its time-out (ms): two cores are shared by all, and a timer waits for its turn.
const lateness = 1_000
// What a read without a time-out may take (ms): its lookups, commands and waits are bounded each.
const patience = 10_000
const mostKept = 100
const mostPositions = 20_000
const mostPeriods = 32

const names = Array.from({ length: rowCount }, (_, row) => nameOf(row))
const unbounded = new Set<Kind>(["default", "own write"])

const at = <K, V>(map: Map<K, V>, key: K, make: () => V): V => {
  const found = map.get(key) ?? make()
  map.set(key, found)
  return found
}

export const make = (options: {
  /** Microseconds of the clock that all processes share. */
  readonly now: () => number
  readonly maxStaleness: number
  readonly margin: number
  readonly readTimeout: number
}): Judge => {
  const { now } = options
  const checker = Checker.make(options)
  const clocks = new Map<string, number>()
  const waiting: Array<{ readonly process: string; readonly clock: number; readonly numbers: ReadonlyArray<number> }> =
    []
  // Where an update stands in the log.
  const positions = new Map<number, number>()
  const byKind = new Map<Kind, Tally>()
  const byFault = new Map<string, Tally>()
  const whileAway = new Map<Kind, Tally>()
  const kept: Array<Broken> = []
  const pauses: Array<Period & { readonly process: string }> = []
  let faults: Array<Fault> = []
  let absences: Array<Period> = []
  // The read of each process that was found to hang, by when it began: it is reported once.
  const hanging = new Map<string, number>()
  const heldBack = new Map<string, number>()
  let judged = 0
  let acknowledged = 0
  let violations = 0

  const begun = (): Period => ({ from: now(), to: Number.POSITIVE_INFINITY })
  const ending = (period: Period) => (): void => {
    period.to = now()
  }

  const report = (promise: string, detail: string): void => {
    violations++
    const during = faults.at(-1)?.name ?? "nothing"
    if (kept.length < mostKept) kept.push({ promise, detail, at: now() / 1_000, during })
  }

  const stoodStill = (process: string, from: number, to: number): number =>
    pauses
      .filter((pause) => pause.process === process)
      .reduce((sum, pause) => sum + Math.max(0, Math.min(to, pause.to) - Math.max(from, pause.from)), 0)

  const count = (into: Tally, took: number, outcome: number, lag: number): void => {
    into.asked++
    into.took.add(took / 1_000)
    if (outcome === 0) into.answered++
    else {
      const why = outcomes[outcome] ?? "other"
      into.unanswered.set(why, (into.unanswered.get(why) ?? 0) + 1)
    }
    if (lag > 0) {
      into.stale++
      into.mostLag = Math.max(into.mostLag, lag)
    }
  }

  const judge = (process: string, numbers: ReadonlyArray<number>): void => {
    let index = 0
    while (index < numbers.length) {
      const [kindAt = 0, key = 0, startedAt = 0, took = 0, view = 0, after = 0, outcome = 0, length = 0] =
        numbers.slice(index, index + 8)
      const kind = kinds[kindAt] ?? "default"
      const rows: Array<Checker.Seen> = []
      let position = view
      for (let seen = index + 8; seen < index + 8 + length; seen += 2) {
        const { update, version } = part(numbers[seen + 1] ?? 0)
        rows.push([names[numbers[seen] ?? 0] ?? "", version])
        // Who sees what an update wrote has seen the update.
        if (kind === "snapshot") position = Math.max(position, positions.get(update) ?? 0)
      }
      index += 8 + length
      judged++
      const read = {
        process,
        startedAt: startedAt / 1_000,
        endedAt: (startedAt + took) / 1_000,
        position,
        isStrong: kind === "strong",
        isSnapshot: kind === "snapshot",
        after,
        what: `${kind} ${key}`,
        rows
      }
      const lag = outcome === 0 ? checker.lag(read) : 0
      const broken = outcome === 0 && kind !== "lenient" ? checker.check(read) : undefined
      if (broken !== undefined) report(broken.promise, broken.detail)
      const bound = (unbounded.has(kind) ? patience : options.readTimeout + lateness) * 1_000
      if (took > bound && took - stoodStill(process, startedAt, startedAt + took) > bound) {
        report("9 progress", `${process} took ${(took / 1_000).toFixed(0)} ms for ${kind} ${key}`)
      }
      count(at(byKind, kind, tally), took, outcome, lag)
      const isWithin = ({ from, to }: Period) => startedAt + took >= from && startedAt < to
      for (const fault of faults) if (isWithin(fault)) count(fault.tally, took, outcome, lag)
      if (absences.some(isWithin)) count(at(whileAway, kind, tally), took, outcome, lag)
    }
  }

  const judgeWhatIsDue = (): void => {
    const told = Math.min(...clocks.values())
    for (let next = waiting[0]; next !== undefined && next.clock <= told; next = waiting[0]) {
      waiting.shift()
      judge(next.process, next.numbers)
    }
  }

  return {
    begin: (process) => {
      clocks.set(process, now())
    },
    end: (process) => {
      clocks.delete(process)
      judgeWhatIsDue()
    },
    acknowledge: (process, { at: ended, position, seen, update }) => {
      acknowledged++
      const rows: Array<Checker.Seen> = []
      for (let index = 0; index < seen.length; index += 2) {
        const name = names[seen[index] ?? 0] ?? ""
        rows.push([name, seen[index + 1] ?? 0])
      }
      if (update > 0) positions.set(update, position)
      for (const [first] of positions) {
        if (positions.size <= mostPositions) break
        positions.delete(first)
      }
      checker.acknowledge({ process, at: ended / 1_000, position, rows })
    },
    hear: (process, { clock, heldBack: held, numbers, oldest }) => {
      if (!clocks.has(process)) return
      heldBack.set(process, held)
      clocks.set(process, clock)
      if (numbers.length > 0) waiting.push({ process, clock, numbers })
      const isHanging = oldest >= 0 && clock - oldest - stoodStill(process, oldest, clock) > patience * 1_000
      if (isHanging && hanging.get(process) !== oldest) {
        hanging.set(process, oldest)
        report("9 progress", `${process} has a read under way for ${((clock - oldest) / 1_000).toFixed(0)} ms`)
      }
      judgeWhatIsDue()
    },
    report,
    during: (name) => {
      const fault = { name, tally: at(byFault, name, tally), ...begun() }
      faults = [...faults.slice(-mostPeriods), fault]
      return ending(fault)
    },
    away: () => {
      const absence = begun()
      absences = [...absences.slice(-mostPeriods), absence]
      return ending(absence)
    },
    standingStill: (process) => {
      const pause = { process, ...begun() }
      pauses.push(pause)
      return ending(pause)
    },
    count: () => ({
      judged,
      acknowledged,
      violations,
      heldBack: Array.from(heldBack.values()).reduce((sum, one) => sum + one, 0)
    }),
    violations: () => kept,
    byKind,
    byFault,
    whileAway
  }
}
