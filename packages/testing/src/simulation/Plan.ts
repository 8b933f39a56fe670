/**
 * What happens in a run: the processes, their settings, and the steps that readers, writers and misfortune take.
 *
 * One seed decides all of it. A plan without some of its steps is a plan too: that is how a trace is made shorter.
 */
import type { Weather } from "../SimulatedNetwork.ts"

/** What the simulated caches hold: rows of items and groups, lists of a group's items, and a table made from all. */
export type Kind = "item" | "group" | "members" | "table"

/** What a writer changes in the source. */
export type Change =
  | { readonly _tag: "Items"; readonly ids: ReadonlyArray<number> }
  | { readonly _tag: "Move"; readonly id: number; readonly to: number }
  | { readonly _tag: "Remove"; readonly id: number }
  | { readonly _tag: "Group"; readonly id: number }

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
  | { readonly _tag: "Warm"; readonly ids: ReadonlyArray<number> }
  | {
      readonly _tag: "Write"
      readonly change: Change
      readonly how: "update" | "update stated" | "invalidate" | "pattern"
      /** Milliseconds between the source's change and its announcement. */
      readonly delay: number
    }

/** A step of a reader. */
export type Reading = Exclude<Work, { readonly _tag: "Write" }>

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

/** Whether a plan knows no trouble. */
export const isCalm = (plan: Plan): boolean =>
  plan.steps.every((step) => "work" in step) && plan.weather.slow + plan.weather.lost + plan.weather.twice === 0

/** Whether the server may carry out a command twice in this run. */
export const repeats = (plan: Plan): boolean =>
  plan.weather.twice > 0 ||
  plan.steps.some((step) => "trouble" in step && step.trouble._tag === "Weather" && step.trouble.weather.twice > 0)
