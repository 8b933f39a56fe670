/**
 * What an entry takes beside its value: in the process, in Redis; and what a mark takes in the view.
 */
import { RedisServer } from "@letletme/testing"
import { Effect } from "effect"
import { type Running, Scales, start } from "../contest/Contest.ts"
import { type Findings, type Row, rowOf } from "../contest/Findings.ts"
import { info } from "../contest/Server.ts"

export const memory = Effect.gen(function* () {
  const { isQuick } = yield* Scales
  const { port } = yield* RedisServer
  const rounds = isQuick ? 1 : 7
  const count = isQuick ? 10_000 : 50_000
  const found = new Map<string, Array<number>>()
  const note = (name: string, value: number) => {
    found.set(name, [...(found.get(name) ?? []), value])
  }
  const bytesInRedis = Effect.map(info("used_memory_dataset"), Number)

  // Each process measures once: what a round before left behind would be part of the next.
  const measured = (module: string, task: string, amount: number) =>
    Effect.scoped(
      Effect.gen(function* () {
        const running = yield* start({ name: module, module }, port)
        const { values } = yield* running.run(task, amount)
        return values["bytesEach"] ?? Number.NaN
      })
    )

  yield* Effect.scoped(
    Effect.gen(function* () {
      const plain = yield* start({ name: "plain", module: "memory/plain" }, port)
      const ours = yield* start({ name: "LetLetMe", module: "memory/letletme" }, port)
      const taken = Effect.fnUntraced(function* (running: Running, task: string) {
        const before = yield* bytesInRedis
        yield* running.run(task, count)
        return ((yield* bytesInRedis) - before) / count
      })
      const json = yield* taken(plain, "json")
      const payload = yield* taken(plain, "payload")
      const entry = yield* taken(ours, "store")
      note("Redis · SET of the value's JSON", json)
      note("Redis · SET of the same payload", payload)
      note("Redis · LetLetMe", entry)
      note("memory.redisOverheadBytes", entry - payload)
      note("memory.redisBesideJsonBytes", entry - json)
    })
  )
  for (let round = 0; round < rounds; round++) {
    const values = yield* measured("memory/plain", "values", count)
    const ours = yield* measured("memory/letletme", "read", count)
    note("process · the values alone", values)
    note("process · LetLetMe", ours)
    note("memory.l1OverheadBytes", ours - values)
    for (const task of isQuick ? [] : ["lru-cache", "Effect Cache"]) {
      note(`process · ${task}`, yield* measured("memory/plain", task, count))
    }
    note("memory.viewBytesPerTag", yield* measured("memory/letletme", "marks", isQuick ? 10_000 : 90_000))
    yield* Effect.logInfo(`Round ${round + 1} of ${rounds}`)
  }
  const row = (name: string, metric: string): Row => rowOf(name, metric, found.get(name) ?? [])
  const findings: Findings = {
    suite: "memory",
    rounds,
    rows: [...found.keys()].filter((name) => !name.startsWith("memory.")).map((name) => row(name, "bytes each")),
    ratios: [
      { ...row("memory.l1OverheadBytes", "bytes an entry, beside its value"), bar: { atMost: 200 } },
      { ...row("memory.redisOverheadBytes", "bytes an entry, beside a SET of its payload"), bar: { atMost: 120 } },
      { ...row("memory.redisBesideJsonBytes", "bytes an entry, beside a SET of its JSON"), bar: undefined },
      { ...row("memory.viewBytesPerTag", "bytes a mark"), bar: undefined }
    ]
  }
  return findings
})
