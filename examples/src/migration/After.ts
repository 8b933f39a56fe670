/**
 * What each migration comes to: the same source, behind a domain.
 *
 * | before                                                       | here                                                    |
 * | ------------------------------------------------------------ | ------------------------------------------------------- |
 * | a key: `product:1`                                           | a domain and an id; the key is made of both             |
 * | `getOrSet`, `wrap`, `Cache.get`                              | `get`, and the lookup stands with the domain            |
 * | a factory for each call                                      | `getOrLoad`, where the call has to bring it             |
 * | `tags` of a value                                            | `tags` of what the lookup found                         |
 * | `deleteByTag`, `del`, `Cache.invalidate`                     | `invalidate`: of a tag, and in every process            |
 * | `ttl`, `grace`, `refreshThreshold`                           | `timeToLive`, `grace`, `refreshAhead` of the domain     |
 * | a value of any type                                          | a Schema: what is read is decoded                       |
 */
import { CacheManager, DependencyGraph, DomainCache, Lookup, Tag } from "@letletme/cache"
import { Context, Effect, Layer, Schema } from "effect"
import type { Source } from "./Before.ts"

/** The source of the shop. */
export class Shop extends Context.Service<Shop, Source>()("migration/Shop") {}

const graph = DependencyGraph.make({ product: [] })

export class Products extends DomainCache.Service<Products>()("migration/Products", {
  graph,
  domain: "product",
  id: Schema.FiniteFromString,
  value: Schema.Struct({ id: Schema.Int, price: Schema.Int }),
  timeToLive: "10 minutes",
  grace: "1 hour",
  refreshAhead: 0.9,
  lookup: (id) =>
    Shop.use((shop) =>
      Effect.map(
        Effect.promise(() => shop.product(id)),
        (product) => Lookup.found(product, { tags: [Tag.of("shop")] })
      )
    )
}) {}

/** Reads twice, changes the price, announces it for the whole shop, and reads again. */
export const after = Effect.gen(function* () {
  const shop = yield* Shop
  const products = yield* Products
  const manager = yield* CacheManager
  yield* products.get(1)
  const first = yield* products.get(1)
  shop.price = 90
  yield* manager.invalidate({ primary: Tag.of("shop") })
  return [first, yield* products.get(1)]
}).pipe(Effect.provide(Products.layer.pipe(Layer.provideMerge(CacheManager.layerMemory))))
