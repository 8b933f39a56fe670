import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import { FplApi, FplSource, SimulatedApi, SimulatedSeason } from "@letletme/fpl"
import { Context, Effect, Layer, Schema } from "effect"
import { HttpClient, HttpClientResponse, HttpRouter, HttpServer } from "effect/http"
import { createServer } from "node:http"
import { assembleAt } from "./simulated.ts"

const season = SimulatedSeason.make()
const minute = 60_000
const deadline = season.gameweeks[9]?.deadline ?? Number.NaN

const Time = HttpClientResponse.schemaBodyJson(Schema.Struct({ time: Schema.String, speed: Schema.Finite }))

/** Serves the season on loopback, for the life of the scope. */
const serve = Effect.fnUntraced(function* (options: Omit<SimulatedApi.Options, "season">) {
  const served = yield* Layer.build(
    HttpRouter.serve(SimulatedApi.layer({ ...options, season }), { disableListenLog: true, disableLogger: true }).pipe(
      Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }))
    )
  )
  const { address } = Context.get(served, HttpServer.HttpServer)
  const baseUrl = `http://127.0.0.1:${"port" in address ? address.port : 0}/api/`
  const api = yield* Layer.build(
    FplApi.layer({ season: "2030-31", baseUrl, spacing: 0, retries: 0 }).pipe(
      Layer.provideMerge(NodeHttpClient.layerUndici)
    )
  )
  const client = Context.get(api, HttpClient.HttpClient)
  const time = Effect.map(Effect.flatMap(client.get(`${baseUrl}time/`), Time), (body) => Date.parse(body.time))
  return { source: Context.get(api, FplSource), time }
})

describe("SimulatedApi", () => {
  it.live("is read through FplApi as a real season is", () =>
    Effect.gen(function* () {
      const { source } = yield* serve({ speed: 0, startAt: deadline + 120 * minute, maintenance: true })
      const revision = yield* source.fetch()
      const expected = yield* assembleAt(season, deadline + 120 * minute)
      assert.deepStrictEqual({ ...revision, time: 0 }, { ...expected, time: 0 })
      assert.strictEqual(revision.matches.length, 380)
    })
  )

  it.live("runs its clock as much faster as it is told", () =>
    Effect.gen(function* () {
      const startAt = deadline + 120 * minute
      const speed = 1_000_000
      const startedAt = performance.now()
      const { time } = yield* serve({ speed, startAt, maintenance: false })
      const first = yield* time
      const second = yield* time
      const passed = performance.now() - startedAt + 1
      assert.isAtLeast(first, startAt)
      assert.isAtLeast(second, first)
      assert.isAtMost(second - startAt, Math.ceil(passed) * speed)
    })
  )

  it.live("plays the season on to its end, and stays there", () =>
    Effect.gen(function* () {
      const { source, time } = yield* serve({ speed: 1e12, startAt: season.end - 1, maintenance: true })
      yield* source.fetch()
      const revision = yield* source.fetch()
      assert.isTrue(revision.matches.every(({ finished }) => finished))
      assert.strictEqual(yield* time, season.end)
    })
  )

  it.live.each([
    ["503", 1, "Unavailable"],
    ["503 to the last millisecond", 30 * minute - 1, "Unavailable"],
    ["a page", 30 * minute, "Maintenance"],
    ["a page to the last millisecond", 60 * minute - 1, "Maintenance"]
  ] as const)("is closed after a deadline, with %s", ([, after, reason]) =>
    Effect.gen(function* () {
      const { source } = yield* serve({ speed: 0, startAt: deadline + after, maintenance: true })
      const error = yield* Effect.flip(source.fetch())
      assert.strictEqual(error.reason._tag, reason)
      assert.isTrue(error.isTemporary)
      if (error.reason._tag === "Unavailable") assert.strictEqual(error.reason.status, 503)
    })
  )

  it.live("is never closed without maintenance", () =>
    Effect.gen(function* () {
      const { source } = yield* serve({ speed: 0, startAt: deadline + 1, maintenance: false })
      const revision = yield* source.fetch()
      assert.strictEqual(revision.events.find(({ isCurrent }) => isCurrent)?.id, 10)
    })
  )
})
