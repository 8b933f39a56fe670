import { assert, describe, it } from "@effect/vitest"
import { CacheManager, ErrorFlow, LiveView, Recovery, Tag } from "@letletme/cache"
import { CacheError, StoreFailed, Unavailable } from "@letletme/cache/CacheError"
import type { Strategy } from "@letletme/cache/ErrorFlow"
import type { Problem, Procedure, RecoveryEvent } from "@letletme/cache/Recovery"
import { RedisServer } from "@letletme/testing"
import { Effect, Fiber, Layer, Option, PubSub, Schedule } from "effect"
import { TestClock } from "effect/testing"
import { redis, tiers } from "./tiers.ts"

const well: Procedure = { check: Effect.succeedNone, remedies: [] }

/** Recovery of one problem, as the test says; the others are well. */
const over = (problem: Problem, procedure: Procedure) =>
  Recovery.layer({
    procedures: { inconsistency: well, performance: well, connection: well, [problem]: procedure },
    patience: "10 seconds"
  })

/** The path that a recovery took, in words. */
const path = (trail: ReadonlyArray<RecoveryEvent>) =>
  trail.map((event) => {
    switch (event._tag) {
      case "Checked":
        return event.finding ?? "well"
      case "Remedied":
        return event.error === undefined ? event.remedy : `${event.remedy} failed: ${event.error}`
      case "Resolved":
        return `resolved after ${event.attempts}`
      case "NeedsPerson":
        return `a person after ${event.attempts}`
    }
  })

/** A problem that lasts until so many remedies were applied. */
const lasting = (times: number, names: ReadonlyArray<string>): Procedure => {
  let left = times
  return {
    check: Effect.sync(() => (left > 0 ? Option.some("it is broken") : Option.none())),
    remedies: names.map((name) => ({
      name,
      apply: Effect.sync(() => {
        left--
      })
    }))
  }
}

const run = (problem: Problem) =>
  Effect.gen(function* () {
    const recovery = yield* Recovery
    const fiber = yield* Effect.forkChild(recovery.run(problem))
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

describe("Recovery", () => {
  it.effect("applies only remedies that may help against what is wrong", () =>
    Effect.gen(function* () {
      const { check, remedies } = lasting(2, ["shed", "evict", "compact"])
      const helping = remedies.map((one) => ({ ...one, helps: Effect.succeed(one.name !== "shed") }))
      const { trail } = yield* run("performance").pipe(
        Effect.provide(over("performance", { check, remedies: helping }))
      )
      assert.deepStrictEqual(path(trail), [
        "it is broken",
        "evict",
        "it is broken",
        "compact",
        "well",
        "resolved after 2"
      ])
      const nothing = remedies.map((one) => ({ ...one, helps: Effect.succeed(false) }))
      const helpless = yield* run("performance").pipe(
        Effect.provide(over("performance", { check: Effect.succeedSome("it is broken"), remedies: nothing }))
      )
      assert.deepStrictEqual(path(helpless.trail), ["it is broken", "a person after 0"])
    })
  )

  it.effect("where nothing is wrong nothing is done", () =>
    Effect.gen(function* () {
      const { resolved, trail } = yield* run("performance")
      assert.isTrue(resolved)
      assert.deepStrictEqual(path(trail), ["well", "resolved after 0"])
    }).pipe(Effect.provide(over("performance", lasting(0, ["evict"]))))
  )

  it.effect("remedies are applied from the mildest, each followed by a check", () =>
    Effect.gen(function* () {
      const { resolved, trail } = yield* run("performance")
      assert.isTrue(resolved)
      assert.deepStrictEqual(path(trail), [
        "it is broken",
        "evict",
        "it is broken",
        "compact",
        "well",
        "resolved after 2"
      ])
    }).pipe(Effect.provide(over("performance", lasting(2, ["evict", "compact", "shed"]))))
  )

  it.effect("after the last attempt it asks for a person, and leaves it at that for a while", () =>
    Effect.gen(function* () {
      const recovery = yield* Recovery
      const events = yield* recovery.events
      const { resolved, trail } = yield* run("inconsistency")
      assert.isFalse(resolved)
      assert.deepStrictEqual(path(trail).at(-1), "a person after 3")
      assert.strictEqual(trail.filter(({ _tag }) => _tag === "Remedied").length, 3)
      assert.deepStrictEqual([...(yield* recovery.unresolved)], [["inconsistency", "it is broken"]])
      assert.deepStrictEqual(yield* PubSub.takeAll(events), [...trail])
      // The pauses between the attempts have taken a part of the minute that it is left alone for.
      yield* recovery.trigger("inconsistency")
      yield* TestClock.adjust("1 second")
      const more = yield* Effect.forkChild(PubSub.take(events))
      yield* Effect.yieldNow
      assert.isUndefined(more.pollUnsafe())
      yield* TestClock.adjust("1 minute")
      yield* recovery.trigger("inconsistency")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(more))._tag, "Checked")
    }).pipe(Effect.scoped, Effect.provide(over("inconsistency", lasting(100, ["rebuild"]))))
  )

  it.effect("a check and a remedy that fail or hang are findings, and end in time", () =>
    Effect.gen(function* () {
      const { resolved, trail } = yield* run("connection")
      assert.isFalse(resolved)
      assert.deepStrictEqual(path(trail).slice(0, 4), [
        "the log is away",
        "reconnect failed: reconnect took longer than 10000 ms",
        "the log is away",
        "fail over failed: no replica"
      ])
    }).pipe(
      Effect.provide(
        over("connection", {
          check: Effect.fail("the log is away"),
          remedies: [
            { name: "reconnect", apply: Effect.never },
            { name: "fail over", apply: Effect.fail("no replica") }
          ]
        })
      )
    )
  )
})

const temporary = new CacheError({ reason: new StoreFailed({ operation: "Reading", temporary: true, cause: "away" }) })
const permanent = new CacheError({ reason: new Unavailable({ key: "k", because: "overloaded", detail: "busy" }) })
const unknown = "nobody knows this error"

/** The flow over a recovery whose events tell what was triggered. */
const flow = (strategy: Strategy) =>
  ErrorFlow.layer({ strategies: { team: strategy }, retry: Schedule.recurs(2) }).pipe(
    Layer.provideMerge(over("connection", well))
  )

const handle = (effect: Effect.Effect<string, unknown>) =>
  Effect.gen(function* () {
    const errors = yield* ErrorFlow
    const steps = yield* errors.steps
    const answer = yield* Effect.result(
      errors.handle(effect, {
        domain: "team",
        operation: "read",
        stale: Effect.succeedSome("stale"),
        source: Effect.succeed("of the source"),
        default: () => "default"
      })
    )
    // What was not told never comes: the queue holds every step.
    const trail = (yield* PubSub.takeUpTo(steps, 256)).map((step) => {
      switch (step._tag) {
        case "Classified":
          return step.kind
        case "Retried":
          return `retry ${step.attempt}`
        case "FellBack":
          return `${step.strategy} ${step.helped ? "helped" : "did not help"}`
        case "Counted":
          return `counted ${step.times}`
        case "Triggered":
          return `recovery of ${step.problem}`
      }
    })
    return { answer: answer._tag === "Success" ? answer.success : answer.failure, trail }
  }).pipe(Effect.scoped)

describe("ErrorFlow", () => {
  it.effect("an effect that succeeds takes no step", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* handle(Effect.succeed("fresh")), { answer: "fresh", trail: [] })
    }).pipe(Effect.provide(flow("stale")))
  )

  it.effect("temporary: it is tried again, and what helps is the answer", () =>
    Effect.gen(function* () {
      let tries = 0
      const { answer, trail } = yield* handle(
        Effect.suspend(() => (++tries < 3 ? Effect.fail(temporary) : Effect.succeed("fresh")))
      )
      assert.strictEqual(answer, "fresh")
      assert.deepStrictEqual(trail, ["temporary", "retry 2", "temporary", "retry 3"])
    }).pipe(Effect.provide(flow("fail")))
  )

  for (const [strategy, expected] of [
    ["stale", "stale"],
    ["source", "of the source"],
    ["default", "default"]
  ] as const) {
    it.effect(`temporary, and retries did not help: ${strategy} answers, and the connection is recovered`, () =>
      Effect.gen(function* () {
        const { answer, trail } = yield* handle(Effect.fail(temporary))
        assert.strictEqual(answer, expected)
        assert.deepStrictEqual(trail, [
          "temporary",
          "retry 2",
          "temporary",
          "retry 3",
          "temporary",
          `${strategy} helped`,
          "counted 1",
          "recovery of connection"
        ])
      }).pipe(Effect.provide(flow(strategy)))
    )
  }

  it.effect("permanent: it is not tried again; fail is the error, and nothing of this cache can be recovered", () =>
    Effect.gen(function* () {
      const { answer, trail } = yield* handle(Effect.fail(unknown))
      assert.strictEqual(answer, unknown)
      assert.deepStrictEqual(trail, ["permanent", "fail did not help", "counted 1"])
      yield* handle(Effect.fail(unknown))
      yield* handle(Effect.fail(permanent))
      const errors = yield* ErrorFlow
      assert.deepStrictEqual(yield* errors.counts, { team: { permanent: 2, temporary: 1 } })
    }).pipe(Effect.provide(flow("fail")))
  )

  it.effect("a domain without a strategy, and a strategy without an answer, leave the error", () =>
    Effect.gen(function* () {
      const errors = yield* ErrorFlow
      const plan = { operation: "read", stale: Effect.succeedNone }
      assert.strictEqual(yield* Effect.flip(errors.handle(Effect.fail(unknown), { ...plan, domain: "match" })), unknown)
      assert.strictEqual(yield* Effect.flip(errors.handle(Effect.fail(unknown), { ...plan, domain: "team" })), unknown)
    }).pipe(Effect.provide(flow("stale")))
  )
})

describe("Recovery of a cache", () => {
  for (const [name, tier] of Object.entries(tiers)) {
    it.live(`over ${name}: an invalidation that works takes no step, and the connection is well`, () =>
      Effect.gen(function* () {
        const live = yield* LiveView
        const manager = yield* CacheManager
        const connection: Procedure = { check: Effect.as(live.catchUp, Option.none()), remedies: [] }
        const program = Effect.gen(function* () {
          const errors = yield* ErrorFlow
          const { run } = yield* Recovery
          const invalidate = manager.invalidate({ primary: Tag.of("team", "1") })
          assert.isAbove(yield* errors.handle(invalidate, { domain: "team", operation: "invalidate" }), 0)
          assert.deepStrictEqual(path((yield* run("connection")).trail), ["well", "resolved after 0"])
        })
        const layer = ErrorFlow.layer().pipe(Layer.provideMerge(over("connection", connection)))
        yield* Effect.provide(program, layer)
      }).pipe(Effect.provide(tier()))
    )
  }

  it.live("over redis: the server dies, the flow triggers recovery, and recovery ends when the server is back", () =>
    Effect.gen(function* () {
      const live = yield* LiveView
      const manager = yield* CacheManager
      const server = yield* RedisServer
      const connection: Procedure = {
        check: Effect.as(live.catchUp, Option.none()),
        remedies: [{ name: "reconnect", apply: server.start }]
      }
      const program = Effect.gen(function* () {
        const errors = yield* ErrorFlow
        const events = yield* Recovery.use((recovery) => recovery.events)
        yield* server.kill
        const invalidate = manager.invalidate({ primary: Tag.of("team", "1") })
        yield* Effect.flip(errors.handle(invalidate, { domain: "team", operation: "invalidate" }))
        const trail: Array<RecoveryEvent> = []
        while (trail.at(-1)?._tag !== "Resolved") trail.push(yield* PubSub.take(events))
        assert.include(path(trail), "reconnect")
        assert.strictEqual(path(trail).at(-2), "well")
        yield* errors.handle(invalidate, { domain: "team", operation: "invalidate" })
      })
      const layer = ErrorFlow.layer().pipe(Layer.provideMerge(over("connection", connection)))
      yield* Effect.provide(Effect.scoped(program), layer)
    }).pipe(Effect.provide(CacheManager.layerRedis.pipe(Layer.provideMerge(redis))))
  )
})
