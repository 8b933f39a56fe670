/**
 * Effect's own PersistedCache over Redis. It has neither tags nor a bus.
 */
import { PersistenceRedis, Redis } from "@letletme/redis"
import { Effect, Layer, Schema } from "effect"
import { Persistable, PersistedCache, Persistence } from "effect/persistence"
import { type Node, type Peer, PeerFailed, timeToLive } from "../Peer.ts"
import { type Source, SourceDown } from "../Source.ts"

class Read extends Persistable.Class<{ readonly payload: { readonly key: string } }>()("Read", {
  primaryKey: ({ key }) => key,
  success: Schema.String,
  error: SourceDown
}) {}

const name = "Effect PersistedCache 4.1.0"
const failed = (cause: unknown) => new PeerFailed({ peer: name, cause })

export const peer: Peer = {
  name,
  short: "PersistedCache",
  note: "memory (its default 10 s) and Redis; no tags, and nothing tells other nodes' memory",
  node: Effect.fnUntraced(function* (port: number, source: Source) {
    const persistence = Persistence.layerRedis.pipe(
      Layer.provide(PersistenceRedis.layer),
      Layer.provide(Redis.layer({ port }))
    )
    const context = yield* Effect.mapError(Layer.build(Layer.fresh(persistence)), failed)
    const cache = yield* PersistedCache.make((read: Read) => source.load(read.key), {
      storeId: "values",
      timeToLive: () => timeToLive
    }).pipe(Effect.provideContext(context))
    const made: Node = {
      read: (key) => Effect.mapError(cache.get(new Read({ key })), failed),
      invalidate: (key) => Effect.mapError(cache.invalidate(new Read({ key })), failed),
      invalidateTag: undefined
    }
    return made
  }),
  hasTags: false,
  marks: undefined,
  listener: undefined
}
