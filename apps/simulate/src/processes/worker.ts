/**
 * Carries out seeds in a thread of its own: what it is asked comes as a message, and so does what came of it.
 */
import { Schema } from "effect"
import { parentPort, workerData } from "node:worker_threads"
import { faults, putIn } from "../Fault.ts"
import { Setup, Task } from "../Task.ts"

// An expected failure of a run is thrown away: its stack is not worth the time.
Error.stackTraceLimit = 0

const { fault: name } = Schema.decodeUnknownSync(Setup)(workerData)
const fault = faults.find((one) => one.name === name)
if (fault !== undefined) putIn(fault)

// Only now, so that the fault is in what is loaded.
const { Planner, Simulation } = await import("@letletme/testing")
const simulator = Simulation.make()
const decode = Schema.decodeUnknownSync(Task)

parentPort?.on("message", (message: unknown) => {
  const task = decode(message)
  if (task._tag === "Story") {
    const whole = Planner.make(task.seed)
    const plan = simulator.shrink(whole)
    const { trace, violations } = simulator.run(plan, { isTraced: true })
    parentPort?.postMessage({
      _tag: "Story",
      violations,
      steps: [whole.steps.length, plan.steps.length],
      trace
    })
    return
  }
  const broken: Array<{ readonly seed: number; readonly promise: string; readonly detail: string }> = []
  let reads = 0
  let acknowledged = 0
  let seeds = 0
  for (let seed = task.from; seed < task.from + task.count; seed++) {
    const outcome = simulator.run(Planner.make(seed))
    seeds++
    reads += outcome.reads
    acknowledged += outcome.acknowledged
    const [first] = outcome.violations
    if (first === undefined) continue
    broken.push({ seed, ...first })
    if (task.stopsAtFirst) break
  }
  parentPort?.postMessage({ _tag: "Ran", seeds, reads, acknowledged, broken })
})
