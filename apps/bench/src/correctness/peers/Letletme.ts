/**
 * This cache, over Redis, as `CacheManager.layerRedis` makes it: every setting at its default.
 */
import { CacheConfig, CacheManager, DependencyGraph, DomainCache, Lookup, Tag } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { Context, Effect, Layer, Schema } from "effect"
import { type Node, type Peer, PeerFailed, tagOf } from "../Peer.ts"
import type { Source } from "../Source.ts"

class Truth extends Context.Service<Truth, Source>()("bench/Truth") {}

class Values extends DomainCache.Service<Values>()("bench/Values", {
  graph: DependencyGraph.make({ topic: [], value: ["topic"] }),
  domain: "value",
  id: Schema.String,
  value: Schema.String,
  timeToLive: "metadata",
  // A pattern over the values of a topic is what others call a tag.
  dependsOn: (_, id) => [Tag.of("topic", tagOf(id))],
  lookup: (id: string) => Truth.use((truth) => Effect.map(truth.load(id), Lookup.found))
}) {}

const failed = (cause: unknown) => new PeerFailed({ peer: name, cause })
const name = "LetLetMe Cache"

const node = Effect.fnUntraced(function* (port: number, source: Source) {
  const layer = Values.layer.pipe(
    Layer.provideMerge(CacheManager.layerRedis),
    Layer.provide(Redis.layer({ port })),
    Layer.provide(CacheConfig.layer({})),
    Layer.provide(Layer.succeed(Truth, source))
  )
  const context = yield* Effect.mapError(Layer.build(Layer.fresh(layer)), failed)
  const values = Context.get(context, Values)
  const manager = Context.get(context, CacheManager)
  const made: Node = {
    read: (key) => Effect.mapError(values.get(key), failed),
    invalidate: (key) => Effect.asVoid(Effect.mapError(values.invalidate([key]), failed)),
    invalidateTag: (tag) =>
      Effect.asVoid(Effect.mapError(manager.invalidate({ primary: Tag.any("value", "topic", tag) }), failed))
  }
  return made
})

export const peer: Peer = {
  name,
  short: "LetLetMe",
  note: "CacheManager.layerRedis, every setting at its default",
  node,
  hasTags: true,
  // The table, which holds every mark.
  marks: "{*}:table",
  listener: "name=letletme-blocking"
}
