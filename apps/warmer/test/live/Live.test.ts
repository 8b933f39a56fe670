import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import { CacheManager, ErrorFlow, Leadership, Tag } from "@letletme/cache"
import { graph, Standing } from "@letletme/fpl"
import * as App from "@letletme/warmer/App"
import { Health } from "@letletme/warmer/Health"
import * as Live from "@letletme/warmer/live/Live"
import { LiveApi, type LiveEvent } from "@letletme/warmer/live/LiveApi"
import * as Recoveries from "@letletme/warmer/Recoveries"
import * as Source from "@letletme/warmer/Source"
import { Effect, Layer, Option, Stream } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import { createServer } from "node:http"

const shared = { deductions: Option.none(), source: "simulated", season: Option.none() }

const app = HttpRouter.serve(Live.layer, { disableListenLog: true, disableLogger: true }).pipe(
  Layer.provideMerge(
    NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1", gracefulShutdownTimeout: "200 millis" })
  ),
  Layer.provideMerge(Health.layer),
  Layer.provideMerge(ErrorFlow.layer()),
  Layer.provideMerge(Recoveries.layer),
  Layer.provideMerge(Leadership.layer()),
  Layer.provideMerge(
    App.layerWithSeason(shared, { _tag: "Memory" }, { _tag: "Memory" }, Source.layer(shared, { speed: 1, seed: 1 }))
  ),
  Layer.provideMerge(Layer.merge(NodeServices.layer, NodeHttpClient.layerUndici))
)

const client = Effect.gen(function* () {
  const { address } = yield* HttpServer.HttpServer
  return yield* HttpApiClient.make(LiveApi, { baseUrl: HttpServer.formatAddress(address) })
})

const entriesOf = (events: Iterable<LiveEvent>) =>
  Array.from(events).flatMap((one) => (one.event === "log" ? [one] : []))

layer(app, { excludeTestServices: true, timeout: "60 seconds" })("the live API", (it) => {
  it.effect("tells everything at a glance", () =>
    Effect.gen(function* () {
      const api = yield* client
      yield* api.season()
      const { domains, health, log, season } = yield* api.overview()
      assert.strictEqual(season, "2030-31")
      assert.deepStrictEqual(
        domains.map(({ dependsOn, name }) => [name, ...dependsOn]),
        graph.domains.map((domain) => [domain, ...graph.dependencies(domain)])
      )
      assert.isAbove(domains.find(({ name }) => name === "match")?.loads ?? 0, 0)
      assert.isTrue(log.trusted)
      assert.strictEqual(health.status, "starting")
    })
  )

  it.effect("sends each entry of the log, and to whoever comes back those that it missed", () =>
    Effect.gen(function* () {
      const api = yield* client
      const manager = yield* CacheManager
      const first = yield* manager.invalidate({ primary: Tag.of("team", "2030-31:7"), cascade: true }, { cause: "one" })
      const second = yield* manager.invalidate({ primary: Tag.of("team", "2030-31:8") }, { cause: "two" })
      const since = (position: number, count: number) =>
        Effect.gen(function* () {
          const events = yield* api.events({ headers: { "last-event-id": `${position}` } })
          const log = Stream.filter(events, ({ event }) => event === "log")
          return entriesOf(yield* Stream.runCollect(Stream.take(log, count)))
        })
      const both = yield* since(first - 1, 2)
      assert.deepStrictEqual(
        both.map(({ data, id }) => [id, data.cause]),
        [
          [`${first}`, "one"],
          [`${second}`, "two"]
        ]
      )
      assert.deepStrictEqual(both[0]?.data.domains, ["team", ...graph.cascade("team")])
      assert.deepStrictEqual(
        (yield* since(first, 1)).map(({ id }) => id),
        [`${second}`]
      )
      // Nonsense is no position: all that is kept is sent.
      const events = yield* api.events({ headers: { "last-event-id": "nonsense" } })
      const ids = entriesOf(
        yield* Stream.runCollect(Stream.takeUntil(events, (one) => one.event === "log" && one.id === `${second}`))
      )
      assert.includeMembers(
        ids.map(({ id }) => id),
        [`${first}`, `${second}`]
      )
    })
  )

  it.effect("sends the overview again and again", () =>
    Effect.gen(function* () {
      const events = yield* (yield* client).events({ headers: {} })
      const overviews = Stream.filter(events, ({ event }) => event === "overview")
      assert.strictEqual((yield* Stream.runCollect(Stream.take(overviews, 2))).length, 2)
    })
  )

  it.effect("lists the keys of a domain in their order, and explains them", () =>
    Effect.gen(function* () {
      const api = yield* client
      yield* api.season()
      const { keys, total } = yield* api.entries({ query: { domain: "team", search: "2030-31:1", limit: 3 } })
      assert.deepStrictEqual(keys, ["team:2030-31:1", "team:2030-31:10", "team:2030-31:11"])
      assert.strictEqual(total, 11)
      const explained = yield* api.explain({ query: { key: Tag.of("team", "2030-31:1") } })
      assert.strictEqual(explained.state, "fresh")
      assert.strictEqual(explained.entry?.tags[0]?.tag, "team:2030-31:1")
      const unknown = yield* Effect.flip(api.explain({ query: { key: Tag.of("nobody", "1") } }))
      assert.strictEqual(unknown._tag, "NotFound")
    })
  )

  it.effect("shows the season as a fan sees it: the table is the one of the matches", () =>
    Effect.gen(function* () {
      const { gameweek, matches, table, teams } = yield* (yield* client).season()
      // Played so far that ten gameweeks are over.
      assert.deepStrictEqual([gameweek?.id, gameweek?.finished], [11, false])
      assert.isAbove(matches.length, 0)
      assert.isTrue(matches.every(({ event }) => event === 11))
      assert.strictEqual(table.rows.length, teams.length)
      assert.deepStrictEqual(table.rows.map(Standing.toPublished).map(({ position }) => position)[0], 1)
    })
  )
})
