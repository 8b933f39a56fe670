/**
 * What happens in a run: the processes, their settings, and the steps that readers, writers and misfortune take.
 *
 * One seed decides all of it. A plan without some of its steps is a plan too: that is how a trace is made shorter.
 */
import type { Weather } from "../SimulatedNetwork.ts"
import { chance, type VirtualTime } from "../VirtualTime.ts"

export type { VirtualTime }

/** What the simulated caches hold: rows of items and groups, lists of a group's items, and a table made from all. */
export type Kind = "item" | "group" | "members" | "table"

/** A step of a reader or a writer. */
export type Work =
  | {
      readonly _tag: "Read"
      readonly kind: Kind
      readonly id: number
      readonly how: "default" | "strong" | "after" | "past near"
      /** The caller gives up after so many milliseconds. */
      readonly patience: number | undefined
    }
  | { readonly _tag: "ReadMany"; readonly ids: ReadonlyArray<number>; readonly isStrong: boolean }
  | { readonly _tag: "Snapshot"; readonly group: number }
  | { readonly _tag: "Refresh"; readonly ids: ReadonlyArray<number> }
  | {
      readonly _tag: "Write"
      readonly change:
        | { readonly _tag: "Items"; readonly ids: ReadonlyArray<number> }
        | { readonly _tag: "Move"; readonly id: number; readonly to: number }
        | { readonly _tag: "Remove"; readonly id: number }
        | { readonly _tag: "Group"; readonly id: number }
      readonly how: "update" | "update stated" | "invalidate" | "pattern"
      /** Milliseconds between the source's change and its announcement. */
      readonly delay: number
    }

/** A misfortune. */
export type Trouble =
  | { readonly _tag: "Crash"; readonly process: number; readonly millis: number }
  | { readonly _tag: "Pause"; readonly process: number; readonly millis: number }
  | { readonly _tag: "Link"; readonly process: number; readonly condition: "cut" | "silent"; readonly millis: number }
  | { readonly _tag: "Reset"; readonly process: number }
  | { readonly _tag: "Clock"; readonly process: number; readonly by: number }
  | { readonly _tag: "Copy" }
  | { readonly _tag: "Stop"; readonly millis: number; readonly back: "empty" | "copy" | "whole" }
  | { readonly _tag: "Failover" }
  | { readonly _tag: "ServerClock"; readonly by: number }
  | { readonly _tag: "Flush" }
  | { readonly _tag: "Evict"; readonly share: number }
  | { readonly _tag: "LoseTable" }
  | { readonly _tag: "LoseLog" }
  | { readonly _tag: "TrimLog" }
  | { readonly _tag: "ForgetScripts" }
  | { readonly _tag: "Weather"; readonly weather: Weather; readonly millis: number }
  | { readonly _tag: "Source"; readonly failing: number; readonly slow: number; readonly millis: number }

/** A step, at a time in milliseconds since the run began. */
export type Step =
  | { readonly at: number; readonly by: number; readonly work: Work }
  | { readonly at: number; readonly trouble: Trouble }

/** A whole run. */
export interface Plan {
  readonly seed: number
  /** How far each process's clock is ahead (ms). */
  readonly skews: ReadonlyArray<number>
  readonly items: number
  readonly groups: number
  readonly settings: {
    readonly maxStaleness: number
    readonly lease: number
    readonly lookupTimeout: number
    readonly nearEntries: number
    readonly maxTagsPerEntry: number
    readonly maxTags: number
    readonly logLength: number
  }
  readonly timeToLive: number
  /** Lookups say which revision they found. */
  readonly statesRevisions: boolean
  readonly asksTogether: boolean
  /** Groups that were invalidated may be served while the source fails. */
  readonly servesStale: boolean
  readonly weather: Weather
  /** How long a lookup takes, at least and at most (ms). */
  readonly lookup: readonly [number, number]
  readonly steps: ReadonlyArray<Step>
}

/** When the last step is taken, at the latest (ms). */
export const span = 2_000

/** Makes the plan of a seed. */
export const make = (seed: number): Plan => {
  const random = chance(Math.imul(seed, 0x9e3779b1) ^ 0x5f356495)
  const below = (bound: number) => random.below(bound)
  const pick = <A>(first: A, ...rest: ReadonlyArray<A>): A => [first, ...rest][below(rest.length + 1)] ?? first
  const happens = (share: number) => random.nextDoubleUnsafe() < share
  const between = (least: number, most: number) => least + random.nextDoubleUnsafe() * (most - least)

  const processes = 2 + below(3)
  const items = 2 + below(4)
  const groups = 1 + below(2)
  const process = () => below(processes)
  const item = () => below(items)
  const group = () => below(groups)
  const some = () => [...new Set(Array.from({ length: 1 + below(3) }, item))]

  const weather = (): Weather => ({
    delay: [0.2, pick(1, 5, 30)],
    slow: pick(0, 0.05, 0.2),
    slowest: pick(100, 1_500, 3_000),
    lost: pick(0, 0.02, 0.1),
    twice: pick(0, 0.05, 0.3)
  })

  // Who mixes them says nothing of the order of a value and an invalidation: that is a stated limit.
  const statesValues = happens(0.6)
  const work = (): Work => {
    const dice = below(100)
    if (dice < 50) {
      const kind = pick<Kind>("item", "item", "table", "table", "members", "group")
      return {
        _tag: "Read",
        kind,
        id: kind === "item" ? item() : group(),
        how: pick("default", "default", "default", "strong", "after", "past near"),
        patience: happens(0.1) ? between(1, 60) : undefined
      }
    }
    if (dice < 58) return { _tag: "ReadMany", ids: some(), isStrong: happens(0.3) }
    if (dice < 66) return { _tag: "Snapshot", group: group() }
    if (dice < 68) return { _tag: "Refresh", ids: some() }
    const change = pick<Extract<Work, { _tag: "Write" }>["change"]>(
      { _tag: "Items", ids: some() },
      { _tag: "Items", ids: [item()] },
      { _tag: "Move", id: item(), to: group() },
      { _tag: "Remove", id: item() },
      { _tag: "Group", id: group() }
    )
    return {
      _tag: "Write",
      change,
      how: statesValues ? pick("update", "update stated") : pick("invalidate", "invalidate", "pattern"),
      delay: happens(0.3) ? between(0, 400) : between(0, 5)
    }
  }

  const trouble = (): Trouble =>
    pick<() => Trouble>(
      () => ({ _tag: "Crash", process: process(), millis: between(1, 800) }),
      () => ({ _tag: "Pause", process: process(), millis: between(1, 2_500) }),
      () => ({ _tag: "Link", process: process(), condition: pick("cut", "silent"), millis: between(1, 2_500) }),
      () => ({ _tag: "Reset", process: process() }),
      () => ({ _tag: "Clock", process: process(), by: between(0, 3_000) }),
      () => ({ _tag: "Copy" }),
      () => ({ _tag: "Copy" }),
      () => ({ _tag: "Stop", millis: between(1, 1_500), back: pick("empty", "copy", "whole") }),
      () => ({ _tag: "Failover" }),
      () => ({ _tag: "ServerClock", by: between(-5_000, 5_000) }),
      () => ({ _tag: "Flush" }),
      () => ({ _tag: "Evict", share: random.nextDoubleUnsafe() }),
      () => ({ _tag: "Evict", share: 1 }),
      () => ({ _tag: "LoseTable" }),
      () => ({ _tag: "LoseLog" }),
      () => ({ _tag: "TrimLog" }),
      () => ({ _tag: "TrimLog" }),
      () => ({ _tag: "ForgetScripts" }),
      () => ({ _tag: "Weather", weather: weather(), millis: between(50, 2_000) }),
      () => ({
        _tag: "Source",
        failing: pick(0, 0.3, 1),
        slow: pick(0, 0.3),
        millis: between(50, 1_500)
      })
    )()

  // A quarter of the runs know no trouble: there, more is promised.
  const isCalm = happens(0.25)
  // Steps come in bursts, so that they meet.
  const bursts = Array.from({ length: 2 + below(8) }, () => between(0, span - 700))
  const when = () => (bursts[below(bursts.length)] ?? 0) + between(0, pick(5, 30, 100))
  const steps: Array<Step> = Array.from({ length: 8 + below(32) }, () => ({ at: when(), by: process(), work: work() }))
  if (!isCalm) for (let count = 1 + below(6); count > 0; count--) steps.push({ at: when(), trouble: trouble() })

  return {
    seed,
    skews: Array.from({ length: processes }, () => pick(0, 0, between(-3_000, 3_000))),
    items,
    groups,
    settings: {
      maxStaleness: pick(300, 1_000),
      lease: pick(100, 3_000),
      lookupTimeout: 1_500,
      nearEntries: pick(1, 1_000, 1_000),
      maxTagsPerEntry: pick(2, 4, 128),
      maxTags: pick(3, 30, 100_000),
      logLength: pick(2, 20, 10_000)
    },
    timeToLive: pick(50, 1_000, 60_000),
    statesRevisions: happens(0.5),
    asksTogether: happens(0.5),
    servesStale: happens(0.3),
    weather: isCalm ? { delay: [0.2, pick(1, 5)], slow: 0, slowest: 0, lost: 0, twice: 0 } : weather(),
    lookup: pick([0.5, 3], [2, 15], [1, 40]),
    steps: steps.toSorted((a, b) => a.at - b.at)
  }
}

/** Whether a plan knows no trouble. */
export const isCalm = (plan: Plan): boolean =>
  plan.steps.every((step) => "work" in step) && plan.weather.slow + plan.weather.lost + plan.weather.twice === 0

/** Whether the server may carry out a command twice in this run. */
export const repeats = (plan: Plan): boolean =>
  plan.weather.twice > 0 ||
  plan.steps.some((step) => "trouble" in step && step.trouble._tag === "Weather" && step.trouble.weather.twice > 0)
