/**
 * The smallest program: `node --conditions=@letletme/source src/start.ts`. It asks three times and loads twice.
 */
import { CacheManager, DependencyGraph, DomainCache, Lookup, Tag } from "@letletme/cache"
import { Console, Effect, Layer, Schema } from "effect"

const graph = DependencyGraph.make({ user: [] })

class Users extends DomainCache.Service<Users>()("start/Users", {
  graph,
  domain: "user",
  id: Schema.FiniteFromString,
  value: Schema.Struct({ id: Schema.Int, name: Schema.String }),
  timeToLive: "5 minutes",
  lookup: (id) => Effect.as(Console.log(`loading ${id}`), Lookup.found({ id, name: `User ${id}` }))
}) {}

export const program = Effect.gen(function* () {
  const users = yield* Users
  const manager = yield* CacheManager
  yield* users.get(1)
  yield* users.get(1) // from the cache
  yield* manager.invalidate({ primary: Tag.of("user", "1") })
  return yield* users.get(1) // loaded again, in this process and in every other
})

export const main = program.pipe(Effect.provide(Users.layer.pipe(Layer.provideMerge(CacheManager.layerMemory))))

if (import.meta.main) Effect.runFork(main)
