import { assert, describe, it } from "@effect/vitest"
import { Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Deferred, Effect, Queue, Schema } from "effect"
import { fork } from "node:child_process"
import { join } from "node:path"
import { redis } from "./tiers.ts"

const Reading = Schema.Struct({ reading: Schema.String })
const Answer = Schema.Struct({ id: Schema.Int, answer: Schema.Union([Schema.String, Schema.Int]) })
const isReading = Schema.is(Reading)
const isAnswer = Schema.is(Answer)

type What = "get" | "strong" | "after" | "invalidate" | "release"

/** A peer in a process of its own, killed with the scope. */
const peer = Effect.fnUntraced(function* (name: string) {
  const { port } = yield* RedisServer
  const readings = yield* Queue.unbounded<string>()
  const answers = new Map<number, Deferred.Deferred<string | number>>()
  const ready = yield* Deferred.make<void>()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      fork(join(import.meta.dirname, "fixtures/peer.ts"), [`${port}`, name], {
        execArgv: ["--conditions=@letletme/source"],
        stdio: ["ignore", "ignore", "inherit", "ipc"]
      })
    ),
    (process) => Effect.sync(() => process.kill("SIGKILL"))
  )
  child.on("message", (message: unknown) => {
    if (message === "ready") Deferred.doneUnsafe(ready, Effect.void)
    else if (isReading(message)) Queue.offerUnsafe(readings, message.reading)
    else if (isAnswer(message)) {
      const waiting = answers.get(message.id)
      if (waiting !== undefined) Deferred.doneUnsafe(waiting, Effect.succeed(message.answer))
    }
  })
  yield* Deferred.await(ready)
  let next = 0
  /** Sends an order, and answers where its answer will be. */
  const order = (what: What, options?: { readonly hold?: boolean; readonly position?: number }) =>
    Effect.sync(() => {
      const id = ++next
      const answer = Deferred.makeUnsafe<string | number>()
      answers.set(id, answer)
      child.send({ id, what, hold: options?.hold ?? false, position: options?.position ?? 0 })
      return answer
    })
  const ask = (what: What, options?: { readonly position?: number }) =>
    Effect.flatMap(order(what, options), Deferred.await)
  return { order, ask, readings }
})

const trials = 50

describe("two processes on one Redis", () => {
  it.live("a fill that was overtaken is served by neither, and a later caller does not wait for it", () =>
    Effect.gen(function* () {
      const { set } = yield* Redis
      const [a, b] = yield* Effect.all([peer("a"), peer("b")], { concurrency: 2 })
      for (let trial = 0; trial < trials; trial++) {
        const [old, young] = [`old ${trial}`, `young ${trial}`]
        yield* set("truth:k", Buffer.from(old))
        yield* a.ask("invalidate")
        // A has read the old value and holds the lease; B changes the truth and invalidates.
        const early = yield* a.order("strong", { hold: true })
        assert.strictEqual(yield* Queue.take(a.readings), old)
        yield* set("truth:k", Buffer.from(young))
        const position = Number(yield* b.ask("invalidate"))
        // A's load is still under way: neither B nor a later caller of A waits for it.
        assert.strictEqual(yield* b.ask("get"), young)
        assert.strictEqual(yield* a.ask("after", { position }), young)
        yield* a.ask("release")
        yield* Deferred.await(early)
        assert.strictEqual(yield* b.ask("get"), young)
        assert.strictEqual(yield* b.ask("strong"), young)
        assert.strictEqual(yield* a.ask("get"), young)
        assert.strictEqual(yield* a.ask("strong"), young)
      }
    }).pipe(Effect.scoped, Effect.provide(redis))
  )
})
