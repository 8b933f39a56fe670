/**
 * An HTTP app over Postgres: reads are cached, and a write commits its announcement with its row. A process that dies
 * between the commit and the announcement leaves nothing stale: the relay announces it.
 */
import { CacheManager, DependencyGraph, DomainCache, Lookup, Outbox, OutboxRelay, Tag } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { Postgres, SqlOutbox } from "@letletme/store"
import { Config, Context, Effect, Layer, Option, Schema } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { SqlClient } from "effect/sql/SqlClient"

const Product = Schema.Struct({ id: Schema.Int, name: Schema.String, price: Schema.Int })
const Rows = Schema.Array(Product)

const graph = DependencyGraph.make({ product: [] })

export class Products extends DomainCache.Service<Products>()("shop/Products", {
  graph,
  domain: "product",
  id: Schema.FiniteFromString,
  value: Product,
  timeToLive: "1 hour",
  // Keys that are missing at the same moment are one question to the database.
  lookupMany: Effect.fnUntraced(function* (questions) {
    const sql = yield* SqlClient
    const ids = questions.map(({ id }) => id)
    const found = yield* sql`SELECT id, name, price FROM product WHERE ${sql.in("id", ids)}`
    const rows = new Map((yield* Schema.decodeUnknownEffect(Rows)(found)).map((row) => [row.id, row]))
    return ids.map((id) => Lookup.fromOption(Option.fromUndefinedOr(rows.get(id))))
  })
}) {}

/** Writes go through the database and the outbox, never through the cache. */
export class Shop extends Context.Service<
  Shop,
  { readonly reprice: (id: number, price: number) => Effect.Effect<boolean, unknown> }
>()("shop/Shop") {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const outbox = yield* Outbox
      const relay = yield* OutboxRelay
      return Shop.of({
        reprice: Effect.fn("Shop.reprice")(function* (id, price) {
          const isChanged = yield* sql.withTransaction(
            Effect.gen(function* () {
              const rows = yield* sql`UPDATE product SET price = ${price} WHERE id = ${id} RETURNING id`
              if (rows.length === 0) return false
              yield* outbox.put({ tags: [Tag.of("product", `${id}`)], cause: "a new price" })
              return true
            })
          )
          // Announced before the answer goes out; were it not, the relay would do it a moment later.
          if (isChanged) yield* Effect.ignore(relay.flush)
          return isChanged
        })
      })
    })
  )
}

const Id = Schema.Struct({ id: Schema.FiniteFromString })
const notFound = HttpServerResponse.empty({ status: 404 })

export const routes = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const products = yield* Products
    const shop = yield* Shop
    yield* router.add(
      "GET",
      "/products/:id",
      Effect.gen(function* () {
        const { id } = yield* HttpRouter.schemaPathParams(Id)
        const product = yield* products.find(id)
        return Option.match(product, { onNone: () => notFound, onSome: (one) => HttpServerResponse.jsonUnsafe(one) })
      })
    )
    yield* router.add(
      "PUT",
      "/products/:id/price/:price",
      Effect.gen(function* () {
        const params = Schema.Struct({ ...Id.fields, price: Schema.FiniteFromString })
        const { id, price } = yield* HttpRouter.schemaPathParams(params)
        return (yield* shop.reprice(id, price)) ? HttpServerResponse.empty() : notFound
      })
    )
  })
)

/** The app over a database with its outbox and over a cache: in the test PGlite and memory. */
export const layer = routes.pipe(
  Layer.provide(Layer.mergeAll(Products.layer, Shop.layer)),
  Layer.provide(OutboxRelay.layer())
)

/** In production. `DATABASE_URL` and `REDIS_URL` say where. */
export const production = layer.pipe(
  Layer.provide(CacheManager.layerRedis),
  Layer.provide(SqlOutbox.layer({ listens: true })),
  Layer.provide(Layer.unwrap(Effect.map(Config.Redacted("DATABASE_URL"), (url) => Postgres.layer({ url })))),
  Layer.provide(Redis.layerConfig)
)
