/**
 * Answers at hand over HTTP, asked for on 64 connections: the read API, and servers that only know the bytes.
 */
import { Effect } from "effect"
import { type Contestant, run } from "../contest/Contest.ts"
import { compare, type Findings, rowsOf } from "../contest/Findings.ts"
import { paths } from "./http/Season.ts"

const contestants: ReadonlyArray<Contestant> = [
  { name: "LetLetMe", module: "http/letletme" },
  { name: "node:http", module: "http/node" },
  { name: "Effect's HttpServer", module: "http/effect", isExtra: true }
]

const tasks = Object.keys(paths)

export const http = Effect.gen(function* () {
  const names = contestants.map(({ name }) => name)
  const rounds = yield* run(
    contestants,
    tasks.map((task) => ({ task, contestants: names }))
  )
  const against = (name: string, other: string, atLeast?: number) =>
    tasks.flatMap((task) =>
      compare(
        rounds,
        `http.${name}.${task.replace(/^.* /, "")}`,
        ["LetLetMe", task],
        [[other, task]],
        atLeast === undefined ? undefined : { atLeast }
      )
    )
  const findings: Findings = {
    suite: "http",
    rounds: rounds.length,
    rows: rowsOf(rounds),
    ratios: [...against("node", "node:http", 0.7), ...against("effect", "Effect's HttpServer")]
  }
  return findings
})
