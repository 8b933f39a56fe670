import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import { CacheManager, CacheMetrics } from "@letletme/cache"
import { layer } from "@letletme/examples/http"
import { Embedded, SqlOutbox } from "@letletme/store"
import { Effect, Layer } from "effect"
import { HttpClient, HttpRouter } from "effect/http"
import { SqlClient } from "effect/sql/SqlClient"

const table = Layer.effectDiscard(
  Effect.gen(function* () {
    const sql = yield* SqlClient
    yield* sql`CREATE TABLE product (id integer PRIMARY KEY, name text NOT NULL, price integer NOT NULL)`
    yield* sql`INSERT INTO product (id, name, price) VALUES (1, 'A scarf', 15), (2, 'A mug', 8)`
  })
)

const app = HttpRouter.serve(layer, { disableListenLog: true, disableLogger: true }).pipe(
  Layer.provideMerge(NodeHttpServer.layerTest),
  Layer.provideMerge(CacheManager.layerMemory),
  Layer.provideMerge(table),
  // The embedded database has one session: it has none to listen with.
  Layer.provideMerge(SqlOutbox.layer({ listens: false })),
  Layer.provideMerge(Embedded.layer({}))
)

describe("the shop", () => {
  it.live("reads are answered from the cache, and see what was written before, by whomever", () =>
    Effect.gen(function* () {
      const client = yield* HttpClient.HttpClient
      const metrics = yield* CacheMetrics
      const get = (id: number) => Effect.flatMap(client.get(`/products/${id}`), (response) => response.json)
      assert.deepStrictEqual(yield* get(1), { id: 1, name: "A scarf", price: 15 })
      assert.deepStrictEqual(yield* get(1), { id: 1, name: "A scarf", price: 15 })
      assert.strictEqual((yield* metrics.counts).domains["product"]?.loads, 1)
      assert.strictEqual((yield* client.put("/products/1/price/12")).status, 204)
      assert.deepStrictEqual(yield* get(1), { id: 1, name: "A scarf", price: 12 })
      assert.strictEqual((yield* client.get("/products/3")).status, 404)
      assert.strictEqual((yield* client.put("/products/3/price/12")).status, 404)
    }).pipe(Effect.provide(app))
  )
})
