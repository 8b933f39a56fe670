/**
 * A run: processes that read and write, faults one after the other, and after each the time it takes until all is well.
 */
import { Effect, Random, Result, type Scope } from "effect"
import type { Fault, World } from "./Faults.ts"
import * as Fleet from "./Fleet.ts"
import * as Judge from "./Judge.ts"
import * as Monotonic from "./Monotonic.ts"
import * as Topology from "./Topology.ts"
import * as Truth from "./Truth.ts"

/** The names of what may befall the servers of a topology, and the processes. */
export const faultsOf = (topology: Settings["topology"]): ReadonlyArray<string> =>
  Object.keys(Topology.byName[topology].faults)

/** Where, how long, how hard, and by which dice. */
export interface Settings {
  readonly topology: "standalone" | "sentinel" | "cluster"
  readonly minutes: number
  readonly seed: number
  /** Of all processes together. */
  readonly readsPerSecond: number
  readonly writesPerSecond: number
  readonly writers: number
  readonly readers: number
  /** The faults, by name, in an order that the seed shuffles anew for each round. */
  readonly faults: ReadonlyArray<string>
}

export const defaults: Settings = {
  topology: "standalone",
  minutes: 10,
  seed: 1,
  readsPerSecond: 12_000,
  writesPerSecond: 20,
  writers: 2,
  readers: 3,
  faults: faultsOf("standalone")
}

/** How the processes are configured (ms). */
export const maxStaleness = 500
export const readTimeout = 1_500
const maxLookups = 16
/**
 * How many questions one process may put to the source at once. A lookup inside a load has its place in the bulkhead
 * already, and the four groups of a board are loaded together.
 */
export const maxAtOnce = maxLookups * 4
// Of the reads begun while Redis is away so many (%) have to be answered.
const answeredAtLeast = 99.9
/**
 * What measuring adds to the bound on staleness (ms). The cache's clock counts whole milliseconds and may be slewed
 * against the monotonic one by which reads are judged. A process that had no time is not excused: what it answers late,
 * it answers by the time at which it looked.
 */
export const margin = 5

// Until when after a fault all has to be well (ms); and when that is given up.
const convergesWithin = 5_000
const patience = 20_000
const pause = 100

/** How it stands. */
export interface Progress {
  readonly seconds: number
  readonly during: string
  readonly inflicted: number
  readonly judged: number
  readonly acknowledged: number
  readonly violations: number
}

/** What came of a run. */
export interface Outcome {
  readonly settings: Settings
  readonly seconds: number
  readonly judge: Judge.Judge
  readonly lookups: number
  readonly mostAtOnce: number
  readonly evicted: number
  /** By fault: how long it took after each until all was well (ms). */
  readonly converged: ReadonlyMap<string, ReadonlyArray<number>>
}

type Failure =
  | Fleet.FleetError
  | Effect.Error<ReturnType<Fault<never>>>
  | Effect.Error<(typeof Topology.byName.standalone)["start"]>

/** Waits until every process reads the newest version of every key, and needs no lookup to do so again. */
const converge = ({ fleet, judge, truth }: World<unknown>, now: () => number, after: string) =>
  fleet.calmly(
    Effect.gen(function* () {
      const from = now()
      const elapsed = () => (now() - from) / 1_000
      let isLate = false
      while (elapsed() < patience) {
        if (!isLate && elapsed() > convergesWithin) {
          isLate = true
          judge.report("12 Redis gone", `${convergesWithin} ms after "${after}" all is not well yet`)
        }
        if (truth.isAnnounced()) {
          const probes = yield* Effect.result(
            Effect.forEach(fleet.workers, ({ probe }) => probe, { concurrency: "unbounded" })
          )
          const isWell =
            Result.isSuccess(probes) &&
            probes.success.every((probed) => Fleet.isNewest(probed, truth) && probed.loads === 0)
          if (isWell) return elapsed()
        }
        yield* Effect.sleep(10)
      }
      return patience
    })
  )

/** Runs. All that it started ends with the scope. */
export const run = (
  settings: Settings,
  tell: (progress: Progress) => Effect.Effect<void>
): Effect.Effect<Outcome, Failure, Scope.Scope> => {
  switch (settings.topology) {
    case "standalone":
      return runOver(Topology.byName.standalone, settings, tell)
    case "sentinel":
      return runOver(Topology.byName.sentinel, settings, tell)
    case "cluster":
      return runOver(Topology.byName.cluster, settings, tell)
  }
}

const runOver = Effect.fnUntraced(function* <S>(
  { faults, start, way }: Topology.Topology<S>,
  settings: Settings,
  tell: (progress: Progress) => Effect.Effect<void>
): Effect.fn.Return<Outcome, Failure, Scope.Scope> {
  const zero = process.hrtime.bigint()
  const now = Monotonic.since(zero)
  // The faults have dice of their own: the same seed gives the same faults, whatever else is left to chance.
  const dice = yield* Random.withSeed(Random.Random, settings.seed)
  const { nextDoubleUnsafe } = yield* Random.withSeed(Random.Random, settings.seed + 1)
  const truth = Truth.make(nextDoubleUnsafe)
  const judge = Judge.make({ now, maxStaleness, margin, readTimeout })
  const servers = yield* start
  const fleet = yield* Fleet.make({
    ...settings,
    readTimeout,
    maxStaleness,
    maxLookups,
    zero,
    way: way(servers),
    truth,
    judge
  })
  let evicted = 0
  const world: World<S> = {
    fleet,
    servers,
    truth,
    judge,
    onEvicted: (count) => {
      evicted += count
    }
  }
  const converged = new Map<string, Array<number>>()
  let inflicted = 0
  let during = ""
  const startedAt = now()
  const seconds = () => (now() - startedAt) / 1e6

  yield* Effect.forkScoped(
    Effect.forever(
      Effect.andThen(
        Effect.suspend(() => tell({ seconds: seconds(), during, inflicted, ...judge.count() })),
        Effect.sleep("1 second")
      )
    )
  )

  const inflict = (name: string, fault: Fault<S>) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        during = name
        return judge.during(name)
      }),
      () =>
        Effect.gen(function* () {
          yield* Effect.provideService(fault(world), Random.Random, dice)
          const millis = yield* converge(world, now, name)
          converged.set(name, [...(converged.get(name) ?? []), millis])
          inflicted++
        }),
      (over) => Effect.sync(over)
    )

  yield* converge(world, now, "the start")
  const ends = settings.minutes * 60
  while (seconds() < ends) {
    for (const name of yield* Effect.provideService(Random.shuffle(settings.faults), Random.Random, dice)) {
      const fault = faults[name]
      if (fault === undefined || seconds() >= ends) continue
      yield* inflict(name, fault)
      yield* Effect.sleep(pause)
    }
  }
  return {
    settings,
    seconds: seconds(),
    judge,
    lookups: truth.lookups(),
    mostAtOnce: truth.mostAtOnce(),
    evicted,
    converged
  }
})

/** Reports where reads did not go on while Redis was away, or the source was overrun. */
export const judgeAvailability = ({ judge, mostAtOnce }: Outcome): void => {
  // Who waits for a position cannot be answered without the log.
  const tallies = [...judge.whileAway].filter(([kind]) => kind !== "after")
  const asked = tallies.reduce((sum, [, tally]) => sum + tally.asked, 0)
  const answered = tallies.reduce((sum, [, tally]) => sum + tally.answered, 0)
  if (answered * 100 < asked * answeredAtLeast) {
    judge.report("12 Redis gone", `${answered} of ${asked} reads were answered while Redis was away`)
  }
  for (const [kind, { took }] of tallies) {
    const p99 = took.quantile(0.99)
    if (p99 > readTimeout)
      judge.report("12 Redis gone", `one in a hundred "${kind}" reads took ${p99.toFixed(0)} ms and more`)
  }
  if (mostAtOnce > maxAtOnce) {
    judge.report("12 Redis gone", `a process put ${mostAtOnce} questions to the source at once`)
  }
}
