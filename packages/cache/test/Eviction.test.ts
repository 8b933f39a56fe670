import { assert, describe, it } from "@effect/vitest"
import { Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Array as Arr, Effect, Layer } from "effect"
import { ordeal } from "./ordeal.ts"

/** One connection for each that is built. */
const connection = (port: number) => Layer.fresh(Redis.layer({ port }))

const table = "{letletme}:table"

/** Fills the server far beyond what it may hold, and answers how many keys it evicted for that. */
const pressure = (policy: string) =>
  Effect.gen(function* () {
    const { pipeline, send } = yield* Redis
    const hget = (field: string) => Effect.map(send("HGET", table, field), Number)
    const info = (section: string, field: string) =>
      Effect.map(send("INFO", section), (text) => Number(new RegExp(`${field}:(\\d+)`).exec(String(text))?.[1]))
    // The caches have begun: there is a table to lose.
    yield* Effect.sleep(200)
    const begun = yield* hget("#floor")
    yield* send("CONFIG", "SET", "maxmemory-policy", policy)
    yield* send("CONFIG", "SET", "maxmemory", (yield* info("memory", "used_memory")) + 300_000)
    for (let round = 0; round < 30; round++) {
      yield* pipeline(Arr.makeBy(60, (index) => ["SET", `junk:${round}:${index}`, "x".repeat(1_000)] as const))
      yield* Effect.sleep(25)
    }
    yield* send("CONFIG", "SET", "maxmemory", 0)
    return { evicted: yield* info("stats", "evicted_keys"), lost: (yield* hget("#floor")) !== begun }
  })

describe("a Redis that evicts what it likes", () => {
  for (const policy of ["allkeys-lru", "allkeys-random"]) {
    it.live(`${policy}: strong reads are never stale, and all is well afterwards`, () =>
      Effect.gen(function* () {
        const { port } = yield* RedisServer
        let met = { evicted: 0, lost: false }
        const came = yield* ordeal(
          connection(port),
          Effect.tap(Effect.provide(pressure(policy), connection(port)), (found) =>
            Effect.sync(() => {
              met = found
            })
          )
        )
        assert.isAbove(met.evicted, 500)
        assert.isAbove(came.strongReads, 100)
        assert.isAbove(came.writes, 10)
        // Whoever evicts at random takes the table too: the log then begins anew.
        if (policy === "allkeys-random") assert.isTrue(met.lost)
      }).pipe(Effect.provide(RedisServer.layer))
    )
  }
})
