/**
 * What the warmer does by itself against too much load, and against a connection that leads to the wrong server.
 */
import { assert, describe, it } from "@effect/vitest"
import {
  CacheManager,
  DependencyGraph,
  DomainCache,
  Integrity,
  Leadership,
  LiveView,
  Lookup,
  Recovery,
  Tuning
} from "@letletme/cache"
import { CacheError, StoreFailed } from "@letletme/cache/CacheError"
import type { RecoveryEvent } from "@letletme/cache/Recovery"
import { SeasonSync } from "@letletme/fpl"
import { type Connection, Redis } from "@letletme/redis"
import * as Recoveries from "@letletme/warmer/Recoveries"
import { Context, Deferred, Effect, Fiber, Layer, PubSub, Schema, SubscriptionRef } from "effect"
import { TestClock } from "effect/testing"

const path = (trail: ReadonlyArray<RecoveryEvent>) =>
  trail.map((event) => (event._tag === "Remedied" ? event.remedy : event._tag))

/** A source that answers once it is let. */
class Gate extends Context.Service<Gate, Deferred.Deferred<void>>()("test/Recoveries/Gate") {
  static readonly layer = Layer.effect(this, Deferred.make<void>())
}

const graph = DependencyGraph.make({ team: [] })

class Teams extends DomainCache.Service<Teams>()("test/Recoveries/Teams", {
  graph,
  domain: "team",
  id: Schema.String,
  value: Schema.String,
  timeToLive: "metadata",
  lookup: (id: string) => Gate.use((gate) => Effect.as(Deferred.await(gate), Lookup.found(`team ${id}`)))
}) {}

/** Nothing here is published. */
const sync = Layer.succeed(
  SeasonSync,
  SeasonSync.of({ poll: Effect.die("It is not polled"), publish: () => Effect.die("Nothing is published") })
)

/** The warmer's procedures over a cache in memory that asks its source for two things at once. */
const cache = Teams.layer.pipe(
  Layer.provideMerge(Gate.layer),
  Layer.provideMerge(CacheManager.layerMemory),
  Layer.provideMerge(Tuning.layer({ maxLookups: 2 }))
)
const procedures = Layer.provideMerge(Recoveries.layerTriggers, Recoveries.layer).pipe(
  Layer.provideMerge(Layer.mergeAll(Integrity.layer(graph, Effect.succeed([])), Leadership.layer({}), sync))
)

describe("the warmer's recovery", () => {
  it.effect("sheds load where more wait than may run, once one had to be refused", () =>
    Effect.gen(function* () {
      const manager = yield* CacheManager
      const teams = yield* Teams
      const recovery = yield* Recovery
      const events = yield* recovery.events
      const waiting = yield* Effect.forEach(
        Array.from({ length: 22 }, (_, index) => `${index}`),
        // One after the other: those of one tick would ask the source as a group, two at a time.
        (id, index) =>
          Effect.tap(Effect.forkChild(teams.get(id)), () =>
            Effect.repeat(Effect.andThen(TestClock.adjust("1 millis"), manager.load), {
              until: ({ running, waiting }) => running + waiting === index + 1
            })
          )
      )
      assert.deepStrictEqual(yield* manager.load, { running: 2, waiting: 20, isShedding: false })
      assert.include((yield* Effect.flip(teams.get("too many"))).message, "22 lookups already run or wait")
      const trail = [yield* PubSub.take(events), yield* PubSub.take(events)]
      assert.deepStrictEqual(path(trail), ["Checked", "shed load"])
      assert.isTrue((yield* manager.load).isShedding)

      yield* Deferred.succeed(yield* Gate, undefined)
      for (const fiber of waiting) yield* Fiber.join(fiber)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(path(yield* PubSub.takeUpTo(events, 16)).at(-1), "Resolved")
    }).pipe(Effect.scoped, Effect.provide(procedures.pipe(Layer.provideMerge(cache))))
  )

  it.effect("fails over where reconnecting did not help", () => {
    // A name that leads to a server which was replaced, until it is asked for anew.
    let leadsTo = "the former"
    const connection: Effect.Effect<Connection> = Effect.map(
      SubscriptionRef.make<Effect.Success<Redis["Service"]["currentState"]>>({ _tag: "Ready" }),
      (state) => ({
        send: () => Effect.succeed(null),
        state,
        reset: Effect.sync(() => {
          leadsTo = "the present"
        }),
        subscribe: () => Effect.void
      })
    )
    const gone = new CacheError({
      reason: new StoreFailed({ operation: "Catching up", temporary: true, cause: "it is replaced" })
    })
    const live = Layer.effect(
      LiveView,
      Effect.map(LiveView, (view) => ({
        ...view,
        catchUp: Effect.suspend(() => (leadsTo === "the present" ? Effect.void : Effect.fail(gone)))
      }))
    )
    return Effect.gen(function* () {
      const recovery = yield* Recovery
      const running = yield* Effect.forkChild(recovery.run("connection"))
      yield* TestClock.adjust("1 minute")
      const { resolved, trail } = yield* Fiber.join(running)
      assert.isTrue(resolved)
      assert.deepStrictEqual(path(trail), ["Checked", "reconnect", "Checked", "fail over", "Checked", "Resolved"])
    }).pipe(
      Effect.scoped,
      Effect.provide(
        procedures.pipe(
          Layer.provideMerge(live),
          Layer.provideMerge(cache),
          Layer.provide(Redis.layerOver(() => connection))
        )
      )
    )
  })
})
