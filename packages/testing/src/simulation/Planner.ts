/**
 * From a seed to a plan. Three seeds in ten mix everything; the others have a theme, where rare things meet often.
 */
import { fair, type Weather } from "../SimulatedNetwork.ts"
import { chance } from "../VirtualTime.ts"
import { type Change, type Kind, type Plan, span, type Step, type Trouble, type Work } from "./Plan.ts"

/** Chance, as plans need it. */
interface Dice {
  readonly below: (bound: number) => number
  readonly happens: (share: number) => boolean
  readonly between: (least: number, most: number) => number
  readonly pick: <A>(first: A, ...rest: ReadonlyArray<A>) => A
}

const diceOf = (seed: number): Dice => {
  const random = chance(Math.imul(seed, 0x9e3779b1) ^ 0x5f356495)
  return {
    below: random.below,
    happens: (share) => random.nextDoubleUnsafe() < share,
    between: (least, most) => least + random.nextDoubleUnsafe() * (most - least),
    pick: (first, ...rest) => [first, ...rest][random.below(rest.length + 1)] ?? first
  }
}

/** What a plan is made of. */
interface Theme {
  readonly shape: Pick<Plan, "items" | "groups" | "skews">
  readonly settings: Omit<Plan, "seed" | "steps" | "items" | "groups" | "skews">
  readonly steps: number
  readonly bursts: number
  readonly work: () => Work
  readonly troubles: number
  readonly trouble: () => Trouble
  /** Steps after all the others. */
  readonly finale: ReadonlyArray<Step>
}

// When the finale begins: the bursts are over.
const curtain = span - 500

/** Everything, in equal shares. */
const mixed = (dice: Dice): Theme => {
  const { below, between, happens, pick } = dice
  const processes = 2 + below(3)
  const items = 2 + below(4)
  const groups = 1 + below(2)
  const process = () => below(processes)
  const item = () => below(items)
  const group = () => below(groups)
  const some = () => [...new Set(Array.from({ length: 1 + below(3) }, item))]
  const isCalm = happens(0.25)

  const weather = (): Weather => ({
    delay: [0.2, pick(1, 5, 30)],
    slow: pick(0, 0.05, 0.2),
    slowest: pick(100, 1_500, 3_000),
    lost: pick(0, 0.02, 0.1),
    twice: pick(0, 0.05, 0.3)
  })

  // Who mixes them says nothing of the order of a value and an invalidation: that is a stated limit.
  const statesValues = happens(0.6)
  return {
    shape: { items, groups, skews: Array.from({ length: processes }, () => pick(0, 0, between(-3_000, 3_000))) },
    settings: {
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
      weather: isCalm ? { ...fair, delay: [0.2, pick(1, 5)] } : weather(),
      lookup: pick([0.5, 3], [2, 15], [1, 40])
    },
    steps: 8 + below(32),
    bursts: 2 + below(8),
    work: () => {
      const sort = below(100)
      if (sort < 50) {
        const kind = pick<Kind>("item", "item", "table", "table", "members", "group")
        return {
          _tag: "Read",
          kind,
          id: kind === "item" ? item() : group(),
          how: pick("default", "default", "default", "strong", "after", "past near"),
          patience: happens(0.1) ? between(1, 60) : undefined
        }
      }
      if (sort < 58) return { _tag: "ReadMany", ids: some(), isStrong: happens(0.3) }
      if (sort < 66) return { _tag: "Snapshot", group: group() }
      if (sort < 68) return happens(0.5) ? { _tag: "Refresh", ids: some() } : { _tag: "Warm", ids: some() }
      const change = pick<Change>(
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
    },
    troubles: isCalm ? 0 : 1 + below(6),
    trouble: () =>
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
        () => ({ _tag: "Evict", share: between(0, 1) }),
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
      )(),
    finale: []
  }
}

/** Writes of several items at once, under snapshots, over tails that are late. */
const torn = (dice: Dice): Theme => {
  const { below, happens, pick } = dice
  const theme = mixed(dice)
  const { settings } = theme.settings
  return {
    ...theme,
    shape: { ...theme.shape, items: 2, groups: 1 },
    settings: {
      ...theme.settings,
      settings: { ...settings, nearEntries: pick(1, 1_000), maxTags: 100_000 },
      timeToLive: 60_000,
      weather: { ...fair, slow: 0.3, slowest: pick(50, 300) },
      lookup: [0.5, 3]
    },
    steps: 25 + below(20),
    work: () =>
      happens(0.3)
        ? { _tag: "Write", change: { _tag: "Items", ids: [0, 1] }, how: "update stated", delay: 0 }
        : happens(0.6)
          ? { _tag: "Snapshot", group: 0 }
          : { _tag: "Read", kind: "item", id: below(2), how: pick("default", "past near"), patience: undefined },
    troubles: 0
  }
}

/** Processes that hear nothing of the log while others go on, over a source that takes its time. */
const silent = (dice: Dice): Theme => {
  const { below, between, happens, pick } = dice
  const theme = mixed(dice)
  const { settings } = theme.settings
  return {
    ...theme,
    settings: {
      ...theme.settings,
      settings: { ...settings, maxStaleness: 300, nearEntries: 1_000 },
      servesStale: false,
      weather: fair,
      lookup: pick([1, 10], [700, 1_300])
    },
    steps: 30 + below(20),
    bursts: 30,
    work: () => {
      if (happens(0.25)) {
        return { _tag: "Write", change: { _tag: "Items", ids: [0] }, how: pick("invalidate", "pattern"), delay: 0 }
      }
      const kind = pick<Kind>("item", "item", "table")
      return { _tag: "Read", kind, id: 0, how: pick("default", "default", "strong", "after"), patience: undefined }
    },
    troubles: 2 + below(3),
    trouble: () => ({
      _tag: "Link",
      process: below(theme.shape.skews.length),
      condition: pick("cut", "silent"),
      millis: between(200, 1_500)
    }),
    // One process is cut off with everything at hand; another is told of a change; the first is asked for certain.
    finale: [
      { at: curtain, by: 1, work: { _tag: "Read", kind: "table", id: 0, how: "default", patience: undefined } },
      { at: curtain + 60, trouble: { _tag: "Link", process: 1, condition: "cut", millis: 200 } },
      {
        at: curtain + 70,
        by: 0,
        work: { _tag: "Write", change: { _tag: "Items", ids: [0] }, how: "invalidate", delay: 0 }
      },
      {
        at: curtain + 90,
        by: 1,
        work: { _tag: "Read", kind: pick("table", "item"), id: 0, how: "strong", patience: undefined }
      }
    ]
  }
}

/**
 * What the server keeps of the log is lost, cut or compacted again and again. Few read meanwhile, so that what was
 * invalidated lies in the store when, at the end, a process starts anew: in `torn`, just while the table vanishes.
 */
const lossy = (dice: Dice): Theme => {
  const { below, between, happens, pick } = dice
  const theme = mixed(dice)
  const { settings } = theme.settings
  const process = () => below(theme.shape.skews.length)
  const kind = pick("marks", "compaction", "torn")
  const crash = (): Trouble => ({ _tag: "Crash", process: process(), millis: between(1, 50) })
  const lose = (): Trouble => ({ _tag: "LoseTable" })
  const trim = (): Trouble => ({ _tag: "TrimLog" })
  const troubles = {
    marks: () => pick(lose, crash, trim)(),
    compaction: () => pick(crash, trim)(),
    torn: trim
  }
  return {
    ...theme,
    settings: {
      ...theme.settings,
      settings: { ...settings, maxTags: kind === "compaction" ? pick(3, 6) : 100_000, logLength: pick(1, 2, 20) },
      timeToLive: 60_000,
      weather: kind === "torn" ? { ...fair, delay: [1, 30] } : fair
    },
    steps: 8 + below(12),
    bursts: 4 + below(8),
    work: () => {
      const work = theme.work()
      const how = pick("invalidate", "pattern")
      if (work._tag === "Write") return { ...work, how }
      return happens(0.5)
        ? work
        : { _tag: "Write", change: { _tag: "Items", ids: [below(theme.shape.items)] }, how, delay: 0 }
    },
    troubles: kind === "torn" ? 0 : 4 + below(8),
    trouble: troubles[kind],
    finale: [
      { at: curtain, trouble: { _tag: "Crash", process: 0, millis: 10 } },
      ...(kind === "torn"
        ? [
            { at: curtain + 10 + between(5, 60), trouble: lose() },
            ...Array.from({ length: 20 }, (_, index) => ({
              at: curtain + 50 + index * 10,
              by: 0,
              work: {
                _tag: "Read" as const,
                kind: "item" as const,
                id: index % theme.shape.items,
                how: "default" as const,
                patience: undefined
              }
            }))
          ]
        : [])
    ]
  }
}

/** Old writers that come late, and entries that are gone when they come. */
const late = (dice: Dice): Theme => {
  const { below, between, happens, pick } = dice
  const theme = mixed(dice)
  return {
    ...theme,
    shape: { ...theme.shape, items: 2 },
    work: () =>
      happens(0.5)
        ? {
            _tag: "Write",
            change: pick<Change>(
              { _tag: "Items", ids: [below(2)] },
              { _tag: "Remove", id: below(2) },
              { _tag: "Group", id: 0 }
            ),
            how: pick("update", "update stated"),
            delay: between(0, 300)
          }
        : pick<() => Work>(
            () => ({
              _tag: "Read",
              kind: "item",
              id: below(2),
              how: pick("default", "past near"),
              patience: undefined
            }),
            () => ({ _tag: "Read", kind: "group", id: 0, how: pick("default", "past near"), patience: undefined })
          )(),
    trouble: () =>
      pick<() => Trouble>(
        () => ({ _tag: "Evict", share: 1 }),
        () => ({ _tag: "Evict", share: 1 }),
        () => ({ _tag: "LoseTable" }),
        () => ({ _tag: "Flush" })
      )()
  }
}

/** Batches that are warmed, from a source that takes its time, while what is in them changes. */
const warmed = (dice: Dice): Theme => {
  const { below, happens } = dice
  const theme = late(dice)
  return {
    ...theme,
    settings: { ...theme.settings, asksTogether: true, lookup: [10, 60] },
    steps: 20 + below(20),
    work: () =>
      happens(0.4)
        ? { _tag: "Warm", ids: [0, 1] }
        : happens(0.5)
          ? { _tag: "Write", change: { _tag: "Items", ids: [below(2)] }, how: "update", delay: 0 }
          : theme.work(),
    troubles: 2 + below(3)
  }
}

/** Many readers of few keys, without trouble: who loads, who waits. */
const crowded = (dice: Dice): Theme => {
  const { below, happens } = dice
  const theme = mixed(dice)
  const { settings } = theme.settings
  return {
    ...theme,
    shape: { items: 1, groups: 1, skews: [0, 0, 0, 0] },
    settings: {
      ...theme.settings,
      settings: { ...settings, lease: 3_000, maxTags: 100_000, nearEntries: 1 },
      timeToLive: 60_000,
      weather: fair,
      lookup: [30, 60]
    },
    steps: 30 + below(20),
    bursts: 3,
    work: () =>
      happens(0.15)
        ? { _tag: "Write", change: { _tag: "Items", ids: [0] }, how: "invalidate", delay: 0 }
        : { _tag: "Read", kind: "item", id: 0, how: "default", patience: undefined },
    troubles: 0
  }
}

const themes = [mixed, mixed, mixed, torn, silent, lossy, lossy, late, warmed, crowded]

/** Makes the plan of a seed. */
export const make = (seed: number): Plan => {
  const dice = diceOf(seed)
  const theme = (themes[dice.below(themes.length)] ?? mixed)(dice)
  const { shape, steps: count, troubles } = theme
  // Steps come in bursts, so that they meet.
  const bursts = Array.from({ length: theme.bursts }, () => dice.between(0, span - 700))
  const when = () => (bursts[dice.below(bursts.length)] ?? 0) + dice.between(0, dice.pick(5, 30, 100))
  const steps: Array<Step> = [
    ...Array.from({ length: count }, () => ({
      at: when(),
      by: dice.below(shape.skews.length),
      work: theme.work()
    })),
    ...Array.from({ length: troubles }, () => ({ at: when(), trouble: theme.trouble() })),
    ...theme.finale
  ]
  return { seed, ...shape, ...theme.settings, steps: steps.toSorted((a, b) => a.at - b.at) }
}
