/**
 * The metrics of the process beside those of its cache.
 */
import { Instruments as Cache, type Meter } from "@letletme/cache"

const gauge = (name: string, unit: string, description: string): Meter.Instrument<never> => ({
  name,
  kind: "gauge",
  unit,
  description,
  labels: []
})

export const sourceAge = gauge("letletme.warmer.source.age", "s", "Since the source last answered this process")
export const sourceFailing = gauge("letletme.warmer.source.failing", "{source}", "1 where the last poll failed")
export const ready = gauge("letletme.warmer.ready", "{process}", "1 once this process has warmed the cache")
export const memory = gauge("process.memory.usage", "By", "The process's memory, as the system counts it")
export const heap = gauge("v8js.memory.heap.used", "By", "What of it JavaScript's values take")
export const uptime = gauge("process.uptime", "s", "Since the process began")

/** All of them, and those of the cache. */
export const all: ReadonlyArray<Meter.Instrument> = [
  ...Cache.all,
  sourceAge,
  sourceFailing,
  ready,
  memory,
  heap,
  uptime
]
