import { assert, describe, it } from "@effect/vitest"
import { CacheConfig, CacheManager, type CacheStore, type InvalidationLog, Tag } from "@letletme/cache"
import * as HttpCache from "@letletme/cache/HttpCache"
import { Deferred, Effect, Fiber, Layer, type Scope } from "effect"
import { HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import { tiers } from "./tiers.ts"
import { control, start, teams, text } from "./httpOrigin.ts"

for (const [name, tier] of Object.entries(tiers)) {
  describe(`HttpCache invalidates, over ${name}`, () => {
    const within = <A, E>(effect: Effect.Effect<A, E, CacheManager | CacheStore | InvalidationLog | Scope.Scope>) =>
      effect.pipe(Effect.scoped, Effect.provide(tier()))

    it.live("what an unsafe method changed, and what its response names of the same origin", () =>
      within(
        Effect.gen(function* () {
          const world = yield* start()
          const other = "https://api.example.com/teams/1"
          const foreign = "https://else.example.com/"
          const named = { location: "/teams/1", "content-location": foreign }
          const all = [teams, other, foreign]
          world.origin.reply = () => ({
            headers: { "cache-control": "max-age=60", ...named },
            body: `${world.origin.asked.length}`
          })
          const read = Effect.forEach(all, (url) => text(world, {}, url))
          assert.deepStrictEqual(yield* read, ["1", "2", "3"])
          world.origin.reply = () => ({ status: 500, headers: named })
          yield* world.client.post(teams)
          world.origin.reply = () => ({ headers: named })
          yield* world.client.execute(HttpClientRequest.options(teams))
          assert.deepStrictEqual(yield* read, ["1", "2", "3"])
          yield* world.client.post(teams)
          world.origin.reply = () => ({ ...control("max-age=60"), body: `${world.origin.asked.length}` })
          assert.deepStrictEqual(yield* read, ["7", "8", "3"])
        })
      )
    )

    it.live("by tags and by URL, whatever the variant", () =>
      within(
        Effect.gen(function* () {
          const manager = yield* CacheManager
          const season = Tag.of("season", "2030-31")
          const world = yield* start({ tags: (request) => (request.url === teams ? [season] : []) })
          world.origin.reply = () => ({
            headers: { "cache-control": "max-age=60", vary: "accept" },
            body: `${world.origin.asked.length}`
          })
          const read = Effect.all([
            text(world, { accept: "a" }),
            text(world, { accept: "b" }),
            text(world, {}, `${teams}/1`)
          ])
          assert.deepStrictEqual(yield* read, ["1", "2", "3"])
          yield* manager.invalidate({ primary: season })
          assert.deepStrictEqual(yield* read, ["4", "5", "3"])
          yield* manager.invalidate({ primary: HttpCache.tagOf(new URL(`${teams}/1`)) })
          assert.deepStrictEqual(yield* read, ["4", "5", "6"])
        })
      )
    )

    it.live("what is on its way, too: a response that was overtaken is kept by nobody", () =>
      within(
        Effect.gen(function* () {
          const manager = yield* CacheManager
          const world = yield* start()
          const reached = yield* Deferred.make<void>()
          const gate = yield* Deferred.make<void>()
          world.origin.pause = Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(gate))
          const slow = yield* Effect.forkChild(text(world))
          yield* Deferred.await(reached)
          world.origin.pause = Effect.void
          yield* manager.invalidate({ primary: HttpCache.tagOf(new URL(teams)) })
          assert.strictEqual(yield* text(world), "GET 2")
          yield* Deferred.succeed(gate, undefined)
          yield* Fiber.join(slow)
          assert.strictEqual(yield* text(world), "GET 2")
        })
      )
    )

    it.live("and sends one request of two processes that ask at once", () =>
      within(
        Effect.gen(function* () {
          const process = Layer.fresh(CacheManager.layerOver).pipe(Layer.provide(CacheConfig.layer({})))
          const asked: Array<string> = []
          const origin = HttpClient.make((request, { href }) =>
            Effect.delay(
              Effect.sync(() => {
                asked.push(href)
                const init = { headers: { "cache-control": "max-age=60" } }
                return HttpClientResponse.fromWeb(request, new Response(`${asked.length}`, init))
              }),
              "20 millis"
            )
          )
          const clients = yield* Effect.forEach([1, 2], () =>
            Effect.flatMap(Layer.build(process), (context) =>
              Effect.map(Effect.provide(HttpCache.make(), context), (wrap) => wrap(origin))
            )
          )
          const answers = yield* Effect.forEach(
            clients.flatMap((client) => Array.from({ length: 10 }, () => client.get(teams))),
            Effect.flatMap((response) => response.text),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(new Set(answers), new Set(["1"]))
          assert.strictEqual(asked.length, 1)
        })
      )
    )

    it.live("and sends one of a hundred equal requests, but each where the response is not for all", () =>
      within(
        Effect.gen(function* () {
          const world = yield* start()
          world.origin.pause = Effect.sleep("20 millis")
          const hundred = Effect.all(
            Array.from({ length: 100 }, () => text(world)),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(new Set(yield* hundred), new Set(["GET 1"]))
          world.origin.reply = () => ({ ...control("private"), body: `${world.origin.asked.length}` })
          yield* world.client.post(teams)
          assert.strictEqual(new Set(yield* hundred).size, 100)
        })
      )
    )
  })
}
