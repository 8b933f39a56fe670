/**
 * Simulated time and simulated machines: the Effect runtime, driven by a queue of events instead of the event loop.
 *
 * Nothing here waits: when every fiber is idle, time jumps to the next event. One run takes place within one tick of
 * JavaScript, so that the order of all that happens is the order in which it was put into the queue, every time.
 *
 * @see https://apple.github.io/foundationdb/testing.html - deterministic simulation
 */
import { Clock, Context, Duration, Effect, type Fiber, Random, References, Scheduler } from "effect"
import TinyQueue from "tinyqueue"

interface Timer {
  readonly at: number
  readonly order: number
  readonly task: () => void
  isCancelled: boolean
}

/** A machine of its own clock, whose fibers run only while it is alive and not paused. */
export interface Machine {
  readonly isAlive: () => boolean
  /** Begins a fiber on this machine, with its clock, its scheduler and its source of chance. */
  readonly start: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  /** Does something on this machine: now, once it is no longer paused, or never if it crashed. */
  readonly deliver: (task: () => void) => void
  /** Ends it without warning: no fiber of it runs again, not even a finalizer. */
  readonly crash: () => void
  /** Stops it, as SIGSTOP or a long collection of garbage does; what is due meanwhile happens after {@link resume}. */
  readonly pause: () => void
  readonly resume: () => void
  /** Sets its clock forward or back by so many milliseconds. */
  readonly shiftClock: (millis: number) => void
}

/** Simulated time. Make one with {@link make}. */
export interface VirtualTime {
  /** Milliseconds since the beginning of the run: the time that no machine knows. */
  readonly now: () => number
  /** Does something after so many milliseconds, whatever becomes of the machines. Answers how to cancel it. */
  readonly after: (millis: number, task: () => void) => () => void
  /** Makes a machine whose clock is ahead by `skew` milliseconds. */
  readonly machine: (options: { readonly skew: number; readonly seed: number }) => Machine
  /** Lets time pass until nothing is left to happen, `isOver`, or the limit in milliseconds is reached. */
  readonly run: (options: { readonly until: () => boolean; readonly limit: number }) => "over" | "idle" | "limit"
}

/** Numbers that only look like chance: the same for the same seed (Mulberry32). */
export const chance = (seed: number): Random.Random & { readonly below: (bound: number) => number } => {
  let state = seed | 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  return {
    nextDoubleUnsafe: next,
    nextIntUnsafe: () => Math.floor((next() - 0.5) * 2 ** 53),
    below: (bound) => Math.floor(next() * bound)
  }
}

/** When each run begins, on a clock that is right (epoch ms). */
export const epoch = Date.UTC(2030, 0, 1)

/** Begins a run. */
export const make = (): VirtualTime => {
  let time = 0
  let order = 0
  const timers = new TinyQueue<Timer>([], (a, b) => a.at - b.at || a.order - b.order)
  // What runs before time goes on.
  let ready: Array<() => void> = []

  const after = (millis: number, task: () => void): (() => void) => {
    const timer = { at: time + Math.max(0, millis), order: order++, task, isCancelled: false }
    timers.push(timer)
    return () => {
      timer.isCancelled = true
    }
  }

  const machine: VirtualTime["machine"] = (options) => {
    let skew = options.skew
    let state: "running" | "paused" | "dead" = "running"
    let held: Array<() => void> = []

    const deliver = (task: () => void): void => {
      if (state === "running") task()
      else if (state === "paused") held.push(task)
    }

    const scheduler = new Scheduler.MixedScheduler("async", (task) => {
      let isCancelled = false
      ready.push(() => deliver(() => (isCancelled ? undefined : task())))
      return () => {
        isCancelled = true
      }
    })

    const nowUnsafe = () => Math.floor(epoch + time + skew)
    const nanosUnsafe = () => BigInt(Math.floor(time * 1_000_000))
    const clock: Clock.Clock = {
      currentTimeMillisUnsafe: nowUnsafe,
      currentTimeMillis: Effect.sync(nowUnsafe),
      currentTimeNanosUnsafe: () => BigInt(nowUnsafe()) * 1_000_000n,
      currentTimeNanos: Effect.sync(() => BigInt(nowUnsafe()) * 1_000_000n),
      monotonicTimeNanosUnsafe: nanosUnsafe,
      monotonicTimeNanos: Effect.sync(nanosUnsafe),
      sleep: (duration) =>
        Effect.callback((resume) => {
          const millis = Duration.toMillis(duration)
          if (!Number.isFinite(millis)) return
          const cancel = after(millis, () => deliver(() => resume(Effect.void)))
          return Effect.sync(cancel)
        })
    }

    const context = Context.empty().pipe(
      Context.add(Clock.Clock, clock),
      Context.add(Random.Random, chance(options.seed)),
      Context.add(Scheduler.Scheduler, scheduler),
      Context.add(References.MinimumLogLevel, "None")
    )

    return {
      isAlive: () => state !== "dead",
      start: (effect) => Effect.runForkWith(context)(effect, { scheduler }),
      deliver,
      crash: () => {
        state = "dead"
        held = []
      },
      pause: () => {
        if (state === "running") state = "paused"
      },
      resume: () => {
        if (state !== "paused") return
        state = "running"
        const due = held
        held = []
        ready.push(...due.map((task) => () => deliver(task)))
      },
      shiftClock: (millis) => {
        skew += millis
      }
    }
  }

  return {
    now: () => time,
    after,
    machine,
    run: ({ until, limit }) => {
      while (true) {
        while (ready.length > 0) {
          const tasks = ready
          ready = []
          for (const task of tasks) task()
        }
        if (until()) return "over"
        const next = timers.pop()
        if (next === undefined) return "idle"
        if (next.isCancelled) continue
        if (next.at > limit) return "limit"
        time = next.at
        next.task()
      }
    }
  }
}
