import { assert, describe, it } from "@effect/vitest"
import { SimulatedSeason } from "@letletme/fpl"
import { Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Effect, Layer, Schedule, Schema, Stream } from "effect"
import { createServer } from "node:http"
import { ask, daemon, health, run, within } from "./process.ts"

const redis = Layer.unwrap(RedisServer.use(({ port }) => Effect.succeed(Redis.layer({ port, lazy: true })))).pipe(
  Layer.provideMerge(RedisServer.layer)
)

/** Tries every 2 ms, for at least 20 seconds: what is in mid-warm is not for long. */
const soon = { schedule: Schedule.spaced("2 millis"), times: 10_000 }

/** The API's shape, over HTTP, with what it answers in the test's hands. */
const upstream = Effect.gen(function* () {
  const season = SimulatedSeason.make()
  const state = { closed: "" }
  const server = yield* Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const { bootstrap, fixtures } = SimulatedSeason.at(season, season.gameweeks[12]?.deadline ?? season.start)
      const listening = createServer((request, response) => {
        if (state.closed !== "") response.end(state.closed)
        else response.end(JSON.stringify(request.url?.includes("fixtures") === true ? fixtures : bootstrap))
      })
      listening.listen(0, "127.0.0.1", () => resume(Effect.succeed(listening)))
    }),
    (listening) =>
      Effect.sync(() => {
        listening.closeAllConnections()
        listening.close()
      })
  )
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  const env = { FPL_BASE_URL: `http://127.0.0.1:${port}/api/`, FPL_SEASON: season.options.season }
  return { env, state }
})

describe("run", () => {
  it.live("becomes ready, shows the table, answers health and metrics, and ends at Ctrl-C", () =>
    Effect.gen(function* () {
      const warmer = yield* daemon(["run", "--port", "0", "--every", "0.5"])
      const address = yield* warmer.address
      const { warmed } = yield* health(address, "ready")
      assert.strictEqual(warmed?.path === "loaded" || warmed?.path === "verified", true)
      assert.strictEqual((yield* ask(`${address}/health/live`)).status, 200)
      const metrics = yield* ask(`${address}/metrics`)
      assert.match(metrics.body, /^letletme_cache_loads_total\{domain="match",outcome="success"\} \d+$/m)
      yield* Effect.retry(
        Effect.filterOrFail(warmer.stdout, (text) => text.includes("The table of 2030-31")),
        within
      )
      const before = Date.now()
      yield* warmer.signal("SIGINT")
      assert.strictEqual(yield* warmer.ended, 130)
      assert.isBelow(Date.now() - before, 2_000)
      assert.include(yield* warmer.stdout, "Stopped.")
      assert.include(yield* Effect.flip(ask(`${address}/health/live`)), "No answer")
    }).pipe(Effect.scoped)
  )

  it.live("SIGTERM ends it with its own code; with --json it answers one document", () =>
    Effect.gen(function* () {
      const warmer = yield* daemon(["run", "--port", "0", "--every", "0.5", "--json"])
      yield* health(yield* warmer.address, "ready")
      yield* warmer.signal("SIGTERM")
      assert.strictEqual(yield* warmer.ended, 143)
      const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Struct({ status: Schema.String })))
      assert.strictEqual((yield* decode(yield* warmer.stdout)).status, "ready")
    }).pipe(Effect.scoped)
  )

  it.live("SIGTERM while Redis hangs: it ends in time all the same", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer
      const args = ["run", "--port", "0", "--every", "0.2", "--stop-within", "3", "--store", server.url]
      const warmer = yield* daemon(args, { REDIS_COMMAND_TIMEOUT: "300 millis" })
      const { advice } = yield* health(yield* warmer.address, "ready")
      // How that server is set up: which is said, and keeps nobody from being ready.
      assert.includeMembers(
        advice.map(({ check }) => check),
        ["memory policy", "persistence"]
      )
      assert.include(yield* warmer.stderr, "no maxmemory")
      yield* server.pause
      const before = Date.now()
      yield* warmer.signal("SIGTERM")
      assert.include([143, 124], yield* warmer.ended)
      assert.isBelow(Date.now() - before, 4_000)
      yield* server.resume
    }).pipe(Effect.scoped, Effect.provide(redis))
  )

  it.live("SIGTERM in mid-warm: no lease is left, and what was acknowledged is in the log", () =>
    Effect.gen(function* () {
      const { url } = yield* RedisServer
      const { scan, send } = yield* Redis
      const { env } = yield* upstream
      const warmer = yield* daemon(["run", "--port", "0", "--every", "0.5", "--source", "fpl", "--store", url], env)
      const keysOf = (prefix: string) => Stream.runCollect(Stream.flattenIterable(scan(`${prefix}*`)))
      yield* Effect.retry(
        Effect.filterOrFail(keysOf("letletme:team:2030-31:"), ({ length }) => length > 0),
        soon
      )
      yield* warmer.signal("SIGTERM")
      assert.strictEqual(yield* warmer.ended, 143)
      assert.deepStrictEqual(yield* keysOf("letletme:lease:"), [])
      assert.isNull(yield* send("HGET", "{letletme}:table", "#leader"))
      // What was announced is an entry of the log, up to its head.
      const head = String(yield* send("HGET", "{letletme}:table", "#head"))
      const last = JSON.stringify(yield* send("XREVRANGE", "{letletme}:log", "+", "-", "COUNT", 1))
      assert.include(last, `${head}-0`)
    }).pipe(Effect.scoped, Effect.provide(redis))
  )

  it.live("killed in mid-warm, it verifies what is there at the next start, and goes on", () =>
    Effect.gen(function* () {
      const { url } = yield* RedisServer
      const { scan } = yield* Redis
      const { env } = yield* upstream
      const args = ["run", "--port", "0", "--every", "0.5", "--lease", "0.5", "--source", "fpl", "--store", url]
      const first = yield* daemon(args, env)
      // The first batches are written, most of them are not.
      yield* Effect.retry(
        Effect.filterOrFail(
          Stream.runCount(Stream.flattenIterable(scan("letletme:team:2030-31:*"))),
          (count) => count > 0
        ),
        soon
      )
      yield* first.signal("SIGKILL")
      yield* first.ended
      const second = yield* daemon(args, env)
      // It stands by until the lease of the one that was killed is over.
      const at = yield* second.address
      const { warmed } = yield* Effect.retry(
        Effect.filterOrFail(health(at, "ready"), (ready) => ready.warmed !== null),
        within
      )
      // Some entries were there, not all of them: it was killed in between, and did not begin anew.
      assert.isAbove(warmed?.loaded ?? 0, 0)
      assert.isBelow(warmed?.loaded ?? 0, warmed?.entries ?? 0)
      yield* second.signal("SIGTERM")
      yield* second.ended
      const verified = yield* run(["verify", "--source", "fpl", "--store", url, "--json"], env)
      const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Struct({ isClean: Schema.Boolean })))
      assert.isTrue((yield* decode(verified.stdout)).isClean)
      assert.strictEqual(verified.code, 0)
    }).pipe(Effect.scoped, Effect.provide(redis))
  )

  it.live("a Redis that dies degrades it; it recovers by itself", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer
      const warmer = yield* daemon(["run", "--port", "0", "--every", "0.5", "--store", server.url])
      const address = yield* warmer.address
      yield* health(address, "ready")
      yield* server.kill
      const { reasons } = yield* health(address, "degraded")
      assert.include(reasons.join(), "log")
      yield* server.start
      yield* health(address, "ready")
    }).pipe(Effect.scoped, Effect.provide(redis))
  )

  it.live("with --monitor it finds what was altered in the store, repairs it, and counts it", () =>
    Effect.gen(function* () {
      const { url } = yield* RedisServer
      const { mget, scan, set } = yield* Redis
      const { env } = yield* upstream
      const args = ["run", "--port", "0", "--every", "0.2", "--monitor", "0.5", "--source", "fpl", "--store", url]
      const warmer = yield* daemon(args, env)
      const address = yield* warmer.address
      yield* health(address, "ready")
      const [key = ""] = yield* Stream.runCollect(Stream.flattenIterable(scan("letletme:team:2030-31:7@*")))
      const [bytes] = yield* mget([key])
      yield* set(key, Uint8Array.from(bytes ?? []).fill(120, -10), { timeToLive: 60_000 })
      yield* Effect.retry(
        Effect.filterOrFail(ask(`${address}/metrics`), ({ body }) =>
          /^letletme_cache_inconsistent_total\{domain="team",cause="corrupt"\} 1$/m.test(body)
        ),
        within
      )
      const repaired = yield* mget([key])
      assert.deepStrictEqual(repaired[0]?.slice(-10), bytes?.slice(-10))
      const ready = yield* ask(`${address}/health/ready`)
      assert.match(ready.body, /"consistency":\{"samples":[1-9]\d*,"inconsistent":1,/)
    }).pipe(Effect.scoped, Effect.provide(redis))
  )

  it.live("a source that answers nonsense degrades it, and the last good data stays", () =>
    Effect.gen(function* () {
      const { env, state } = yield* upstream
      const warmer = yield* daemon(["run", "--port", "0", "--every", "0.3", "--source", "fpl"], env)
      const address = yield* warmer.address
      yield* health(address, "ready")
      for (const [answer, words] of [
        ["<html>The game is being updated.</html>", "being updated"],
        ['{"events":[', "cut off"],
        ["[]", "bootstrap-static"]
      ] as const) {
        state.closed = answer
        yield* Effect.retry(
          Effect.filterOrFail(health(address, "degraded"), ({ reasons }) => reasons.join().includes(words)),
          within
        )
        assert.strictEqual((yield* ask(`${address}/health/ready`)).status, 200)
      }
      state.closed = ""
      yield* health(address, "ready")
    }).pipe(Effect.scoped)
  )
})
