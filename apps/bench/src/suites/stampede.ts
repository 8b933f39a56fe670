/**
 * Many want one cold key at once: a thousand callers in one process, and 250 in each of four.
 */
import { RedisServer } from "@letletme/testing"
import { Effect } from "effect"
import { type Running, Scales, start } from "../contest/Contest.ts"
import type { Sample } from "../contest/Contestant.ts"
import { type Findings, type Row, rowOf } from "../contest/Findings.ts"

const peers = [
  { name: "LetLetMe", module: "stampede/letletme" },
  { name: "bentocache", module: "stampede/bentocache" },
  { name: "cacheable", module: "stampede/cacheable" }
]

const loadMillis = 50

export const stampede = Effect.gen(function* () {
  const { isQuick, rounds } = yield* Scales
  const { port } = yield* RedisServer
  const teams = yield* Effect.forEach([1, 4], (processes) =>
    Effect.forEach(isQuick ? peers.slice(0, 1) : peers, ({ module, name }) =>
      Effect.map(
        Effect.forEach(
          Array.from({ length: processes }, (_, index) => `${name} ${index + 1}`),
          (own) => start({ name: own, module, args: [`${1_000 / processes}`] }, port),
          { concurrency: 2 }
        ),
        (running) => ({
          peer: name,
          processes,
          running,
          loads: Array<number>(),
          millis: Array<number>(),
          waits: Array<number>()
        })
      )
    )
  )
  const together = (running: ReadonlyArray<Running>, round: number) =>
    Effect.forEach(running, (one) => one.run("stampede", round), { concurrency: "unbounded" })
  for (let round = -1; round < rounds; round++) {
    for (const { loads, millis, running, waits } of teams.flat()) {
      const samples: ReadonlyArray<Sample> = yield* together(running, round)
      if (round < 0) continue
      loads.push(samples.reduce((sum, { values }) => sum + (values["loads"] ?? 0), 0))
      millis.push(Math.max(...samples.map(({ wallMicros }) => wallMicros)) / 1_000 - loadMillis)
      const of = (name: string) => samples.map(({ values }) => values[name] ?? 0)
      waits.push(Math.max(...of("answeredAt")) - Math.min(...of("filledAt")))
    }
    yield* Effect.logInfo(`Round ${round + 1} of ${rounds}`)
  }
  const all = teams.flat()
  const rows: ReadonlyArray<Row> = all.flatMap(({ loads, millis, peer, processes }) => {
    const name = `${peer} · ${processes === 1 ? "1 process × 1,000" : "4 processes × 250"} callers`
    return [rowOf(name, "loads", loads), rowOf(name, "ms beyond the load itself", millis)]
  })
  const loadsOf = (processes: number) =>
    all.find((team) => team.peer === "LetLetMe" && team.processes === processes)?.loads ?? []
  const waitsOf = (processes: number) =>
    all.find((team) => team.peer === "LetLetMe" && team.processes === processes)?.waits ?? []
  const findings: Findings = {
    suite: "stampede",
    rounds,
    rows,
    ratios: [
      { ...rowOf("stampede.loads1p", "loads of one key", loadsOf(1)), bar: { atMost: 1 } },
      { ...rowOf("stampede.loads4p", "loads of one key", loadsOf(4)), bar: { atMost: 1 } },
      { ...rowOf("stampede.waits1p", "ms from the fill to the last answer", waitsOf(1)), bar: { atMost: 10 } },
      { ...rowOf("stampede.waits4p", "ms from the fill to the last answer", waitsOf(4)), bar: { atMost: 10 } }
    ]
  }
  return findings
})
