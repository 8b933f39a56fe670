/**
 * An origin in the tests' hands, and a client that keeps what it answers.
 */
import { CacheManager } from "@letletme/cache"
import * as HttpCache from "@letletme/cache/HttpCache"
import { Clock, Effect, type Scope } from "effect"
import { HttpClient, HttpClientError, HttpClientRequest, HttpClientResponse } from "effect/http"

export const teams = "https://api.example.com/teams"
export const day = "Mon, 01 Jan 2029 00:00:00 GMT"

/** What an origin answers to a request. */
export type Reply = {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body?: string | ReadableStream<Uint8Array> | null
}

/** An origin in the test's hands, and a client that keeps what it answers. */
export const start = (options: HttpCache.Options = {}) =>
  Effect.gen(function* () {
    const asked: Array<HttpClientRequest.HttpClientRequest> = []
    const origin = {
      asked,
      isAway: false,
      pause: Effect.void,
      reply: (request: HttpClientRequest.HttpClientRequest): Reply => ({
        headers: { "cache-control": "max-age=60" },
        body: `${request.method} ${asked.length}`
      })
    }
    const client = HttpClient.make((request) =>
      Effect.gen(function* () {
        asked.push(request)
        const { body = null, headers, status = 200 } = origin.reply(request)
        yield* Effect.suspend(() => origin.pause)
        if (origin.isAway) {
          const reason = new HttpClientError.TransportError({ request, description: "away" })
          return yield* new HttpClientError.HttpClientError({ reason })
        }
        const date = new Date(yield* Clock.currentTimeMillis).toUTCString()
        const init = { status, headers: { date, ...headers } }
        return HttpClientResponse.fromWeb(request, new Response(request.method === "HEAD" ? null : body, init))
      })
    )
    return { origin, client: (yield* HttpCache.make(options))(client) }
  })

export type World = Effect.Success<ReturnType<typeof start>>

export const getting = ({ client }: World, headers: Record<string, string> = {}, url = teams) =>
  client.execute(HttpClientRequest.get(url, { headers }))
export const text = (world: World, headers?: Record<string, string>, url?: string) =>
  Effect.flatMap(getting(world, headers, url), (response) => response.text)

const memory = CacheManager.layerMemory
export const run = <A, E>(effect: Effect.Effect<A, E, CacheManager | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(memory))

export const control = (value: string) => ({ headers: { "cache-control": value } })
