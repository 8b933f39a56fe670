/**
 * Which keys are read most in this process, without counting any read.
 *
 * At a moment that has nothing to do with the reads, the key that was read last is each key with the probability of its
 * share of all reads. So now and then the latest used key of each domain is credited with the domain's reads since.
 *
 * @see Wolff, "Poisson Arrivals See Time Averages", Operations Research 30(2), 1982
 */
import { CacheManager, type Tag } from "@letletme/cache"
import { Context, Effect, Layer, Schedule } from "effect"
import type { HotKey } from "./Overview.ts"

const every = 200
// What was read longer ago counts for less: after so long (ms), for about a third.
const memory = 30_000
const fading = Math.exp(-every / memory)

// So many keys are remembered, and so many told.
const most = 256
const told = 10

/** The keys that are read most. */
export class Hottest extends Context.Service<
  Hottest,
  {
    /** The hottest first. The rates are estimates: they settle within a minute. */
    readonly top: Effect.Effect<ReadonlyArray<HotKey>>
  }
>()("@letletme/warmer/live/Hottest") {
  static readonly layer: Layer.Layer<Hottest, never, CacheManager> = Layer.effect(
    this,
    Effect.gen(function* () {
      const manager = yield* CacheManager
      const demands = new Map<string, number>()
      let scores = new Map<Tag.Tag, number>()

      const inOrder = () => [...scores].toSorted(([, one], [, other]) => other - one)
      const look = Effect.map(manager.probes, (probes) => {
        for (const [key, score] of scores) scores.set(key, score * fading)
        for (const { demand, domain, keys } of probes) {
          const now = demand()
          const grown = now - (demands.get(domain) ?? now)
          demands.set(domain, now)
          const [latest] = grown > 0 ? keys() : []
          if (latest !== undefined) scores.set(latest, (scores.get(latest) ?? 0) + grown)
        }
        if (scores.size > most) scores = new Map(inOrder().slice(0, most / 2))
      })
      yield* Effect.forkScoped(Effect.schedule(look, Schedule.jittered(Schedule.spaced(every))))

      return Hottest.of({
        top: Effect.sync(() =>
          inOrder()
            .slice(0, told)
            .map(([key, score]) => ({ key, perSecond: score / (memory / 1000) }))
            // Less than once in a quarter of an hour is not hot.
            .filter(({ perSecond }) => perSecond > 0.001)
        )
      })
    })
  )
}
