import { CacheManager, DependencyGraph, DomainCache, Lookup, Tag } from "@letletme/cache"
import { Context, Effect, Layer, Schema } from "effect"
import { main, repeatEffect } from "../../contest/Contestant.ts"
import { Match, matchOf } from "../Data.ts"
import { open } from "../Ours.ts"
import { chunk, ids, nextId } from "./Keys.ts"

/** The same matches with eight further tags each. */
class Tagged extends DomainCache.Service<Tagged>()("bench/Tagged", {
  graph: DependencyGraph.make({ player: [], tagged: ["player"] }),
  domain: "tagged",
  id: Schema.FiniteFromString,
  value: Match,
  timeToLive: "metadata",
  dependsOn: (_, id) => Array.from({ length: 8 }, (_, index) => Tag.of("player", `${id}-${index}`)),
  lookup: (id) => Effect.succeed(Lookup.found(matchOf(id)))
}) {}

/** The same without any. */
class Plain extends DomainCache.Service<Plain>()("bench/Plain", {
  graph: DependencyGraph.make({ plain: [] }),
  domain: "plain",
  id: Schema.FiniteFromString,
  value: Match,
  timeToLive: "metadata",
  lookup: (id) => Effect.succeed(Lookup.found(matchOf(id)))
}) {}

main(
  Effect.fnUntraced(function* (port) {
    const { manager, matches } = yield* open(port)
    const own = yield* Layer.build(
      Layer.merge(Tagged.layer, Plain.layer).pipe(Layer.provide(Layer.succeed(CacheManager, manager)))
    )
    const tagged = Context.get(own, Tagged)
    const plain = Context.get(own, Plain)
    yield* matches.getMany(ids)
    yield* tagged.getMany(ids)
    yield* plain.getMany(ids)
    const load = Effect.succeed(Lookup.found(matchOf(0)))
    const reads = <E>(read: (id: number) => Effect.Effect<unknown, E>) =>
      repeatEffect(
        chunk,
        Effect.gen(function* () {
          for (let index = 0; index < chunk; index++) yield* read(nextId())
        })
      )
    let changes = 0
    return {
      get: reads(matches.get),
      getOrLoad: reads((id) => matches.getOrLoad(id, load)),
      plain: reads(plain.get),
      tagged: reads(tagged.get),
      // Before each thousand reads something else is invalidated: what was checked before has to be checked again.
      "tagged, busy log": (millis) =>
        repeatEffect(
          chunk,
          Effect.gen(function* () {
            yield* manager.invalidate({ primary: Tag.of("other", `${changes++ % 100}`) })
            for (let index = 0; index < chunk; index++) yield* tagged.get(nextId())
          })
        )(millis),
      "plain, busy log": (millis) =>
        repeatEffect(
          chunk,
          Effect.gen(function* () {
            yield* manager.invalidate({ primary: Tag.of("other", `${changes++ % 100}`) })
            for (let index = 0; index < chunk; index++) yield* plain.get(nextId())
          })
        )(millis)
    }
  })
)
