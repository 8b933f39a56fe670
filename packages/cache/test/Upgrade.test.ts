/**
 * Releases side by side on one Redis, while one after the other is replaced: nothing is misread, and no invalidation
 * lost.
 */
import { assert, describe, it } from "@effect/vitest"
import { Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Deferred, Effect, Exit, Schema, Scope, Stream } from "effect"
import { fork } from "node:child_process"
import { join } from "node:path"
import type { Release } from "./fixtures/releases.ts"
import { redis } from "./tiers.ts"

const isAnswer = Schema.is(Schema.Struct({ id: Schema.Int, answer: Schema.Int, error: Schema.String }))

type What = "read" | "strong" | "invalidate" | "update" | "corrupt"

interface Node {
  readonly release: Release
  readonly ask: (what: What, team?: string, version?: number) => Effect.Effect<number>
  readonly stop: Effect.Effect<void>
}

/** A process of a release, killed with the scope or before. */
const start = Effect.fnUntraced(function* (release: Release) {
  const { port } = yield* RedisServer
  const scope = yield* Scope.fork(yield* Effect.scope)
  const ready = yield* Deferred.make<void>()
  const answers = new Map<number, Deferred.Deferred<number>>()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      fork(join(import.meta.dirname, "fixtures/released.ts"), [release, `${port}`], {
        execArgv: ["--conditions=@letletme/source"],
        stdio: ["ignore", "ignore", "inherit", "ipc"]
      })
    ),
    (process) => Effect.sync(() => process.kill("SIGKILL"))
  ).pipe(Scope.provide(scope))
  child.on("message", (message: unknown) => {
    if (message === "ready") Deferred.doneUnsafe(ready, Effect.void)
    if (!isAnswer(message)) return
    const { answer, error, id } = message
    const waiting = answers.get(id)
    if (waiting !== undefined) Deferred.doneUnsafe(waiting, error === "" ? Effect.succeed(answer) : Effect.die(error))
  })
  yield* Deferred.await(ready)
  let next = 0
  const node: Node = {
    release,
    ask: (what, team = "", version = 0) =>
      Effect.suspend(() => {
        const id = ++next
        const answer = Deferred.makeUnsafe<number>()
        answers.set(id, answer)
        child.send({ id, what, team, version })
        return Deferred.await(answer)
      }),
    stop: Scope.close(scope, Exit.void)
  }
  return node
})

const teams = Array.from({ length: 4 }, (_, index) => `${index}`)

/** What the source holds, and how it comes to hold more. */
const world = Effect.gen(function* () {
  const source = yield* Redis
  const versions = new Map(teams.map((team) => [team, 0]))
  let turn = 0

  /** Every node in turn changes every team, by an invalidation or an update; then all of them read it. */
  const exercise = Effect.fnUntraced(function* (nodes: ReadonlyArray<Node>, rounds: number) {
    for (let round = 0; round < rounds; round++) {
      for (const team of teams) {
        const writer = nodes[turn % nodes.length]
        const isUpdate = turn++ % 3 === 0
        if (writer === undefined) continue
        // Held by all, fresh, before it is changed.
        yield* Effect.forEach(nodes, (node) => node.ask("read", team), { concurrency: "unbounded" })
        const version = (versions.get(team) ?? 0) + 1
        versions.set(team, version)
        yield* source.set(`source:${team}`, Buffer.from(`${version}`))
        const position = yield* writer.ask(isUpdate ? "update" : "invalidate", team, version)
        assert.isAtLeast(position, 0)
        const found = yield* Effect.forEach(nodes, (node) => node.ask("strong", team), { concurrency: "unbounded" })
        const expected = nodes.map(() => version)
        assert.deepStrictEqual(
          found,
          expected,
          `team ${team}, by ${writer.release}: ${nodes.map(({ release }) => release).join(", ")}`
        )
        // Nobody reads what was before, either, who has heard of the change by a strong read.
        const later = yield* Effect.forEach(nodes, (node) => node.ask("read", team), { concurrency: "unbounded" })
        assert.deepStrictEqual(later, expected)
      }
    }
  })
  const corrupt = (nodes: ReadonlyArray<Node>) => Effect.forEach(nodes, (node) => node.ask("corrupt"))
  return { exercise, corrupt }
})

describe("an upgrade while all goes on", () => {
  it.live("by way of a release that reads both formats: every entry is read by every process", () =>
    Effect.gen(function* () {
      const { corrupt, exercise } = yield* world
      const [a, b] = yield* Effect.all([start("present"), start("present")], { concurrency: 2 })
      yield* exercise([a, b], 1)
      let nodes = [a, b]
      for (const release of ["between", "next"] as const) {
        for (const place of [0, 1]) {
          const replaced = nodes[place]
          const started = yield* start(release)
          // Three of them, until the old one goes.
          yield* exercise([...nodes, started], 1)
          if (replaced !== undefined) yield* replaced.stop
          nodes = nodes.with(place, started)
          assert.deepStrictEqual(yield* corrupt(nodes), [0, 0])
        }
      }
      const { get, scan } = yield* Redis
      const keys = yield* Stream.runCollect(scan("letletme:team:*"))
      const heads = yield* Effect.forEach(keys.flat(), (key) =>
        Effect.map(get(key), (bytes) => Buffer.from(bytes ?? []).toString("latin1", 0, 4))
      )
      assert.include(heads, "LLC2")
    }).pipe(Effect.scoped, Effect.provide(redis))
  )

  it.live("that leaves that release out: what one cannot read it loads, and nothing is misread", () =>
    Effect.gen(function* () {
      const { corrupt, exercise } = yield* world
      const nodes = yield* Effect.all([start("present"), start("next")], { concurrency: 2 })
      yield* exercise(nodes, 3)
      const [unreadable = 0] = yield* corrupt(nodes)
      assert.isAbove(unreadable, 0)
    }).pipe(Effect.scoped, Effect.provide(redis))
  )
})
