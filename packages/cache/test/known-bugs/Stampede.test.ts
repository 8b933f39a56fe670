import { assert, describe, it } from "@effect/vitest"
import { Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Clock, Effect, Fiber, Metric, Schema } from "effect"
import { fork } from "node:child_process"
import { join } from "node:path"
import { eventually, redis } from "../tiers.ts"
import { holdNext, leases, Source, start, topic, worlds } from "./deployment.ts"

for (const [name, world] of Object.entries(worlds)) {
  describe(`known bugs of stampedes, over ${name}`, () => {
    it.live(
      "FusionCache #574, #575 and dotnet/extensions #6759: eight processes with 25 callers each load a key once",
      () =>
        Effect.gen(function* () {
          const { asked } = yield* Source
          const processes = yield* Effect.forEach(Array.from({ length: 8 }), () => start())
          const everyone = (after: number) =>
            Effect.forEach(
              processes.flatMap(({ pages }) => Array.from({ length: 25 }, () => pages.get("a", { after }))),
              (read) => read,
              { concurrency: "unbounded", discard: true }
            )
          const [first] = processes
          assert.isDefined(first)
          for (let round = 1; round <= 3; round++) {
            const position = yield* first.manager.invalidate({ primary: topic })
            const { hasRead, letGo } = yield* holdNext
            const reading = yield* Effect.forkChild(everyone(position))
            yield* hasRead
            yield* Effect.forkChild(letGo)
            yield* Fiber.join(reading)
            assert.strictEqual(asked.length, round)
          }
        }).pipe(Effect.scoped, Effect.provide(world))
    )

    it.live("rueidis PR 1010: a thousand loads that are cancelled at any moment leak no lease and no fiber", () => {
      let fibers = 0
      const counting: Metric.FiberRuntimeMetricsService = {
        recordFiberStart: () => {
          fibers++
        },
        recordFiberEnd: () => {
          fibers--
        }
      }
      return Effect.gen(function* () {
        const source = yield* Source
        let running = 0
        let interrupted = 0
        source.pause = Effect.callback<void>(() => {
          running++
          return Effect.sync(() => {
            running--
            interrupted++
          })
        })
        // A lease that leaked would be waited for longer than the test may last.
        const settings = { lease: 600_000 }
        const [one, two] = [yield* start({ settings }), yield* start({ settings })]
        yield* two.pages.peek("a")
        const before = fibers
        const ids = Array.from({ length: 500 }, (_, index) => `${index}`)
        for (const id of ids) source.pages.set(id, 1)
        yield* Effect.forEach(
          ids,
          Effect.fnUntraced(function* (id, index) {
            const callers = yield* Effect.forEach([one, two], ({ pages }) =>
              Effect.forkChild(index % 7 === 0 ? pages.getMany([id, `${id}:more`]) : pages.find(id))
            )
            // Cancelled while it reads the store, takes its lease, waits for another's, or asks the source.
            for (let turn = 0; turn < index % 40; turn++) yield* Effect.yieldNow
            yield* Effect.forEach(callers, Fiber.interrupt, { concurrency: "unbounded" })
          }),
          { concurrency: 20 }
        )
        yield* eventually(
          Effect.suspend(() => (fibers <= before ? Effect.void : Effect.fail(`${fibers - before} more`)))
        )
        assert.strictEqual(running, 0)
        assert.isAbove(interrupted, 50)
        source.pause = Effect.void
        const found = yield* two.pages.getMany(ids, { timeout: "5 seconds" })
        assert.strictEqual(found.length, ids.length)
        yield* eventually(Effect.filterOrFail(leases, (keys) => keys.length === 0))
      }).pipe(Effect.scoped, Effect.provide(world), Effect.provideService(Metric.FiberRuntimeMetrics, counting))
    })
  })
}

const isReading = Schema.is(Schema.Struct({ reading: Schema.String }))
const isAnswer = Schema.is(Schema.Struct({ answer: Schema.Literal("value") }))

/** A cache in a process of the operating system's own. */
const peer = Effect.fnUntraced(function* (name: string) {
  const { port } = yield* RedisServer
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      fork(join(import.meta.dirname, "../fixtures/peer.ts"), [`${port}`, name], {
        execArgv: ["--conditions=@letletme/source"],
        stdio: ["ignore", "ignore", "inherit", "ipc"]
      })
    ),
    (process) => Effect.sync(() => process.kill("SIGKILL"))
  )
  const hears = (isMeant: (message: unknown) => boolean) =>
    Effect.callback<void>((resume) => {
      const listen = (message: unknown) => {
        if (!isMeant(message)) return
        child.off("message", listen)
        resume(Effect.void)
      }
      child.on("message", listen)
      return Effect.sync(() => child.off("message", listen))
    })
  yield* hears(Schema.is(Schema.Literal("ready")))
  return {
    hears,
    get: (hold: boolean) => Effect.sync(() => child.send({ id: 1, what: "get", hold, position: 0 })),
    kill: Effect.callback<void>((resume) => {
      child.once("exit", () => resume(Effect.void))
      child.kill("SIGKILL")
    })
  }
})

describe("known bugs of leases whose holder died", () => {
  it.live("rueidis PR 1010: kill -9 of the process that loads hands over within one lease", () =>
    Effect.gen(function* () {
      const { set, send } = yield* Redis
      yield* set("truth:k", Buffer.from("value"))
      const [one, two] = yield* Effect.all([peer("one"), peer("two")], { concurrency: 2 })
      const reading = yield* Effect.forkChild(one.hears(isReading))
      yield* one.get(true)
      yield* Fiber.join(reading)
      const [lease = ""] = yield* leases
      const left = Number(yield* send("PTTL", lease))
      assert.isAbove(left, 1_000)
      assert.isAtMost(left, 3_000)
      const killedAt = yield* Clock.currentTimeMillis
      yield* one.kill
      const answered = yield* Effect.forkChild(two.hears(isAnswer))
      yield* two.get(false)
      yield* Fiber.join(answered)
      // Not before the lease ended: until then the one that was killed might only have been slow.
      const took = (yield* Clock.currentTimeMillis) - killedAt
      assert.isAtLeast(took, left - 200)
      assert.isAtMost(took, left + 1_000)
    }).pipe(Effect.scoped, Effect.provide(redis))
  )
})
