/**
 * One run of the cache in a simulated world: its plan carried out, its history judged.
 *
 * The caches, views, tails, leases and scripts are those that are shipped; time, chance, network, server and source are
 * simulated. The same plan gives the same run, to the last message.
 */
import { Cause, Effect, Exit, Random } from "effect"
import * as Checker from "./Checker.ts"
import * as Lua from "./internal/Lua.ts"
import * as SimulatedNetwork from "./SimulatedNetwork.ts"
import * as SimulatedServer from "./SimulatedServer.ts"
import * as Misfortune from "./simulation/Misfortune.ts"
import * as Plan from "./simulation/Plan.ts"
import * as Process from "./simulation/Process.ts"
import * as Shrink from "./simulation/Shrink.ts"
import * as Source from "./simulation/Source.ts"
import * as VirtualTime from "./VirtualTime.ts"

/** What came of a run. */
export interface Outcome {
  readonly violations: ReadonlyArray<Checker.Violation>
  /** Reads that were answered and judged. */
  readonly reads: number
  readonly acknowledged: number
  readonly lookups: number
  /** What happened, a line each; empty unless asked for. */
  readonly trace: ReadonlyArray<string>
}

// How long a read or a write may go on after the last trouble (ms): lookups and commands have time-outs.
const patience = 10_000
// How long after the source failed a stale answer is excused (ms): lookups may run out of time, and the breaker is open.
const excuse = 3_200
const limit = Plan.span + patience + 30_000

/** Carries out plans. */
export interface Simulator {
  readonly run: (plan: Plan.Plan, options?: { readonly isTraced?: boolean }) => Outcome
  /**
   * Leaves out of a plan whatever is not needed to break the same promise: the shortest story that shows it (delta
   * debugging: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002).
   */
  readonly shrink: (plan: Plan.Plan) => Plan.Plan
}

/** Makes a simulator. It keeps nothing of a run but the compiled scripts. */
export const make = (): Simulator => {
  const lua = Lua.make()
  const runWith: Simulator["run"] = (plan, { isTraced = false } = {}) => run(plan, { lua, isTraced })
  return {
    run: runWith,
    shrink: (plan) => {
      const promise = runWith(plan).violations[0]?.promise
      if (promise === undefined) return plan
      return Shrink.shrink(plan, (smaller) => runWith(smaller).violations[0]?.promise === promise)
    }
  }
}

const run = (plan: Plan.Plan, options: { readonly lua: Lua.Lua; readonly isTraced: boolean }): Outcome => {
  const time = VirtualTime.make()
  const trace: Array<string> = []
  const tell = (line: () => string): void => {
    if (options.isTraced) trace.push(`${time.now().toFixed(2).padStart(9)}  ${line()}`)
  }

  let serverSkew = 0
  const server = SimulatedServer.make({
    lua: options.lua,
    now: () => Math.floor(VirtualTime.epoch + time.now() + serverSkew)
  })
  const network = SimulatedNetwork.make({
    time,
    server,
    commandTimeout: 500,
    tell: ({ by, command, reply }) => tell(() => `${by} → redis: ${shorten(command)} → ${shorten(reply)}`)
  })
  network.setWeather(plan.weather)
  const source = Source.make(plan.items, plan.groups)
  const checker = Checker.make({ maxStaleness: plan.settings.maxStaleness, margin: 0 })
  const violations: Array<Checker.Violation> = []
  const broken = (promise: string, detail: string): void => {
    violations.push({ promise, detail })
    tell(() => `BROKEN ${promise}: ${detail}`)
  }

  let failing = 0
  let failingUntil = Number.NEGATIVE_INFINITY
  let slow = 0
  let lookups = 0
  let lookupFailures = 0
  let reads = 0
  let acknowledged = 0
  let lastPosition = 0
  const pending = new Set<{ readonly what: string; readonly isAlive: () => boolean }>()
  // The lookups under way by row, with the process that began the last one.
  const loading = new Map<string, { count: number; by: string; since: number }>()
  // Two loads of one row may meet if a write, or someone who loads anew on purpose, came after the first had begun, and
  // before every process had heard of it.
  let disturbedUntil = 0
  let disturbers = 0
  const givesUp = plan.steps.some(
    (step) => "work" in step && step.work._tag === "Read" && step.work.patience !== undefined
  )
  // Three hops until a process that just read the log has heard, and four until a load that it had begun asks the source.
  const disturbance = Math.max(15, 7 * plan.weather.delay[1] + 5)
  // Writes that began or ended so far: each may overtake an attempt of a snapshot.
  let stirs = 0
  const disturb = (): void => {
    stirs++
    disturbedUntil = time.now() + disturbance
  }
  const load = (name: string, row: string): void => {
    const { by, count, since } = loading.get(row) ?? { by: name, count: 0, since: 0 }
    loading.set(row, { count: count + 1, by: name, since: time.now() })
    if (isPatient && count > 0 && disturbers === 0 && since > disturbedUntil) {
      broken("7 one load", `${name} loads ${row}, which ${by} is loading`)
    }
  }
  const unload = (row: string): void => {
    const known = loading.get(row)
    if (known !== undefined) loading.set(row, { ...known, count: known.count - 1 })
  }
  const isCalm = Plan.isCalm(plan)
  // Who has waited for a lease's length loads itself, also where others loaded one after the other meanwhile.
  const isPatient = isCalm && plan.settings.lease > 20 * plan.lookup[1]
  const repeats = Plan.repeats(plan)

  const ask = (name: string): Process.Ask =>
    Effect.fnUntraced(function* (rows, read) {
      lookups++
      const what = rows.join(" ")
      const [least, most] = plan.lookup
      const takes = least + (yield* Random.next) * (most - least)
      const isSlow = (yield* Random.next) < slow
      const fails = (yield* Random.next) < failing
      // Some answers are late, some later than the time-out.
      const slowness = 200 + (yield* Random.next) * 3_000
      tell(() => `${name} asks the source for ${what}`)
      for (const row of rows) load(name, row)
      const found = yield* Effect.sleep(takes / 2).pipe(
        Effect.andThen(Effect.sync(read)),
        Effect.tap(() => Effect.sleep(isSlow ? slowness : takes / 2)),
        Effect.ensuring(
          Effect.sync(() => {
            for (const row of rows) unload(row)
          })
        )
      )
      if (fails) {
        lookupFailures++
        tell(() => `the source fails ${name}: ${what}`)
        return yield* new Process.SourceDown({ what })
      }
      tell(() => `the source answers ${name}: ${what} is ${JSON.stringify(found) ?? "absent"}`)
      return found
    })

  // A process keeps its name and its line over its lives; each life is a machine.
  const processes = plan.skews.map((skew, index) => {
    let lives = 0
    let machine = time.machine({ skew, seed: 0 })
    let users: Process.Users | undefined
    let name = ""
    let link: SimulatedNetwork.Link | undefined
    const boot = (): void => {
      lives++
      name = `p${index}.${lives}`
      const seed = plan.seed * 31 + index * 7 + lives
      machine = time.machine({ skew, seed })
      users = undefined
      const alive = machine
      const own = network.link(name, machine, VirtualTime.chance(seed ^ 0x51ed270b))
      link = own
      machine.start(
        Effect.scoped(
          Effect.gen(function* () {
            users = yield* Process.start({ plan, name, link: own, source, ask: ask(name) })
            tell(() => `${name} is up`)
            return yield* Effect.never
          })
        ).pipe(
          Effect.catchCause((cause) =>
            Effect.sync(() => {
              // A server that is away at start must not keep a process from starting, but may.
              tell(() => `${name} does not start: ${Cause.pretty(cause)}`)
              if (alive.isAlive()) time.after(100, boot)
              alive.crash()
            })
          )
        )
      )
    }
    boot()
    return {
      boot,
      name: () => name,
      machine: () => machine,
      users: () => (machine.isAlive() ? users : undefined),
      link: () => link
    }
  })
  const process = (index: number) => processes[index % processes.length]

  // A group may be served stale while the source fails, and what is made of it is.
  const excused = (row: string, isExact: boolean): boolean =>
    plan.servesStale && !isExact && row.startsWith("group:") && time.now() < failingUntil + excuse
  const judge = (read: Checker.Answered): void => {
    const isExact = read.isStrong || read.isSnapshot
    const answered = { ...read, rows: read.rows.filter(([row]) => !excused(row, isExact)) }
    const violation = checker.check(answered)
    if (violation !== undefined) broken(violation.promise, violation.detail)
  }
  const later: Array<() => void> = []
  const announcedAt = new Map<string, number>()

  const read = (work: Plan.Reading, by: number, onDone: () => void = () => {}): void => {
    const peer = process(by)
    const users = peer?.users()
    if (peer === undefined || users === undefined) return onDone()
    const name = peer.name()
    const machine = peer.machine()
    const what = describe(work)
    const isStrong = (work._tag === "Read" && work.how === "strong") || (work._tag === "ReadMany" && work.isStrong)
    const after = work._tag === "Read" && work.how === "after" ? lastPosition : 0
    // A machine that stands still begins later.
    machine.deliver(() => {
      const startedAt = time.now()
      const failuresBefore = lookupFailures
      const stirsBefore = stirs
      const underWay = { what: `${name} ${what}`, isAlive: machine.isAlive }
      pending.add(underWay)
      // A batch that is warmed waits for nobody.
      const disturbs = work._tag === "Refresh" || work._tag === "Warm" || isStrong
      if (disturbs) disturbers++
      tell(() => `${name} begins: ${what}${after > 0 ? ` ${after}` : ""}, its view at ${users.position()}`)
      const fiber = machine.start(users.read(work, after))
      fiber.addObserver((exit) => {
        pending.delete(underWay)
        if (disturbs) {
          disturbers--
          disturb()
        }
        if (Exit.isSuccess(exit)) {
          reads++
          const { position, rows, written } = exit.value
          tell(() => `${name} read ${what}: ${rows.map(([row, v]) => `${row}=${v}`).join(" ")}`)
          const answered = {
            process: name,
            startedAt,
            endedAt: time.now(),
            position,
            isStrong,
            isSnapshot: work._tag === "Snapshot",
            after,
            what,
            rows
          }
          judge(answered)
          // What was written at a position goes together with what was valid there. The position may be known only later,
          // and is not known at all where an append may be carried out twice.
          if (answered.isSnapshot && written.length > 0 && !repeats) {
            later.push(() => {
              const highest = Math.max(position, ...written.map(([row, v]) => announcedAt.get(`${row}=${v}`) ?? 0))
              judge({ ...answered, position: highest })
            })
          }
        } else {
          tell(() => `${name} could not read ${what}: ${Cause.pretty(exit.cause).split("\n", 1)[0]}`)
          if (Cause.hasDies(exit.cause)) broken("no defects", `${name} ${what}: ${Cause.pretty(exit.cause)}`)
          const isOfSource = /SourceDown/.test(Cause.pretty(exit.cause))
          if (isOfSource && lookupFailures === failuresBefore) {
            broken("11 failures are not values", `${name} ${what} failed by a lookup that had failed before it began`)
          }
          const isOvertaken = /overtaken by invalidations/.test(Cause.pretty(exit.cause)) && stirs - stirsBefore >= 5
          if (isCalm && !isOvertaken && !Cause.hasInterruptsOnly(exit.cause)) {
            broken("answers without trouble", `${name} ${what}: ${Cause.pretty(exit.cause)}`)
          }
        }
        onDone()
      })
      if (work._tag === "Read" && work.patience !== undefined) {
        time.after(work.patience, () => machine.deliver(() => fiber.interruptUnsafe()))
      }
    })
  }

  const write = (work: Extract<Plan.Work, { _tag: "Write" }>, by: number): void => {
    const peer = process(by)
    const users = peer?.users()
    if (peer === undefined || users === undefined) return
    const name = peer.name()
    const machine = peer.machine()
    const { change } = work
    const since = users.position()
    const changed =
      change._tag === "Items"
        ? source.changeItems(change.ids)
        : change._tag === "Move"
          ? source.move(change.id, change.to)
          : change._tag === "Remove"
            ? source.remove(change.id)
            : source.changeGroup(change.id)
    disturb()
    tell(() => `the source changed: ${changed.rows.map(([row, v]) => `${row}=${v}`).join(" ")}`)
    time.after(work.delay, () =>
      machine.deliver(() => {
        const underWay = { what: `${name} ${work.how}`, isAlive: machine.isAlive }
        pending.add(underWay)
        disturbers++
        tell(() => `${name} begins: ${work.how} ${changed.rows.map(([row]) => row).join(" ")}`)
        machine.start(users.announce(work, changed, since)).addObserver((exit) => {
          pending.delete(underWay)
          disturbers--
          disturb()
          if (Exit.isFailure(exit)) {
            tell(() => `${name} could not ${work.how}: ${Cause.pretty(exit.cause).split("\n", 1)[0]}`)
            if (Cause.hasDies(exit.cause)) broken("no defects", `${name} ${work.how}: ${Cause.pretty(exit.cause)}`)
            if (isCalm) broken("answers without trouble", `${name} ${work.how}: ${Cause.pretty(exit.cause)}`)
            return
          }
          acknowledged++
          const { position, rows } = exit.value
          lastPosition = Math.max(lastPosition, position)
          for (const [row, v] of rows) announcedAt.set(`${row}=${v}`, position)
          checker.acknowledge({ process: name, at: time.now(), position, rows })
          tell(() => `${name} is told: ${rows.map(([row, v]) => `${row}=${v}`).join(" ")} from ${position} on`)
        })
      })
    )
  }

  const trouble = Misfortune.make({
    plan,
    time,
    server,
    network,
    process,
    tell,
    shiftServerClock: (by) => {
      serverSkew += by
    },
    setSource: (next) => {
      failing = next.failing
      slow = next.slow
      failingUntil = next.until
    }
  })

  for (const step of plan.steps) {
    time.after(step.at, () => {
      if ("trouble" in step) trouble(step.trouble)
      else if (step.work._tag === "Write") write(step.work, step.by)
      else read(step.work, step.by)
    })
  }

  // When all is over: every process reads what it has at hand, one of them what the store has, twice. The second time
  // nothing may be loaded any more.
  let isOver = false
  const everything: ReadonlyArray<Pick<Extract<Plan.Work, { _tag: "Read" }>, "kind" | "id">> = [
    ...Array.from({ length: plan.items }, (_, id) => ({ kind: "item", id }) as const),
    ...Array.from({ length: plan.groups }, (_, id) =>
      (["group", "members", "table"] as const).map((kind) => ({ kind, id }))
    ).flat()
  ]
  time.after(Plan.span + 1, () => {
    tell(() => "all is well from here on")
    failing = 0
    slow = 0
    network.setWeather(SimulatedNetwork.fair)
  })
  const readAll = (by: number, how: "default" | "past near", then: () => void): void => {
    let left = by * everything.length
    processes.slice(0, by).forEach((_, index) => {
      for (const { id, kind } of everything) {
        read({ _tag: "Read", kind, id, how, patience: undefined }, index, () => {
          if (--left === 0) then()
        })
      }
    })
  }
  const awaitLookups = (then: () => void, quiet = 0): void => {
    // A machine that crashed never counts down.
    const isQuiet = !isCalm || [...loading.values()].every(({ count }) => count === 0)
    if (quiet === 5) then()
    else time.after(20, () => awaitLookups(then, isQuiet ? quiet + 1 : 0))
  }
  // What its caller gave up may still arrive: what is invalidated so late has to be loaded.
  let isAppended = false
  let ignore = (): void => {}
  const judgeTheStore = (): void => {
    const before = lookups
    readAll(1, "past near", () => {
      ignore()
      if (lookups > before && !isAppended && plan.timeToLive > 1_000) {
        broken("7 one load", `${lookups - before} lookups after everything had been read`)
      }
      awaitLookups(() => {
        const leases = server.keys().filter((key) => key.includes(":#lease:"))
        // A process that died held leases that only time takes back. Nor is a lease given back if the message that gives
        // it back overtakes the one that takes it, when a caller gives up between: within a connection that cannot be.
        if (isCalm && !givesUp && leases.length > 0)
          broken("7 one load", `leases that nobody gave back: ${leases.join(" ")}`)
        for (const check of later) check()
        isOver = true
      })
    })
  }
  const judgeTheEnd = (): void =>
    readAll(processes.length, "default", () => {
      ignore = server.onAppend(() => {
        isAppended = true
      })
      readAll(1, "past near", judgeTheStore)
    })
  const awaitCalm = (): void => {
    const underWay = [...pending].filter(({ isAlive }) => isAlive())
    if (underWay.length === 0) return judgeTheEnd()
    if (time.now() < Plan.span + patience) return void time.after(100, awaitCalm)
    for (const { what } of underWay) broken("9 progress", `${what} has not ended`)
    isOver = true
  }
  // Time for a tail whose last reply was lost to notice, for processes to start, and for stale answers to be excused.
  const hasFailed = plan.steps.some((step) => "trouble" in step && step.trouble._tag === "Source")
  time.after(
    Plan.span + Math.max(plan.settings.maxStaleness + 300, plan.servesStale && hasFailed ? excuse + 200 : 0),
    awaitCalm
  )

  const ended = time.run({ until: () => isOver, limit })
  if (ended !== "over") {
    const waiting = [...pending].map(({ what }) => what)
    broken("9 progress", `the run did not end (${ended}): ${waiting.join(", ")}`)
  }
  return { violations, reads, acknowledged, lookups, trace }
}

const describe = (work: Plan.Reading): string => {
  switch (work._tag) {
    case "Read":
      return `${work.kind}:${work.id} (${work.how})`
    case "ReadMany":
      return `items ${work.ids.join(" ")}${work.isStrong ? " (strong)" : ""}`
    case "Refresh":
      return `items ${work.ids.join(" ")} (refreshed)`
    case "Warm":
      return `items ${work.ids.join(" ")} (warmed)`
    case "Snapshot":
      return `all of group:${work.group} (snapshot)`
  }
}

const shorten = (reply: unknown): string => {
  const text = JSON.stringify(reply) ?? ""
  return text.length > 160 ? `${text.slice(0, 160)}…` : text
}
