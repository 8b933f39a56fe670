/**
 * From the start of a process to its first value, Node's own start included.
 */
import { RedisServer } from "@letletme/testing"
import { Effect } from "effect"
import { Scales, start } from "../contest/Contest.ts"
import { type Findings, rowOf } from "../contest/Findings.ts"

const contestants = [
  { name: "LetLetMe", module: "startup/letletme", isExtra: false },
  { name: "Effect alone", module: "startup/effect", isExtra: false },
  { name: "ioredis", module: "startup/ioredis", isExtra: true },
  { name: "bentocache", module: "startup/bentocache", isExtra: true }
]

export const startup = Effect.gen(function* () {
  const { isQuick, rounds: wanted } = yield* Scales
  const rounds = isQuick ? 1 : wanted
  const { port } = yield* RedisServer
  const found = contestants
    .filter(({ isExtra }) => !isQuick || !isExtra)
    .map((contestant) => ({ contestant, millis: Array<number>() }))
  for (let round = isQuick ? 0 : -1; round < rounds; round++) {
    for (const { contestant, millis } of found) {
      const startedAt = performance.now()
      yield* Effect.scoped(start(contestant, port))
      if (round >= 0) millis.push(performance.now() - startedAt)
    }
  }
  const timesOf = (name: string) => found.find(({ contestant }) => contestant.name === name)?.millis ?? []
  const times = (name: string, other: string) => {
    const others = timesOf(other)
    return timesOf(name).map((millis, round) => millis / (others[round] ?? Number.NaN))
  }
  const findings: Findings = {
    suite: "startup",
    rounds,
    rows: found.map(({ contestant, millis }) => rowOf(contestant.name, "ms to the first value", millis)),
    ratios: [
      { ...rowOf("startup.effect", "× the time", times("LetLetMe", "Effect alone")), bar: undefined },
      ...(isQuick
        ? []
        : [{ ...rowOf("startup.bentocache", "× the time", times("LetLetMe", "bentocache")), bar: undefined }])
    ]
  }
  return findings
})
