import { assert, describe, it } from "@effect/vitest"
import { FplApi, FplSource, SimulatedSeason } from "@letletme/fpl"
import { Clock, Effect, Fiber, Layer } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { bodiesAt } from "./simulated.ts"

const simulated = SimulatedSeason.make({ season: "2030-31", seed: 4, teams: 4 })
const bodies = bodiesAt(simulated, simulated.start)
const step = 10

interface Answer {
  readonly status: number
  readonly retryAfter?: string | undefined
}

/** Fetches under the test clock from a server whose first answers to `bootstrap-static` are stated; the rest are good. */
const fetchAfter = Effect.fnUntraced(function* (
  answers: ReadonlyArray<Answer>,
  options: Partial<FplApi.Options> = {},
  fetches: number = 1
) {
  const starts: Array<number> = []
  const asked: Array<string> = []
  const client = HttpClient.make((request) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const what = request.url.includes("fixtures") ? "fixtures" : "bootstrap-static"
      const nth = asked.filter((one) => one === what).length
      asked.push(what)
      starts.push(now)
      const answer = what === "fixtures" ? undefined : answers[nth]
      const body = what === "fixtures" ? bodies.fixtures : bodies.bootstrap
      const headers = new Headers(answer?.retryAfter === undefined ? {} : { "retry-after": answer.retryAfter })
      return HttpClientResponse.fromWeb(
        request,
        answer === undefined ? new Response(body) : new Response(null, { status: answer.status, headers })
      )
    })
  )
  const source = FplApi.layer({ season: "2030-31", ...options }).pipe(
    Layer.provide(Layer.succeed(HttpClient.HttpClient, client))
  )
  const fiber = yield* FplSource.use(({ fetch }) =>
    Effect.forEach(Array.from({ length: fetches }).keys(), () => fetch())
  ).pipe(Effect.provide(source), Effect.result, Effect.forkChild)
  // Bodies come by promises: the clock moves on in small steps, with a turn of the event loop between them.
  while (fiber.pollUnsafe() === undefined) {
    yield* TestClock.adjust(step)
    yield* Effect.callback<void>((resume) => {
      setImmediate(() => resume(Effect.void))
    })
  }
  const endedAt = yield* Clock.currentTimeMillis
  return { asked, starts, endedAt, result: yield* Fiber.join(fiber) }
})

const gaps = (starts: ReadonlyArray<number>) => starts.slice(1).map((start, index) => start - (starts[index] ?? 0))

describe("FplApi, sent again", () => {
  it.effect.each([429, 500, 502, 503])("status %i, then good: one revision", (status) =>
    Effect.gen(function* () {
      const { asked, result } = yield* fetchAfter([{ status }])
      assert.strictEqual(result._tag, "Success")
      assert.deepStrictEqual(asked, ["bootstrap-static", "bootstrap-static", "fixtures"])
    })
  )

  it.effect.each([204, 400, 401, 403, 404, 410])("status %i is not retried", (status) =>
    Effect.gen(function* () {
      const { asked, result } = yield* fetchAfter([{ status }])
      assert.strictEqual(result._tag, "Failure")
      assert.deepStrictEqual(asked, ["bootstrap-static"])
    })
  )

  it.effect("gives up after its retries, with longer and longer pauses", () =>
    Effect.gen(function* () {
      const { asked, result, starts } = yield* fetchAfter(
        Array.from({ length: 9 }, () => ({ status: 503 })),
        {
          spacing: 0,
          retries: 3
        }
      )
      assert.strictEqual(result._tag, "Failure")
      assert.strictEqual(asked.length, 4)
      const [first = 0, second = 0, third = 0] = gaps(starts)
      // 200, 400, 800 ms, each varied by up to a fifth.
      assert.isAtLeast(first, 160)
      assert.isAtLeast(second, 320)
      assert.isAtLeast(third, 640)
      assert.isBelow(first + second + third, 2_000)
    })
  )

  it.effect.each([
    ["seconds", "4"],
    ["an HTTP date", new Date(4_000).toUTCString()]
  ])("waits as long as Retry-After asks, in %s", ([, retryAfter]) =>
    Effect.gen(function* () {
      const { result, starts } = yield* fetchAfter([{ status: 429, retryAfter }])
      assert.strictEqual(result._tag, "Success")
      const [first = 0] = gaps(starts)
      assert.isAtLeast(first, 4_000 - step)
      assert.isBelow(first, 5_000)
    })
  )

  it.effect("does not wait for longer than a poll can: the error says how long", () =>
    Effect.gen(function* () {
      const { asked, endedAt, result } = yield* fetchAfter([{ status: 429, retryAfter: "3600" }])
      assert.deepStrictEqual(asked, ["bootstrap-static"])
      assert.isBelow(endedAt, 1_000)
      assert.strictEqual(result._tag, "Failure")
      if (result._tag === "Success") return
      const { reason } = result.failure
      assert.deepStrictEqual(reason._tag === "Unavailable" ? reason.retryAfter : undefined, 3_600_000)
    })
  )

  it.effect("never starts more than four requests a second, across fetches and retries", () =>
    Effect.gen(function* () {
      const { result, starts } = yield* fetchAfter([{ status: 503 }, { status: 500 }], {}, 5)
      assert.strictEqual(result._tag, "Success")
      assert.strictEqual(starts.length, 12)
      // The test's clock adds up fractions of jittered delays: it is right to a millionth of a millisecond.
      for (const gap of gaps(starts)) assert.isAtLeast(gap + 1e-6, 250)
      for (const start of starts.map(Math.round)) {
        assert.isAtMost(starts.map(Math.round).filter((other) => other >= start && other < start + 1_000).length, 4)
      }
    })
  )
})
