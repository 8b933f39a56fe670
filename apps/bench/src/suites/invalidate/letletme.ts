/**
 * Entries that depend on a group, in groups of several sizes. The task "fill" makes a group of that many, "invalidate"
 * times invalidations of it, "season" stores that many matches, "churn" appends as often as said and answers what is kept for it.
 */
import { CacheManager, DependencyGraph, DomainCache, Lookup, Tag } from "@letletme/cache"
import { Context, Effect, Layer, Schema } from "effect"
import { main, stopwatch } from "../../contest/Contestant.ts"
import { random } from "../Data.ts"
import { open } from "../Ours.ts"

const groupOf = (id: string) => id.split("-", 1)[0] ?? ""

class Dependents extends DomainCache.Service<Dependents>()("bench/Dependents", {
  graph: DependencyGraph.make({ group: [], dependent: ["group"] }),
  domain: "dependent",
  id: Schema.String,
  value: Schema.String,
  timeToLive: "metadata",
  dependsOn: (_, id) => [Tag.of("group", groupOf(id))],
  lookupMany: (questions) => Effect.succeed(questions.map(({ id }) => Lookup.found(id)))
}) {}

const Bytes = Schema.decodeUnknownEffect(Schema.Finite)

main(
  Effect.fnUntraced(function* (port) {
    const { manager, matches, redis } = yield* open(port)
    const context = yield* Layer.build(Dependents.layer.pipe(Layer.provide(Layer.succeed(CacheManager, manager))))
    const dependents = Context.get(context, Dependents)
    let held = 0
    const sizeOf = (key: string) => Effect.flatMap(redis.send("MEMORY", "USAGE", key, "SAMPLES", "0"), Bytes)
    return {
      fill: (size) =>
        Effect.gen(function* () {
          const stop = stopwatch()
          for (let from = 0; from < size; from += 1_000) {
            yield* dependents.getMany(
              Array.from({ length: Math.min(1_000, size - from) }, (_, index) => `g${size}-${from + index}`)
            )
          }
          return stop(size)
        }),
      season: (size) =>
        Effect.gen(function* () {
          const stop = stopwatch()
          for (let from = 0; from < size; from += 1_000) {
            yield* matches.getMany(Array.from({ length: 1_000 }, (_, index) => from + index))
          }
          held = size
          return stop(size)
        }),
      invalidate: (size) =>
        Effect.gen(function* () {
          const times = 200
          const stop = stopwatch()
          for (let index = 0; index < times; index++) {
            yield* manager.invalidate({ primary: Tag.any("dependent", "group", `g${size}`) })
          }
          return stop(times)
        }),
      /** Whether one of the group is stale after all: a fast answer that did nothing would be no answer. */
      check: (size) =>
        Effect.map(dependents.inspect([`g${size}-0`, `g${size}-${size - 1}`]), (found) =>
          stopwatch()(1, { stale: found.filter((state) => state === "invalidated").length })
        ),
      churn: (appends) =>
        Effect.gen(function* () {
          const next = random(3)
          const stop = stopwatch()
          const append = Effect.suspend(() =>
            manager.invalidate(
              // A sync of a live round: a few matches, and for each its lists and the tables that were made from it.
              Array.from({ length: 4 }, () => {
                const match = `${Math.floor(next() * held)}`
                return {
                  primary: Tag.of("match", match),
                  related: [Tag.any("standing", "match", match), Tag.any("player", "match", match)]
                }
              })
            )
          )
          yield* Effect.forEach(Array.from({ length: appends }), () => append, { concurrency: 16, discard: true })
          return stop(appends, {
            tableBytes: yield* sizeOf("{letletme}:table"),
            logBytes: yield* sizeOf("{letletme}:log")
          })
        })
    }
  })
)
