import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { SeasonSync, TeamWorkflow, Workflows } from "@letletme/fpl"
import { PostgresServer, RedisServer } from "@letletme/testing"
import * as App from "@letletme/warmer/App"
import { placeOf } from "@letletme/warmer/Database"
import { storeOf } from "@letletme/warmer/Settings"
import { Deferred, Effect, Layer, Option } from "effect"
import { spawn } from "node:child_process"
import { join } from "node:path"
import { run } from "@letletme/api/Run"
import { ask, json, replayed, revision, season } from "./stack.ts"

const main = join(import.meta.dirname, "../src/main.ts")

/** The API as a process of its own; it is killed with the scope. */
const start = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const printed = yield* Deferred.make<string, string>()
  const ended = yield* Deferred.make<number | null>()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, ["--conditions=@letletme/source", main, ...args], {
        stdio: ["ignore", "pipe", "pipe"],
        // No setting of the machine's may reach the process: a test states its own.
        env: { PATH: process.env["PATH"] ?? "" }
      })
    ),
    (running) => Effect.sync(() => running.kill("SIGKILL"))
  )
  let text = ""
  const collect = (data: Buffer) => {
    text += data.toString()
    const found = /http:\/\/127\.0\.0\.1:\d+(?=\/health\/ready)/.exec(text)?.[0]
    if (found !== undefined) Deferred.doneUnsafe(printed, Effect.succeed(found))
  }
  child.stdout.on("data", collect)
  child.stderr.on("data", collect)
  child.on("close", (code) => {
    Deferred.doneUnsafe(printed, Effect.fail(`It ended with ${code}: ${text}`))
    Deferred.doneUnsafe(ended, Effect.succeed(code))
  })
  return {
    address: Deferred.await(printed),
    ended: Deferred.await(ended),
    terminate: Effect.sync(() => child.kill("SIGTERM"))
  }
})

describe("the process", () => {
  it.live("serves a season of its own, and stops when it is told to", () =>
    Effect.gen(function* () {
      const api = yield* start("--port", "0")
      const response = yield* ask(yield* api.address, "/table")
      assert.strictEqual(response.status, 200)
      assert.deepInclude(json(response), { source: "simulated", season: "2030-31" })
      assert.strictEqual((yield* ask(yield* api.address, "/health/ready")).status, 200)
      yield* api.terminate
      assert.strictEqual(yield* api.ended, 143)
    })
  )

  it.effect("refuses settings that do not go together, and says what is expected", () =>
    Effect.gen(function* () {
      const none = Option.none<string>()
      const where = { store: none, database: none, source: "simulated", season: none, deductions: none }
      const options = { host: "127.0.0.1", port: 0, rate: Option.none<number>(), drain: 1 }
      const wrong = [
        [{ ...where, store: Option.some("redis://127.0.0.1:1") }, options, "--database postgres://"],
        [{ ...where, database: Option.some("postgres://127.0.0.1:1/fpl") }, options, "--store"],
        [where, { ...options, rate: Option.some(0) }, "--rate"],
        [where, { ...options, drain: -1 }, "--drain"]
      ] as const
      for (const [place, stated, expected] of wrong) {
        const error = yield* Effect.flip(run(place, stated))
        assert.strictEqual(error._tag, "SettingError")
        assert.include(error.message, expected)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("beside a warmer it shows what was written there, to whoever brings the position", () =>
    Effect.gen(function* () {
      const redis = yield* RedisServer
      const postgres = yield* PostgresServer
      const store = yield* storeOf(Option.some(redis.url))
      const place = yield* placeOf(Option.some(postgres.url))
      const shared = { deductions: Option.none<string>() }
      const warmer = Workflows.layer.pipe(Layer.provideMerge(App.layer(shared, store, place, replayed)))
      yield* Effect.gen(function* () {
        const { publish } = yield* SeasonSync
        yield* publish(yield* revision)
        const api = yield* start("--port", "0", "--store", redis.url, "--database", postgres.url)
        const before = yield* ask(yield* api.address, "/teams/1")
        assert.strictEqual(before.status, 200)
        const { announcement } = yield* TeamWorkflow.use(({ update }) =>
          update(season, [{ id: 1, set: { name: "Written beside it" } }])
        )
        const position = announcement._tag === "Announced" ? `${announcement.position}` : ""
        const after = yield* ask(yield* api.address, "/teams/1", { headers: { "letletme-after": position } })
        assert.include(after.bytes.toString(), "Written beside it")
        assert.isAtLeast(Number(after.headers["letletme-position"]), Number(position))
        assert.notStrictEqual(after.headers["etag"], before.headers["etag"])
      }).pipe(Effect.provide(warmer))
    }).pipe(Effect.provide(Layer.mergeAll(RedisServer.layer, PostgresServer.layer, NodeServices.layer)))
  )
})
