/**
 * Keeps hot keys fresh: what this process answered lately is loaded again when it was invalidated, and before it
 * expires. Cold keys are left to whoever asks for them.
 */
import { Context, Duration, Effect, Layer, PubSub, Schedule, Semaphore } from "effect"
import { CacheManager } from "./CacheManager.ts"
import type { DependencyGraph } from "./DependencyGraph.ts"
import { LiveView } from "./LiveView.ts"
import * as TraceContext from "./TraceContext.ts"

type When = Schedule.Schedule<unknown, unknown, unknown>

/** What is refreshed, when, and how much of it at once. */
export interface Options {
  /** Of each domain or list at most so many keys, the latest used first. Default: 200. */
  readonly hot?: number | undefined
  /** What expires within this time is loaded before it does. Default: 10 seconds. */
  readonly ahead?: Duration.Input | undefined
  /** Whether what was invalidated is loaded again at once. Default: true. */
  readonly invalidated?: boolean | undefined
  /** When it is looked for what expires: fixed, by cron, or of your own. Default: every 5 seconds, jittered. */
  readonly schedule?: When | undefined
  /** Domains with a schedule of their own. */
  readonly schedules?: Readonly<Record<string, When>> | undefined
  /** Keys in one batch; one batch is under way at a time. Default: 50. */
  readonly batch?: number | undefined
  /** Batches that begin within a second, at most: what spares the source. Default: 20. */
  readonly rate?: number | undefined
}

/**
 * Refresh. Domains are gone through in the order of the graph, so that what is computed finds its inputs there. Several
 * processes may run it: a key is loaded by one of them, as always.
 *
 * @example
 * ```ts
 * import { CacheManager, DependencyGraph, Refresh } from "@letletme/cache"
 * import { Layer, Schedule } from "effect"
 *
 * const graph = DependencyGraph.make({ team: [], match: ["team"] })
 * const layer = Refresh.layer(graph, {
 *   ahead: "30 seconds",
 *   schedules: { team: Schedule.cron("0 4 * * *") }
 * }).pipe(Layer.provideMerge(CacheManager.layerMemory))
 * ```
 */
export class Refresh extends Context.Service<
  Refresh,
  {
    /** Loads now what is hot and due, of these domains or of all. Answers how many keys were. */
    readonly run: (domains?: ReadonlyArray<string>) => Effect.Effect<number>
  }
>()("@letletme/cache/Refresh") {
  static readonly layer = <D extends string>(
    graph: DependencyGraph<D>,
    options: Options = {}
  ): Layer.Layer<Refresh, never, CacheManager | LiveView> =>
    Layer.effect(
      this,
      Effect.gen(function* () {
        const manager = yield* CacheManager
        const live = yield* LiveView
        const { batch = 50, hot = 200, invalidated = true, rate = 20, schedules = {} } = options
        const ahead = Duration.toMillis(Duration.fromInputUnsafe(options.ahead ?? "10 seconds"))
        const schedule = options.schedule ?? Schedule.spaced("5 seconds").pipe(Schedule.jittered)
        const single = yield* Semaphore.make(1)
        const order = graph.levels.flat()
        const nameOf = (label: string): string => label.split(":", 1)[0] ?? label
        const placeOf = (label: string): number => order.findIndex((name) => name === nameOf(label))

        const refresh = Effect.fnUntraced(function* (within: number, isMeant: (domain: string) => boolean) {
          const probes = (yield* manager.probes).filter(({ domain }) => isMeant(nameOf(domain)))
          let count = 0
          for (const probe of probes.toSorted((a, b) => placeOf(a.domain) - placeOf(b.domain))) {
            const due = probe.due(hot, within)
            for (let from = 0; from < due.length; from += batch) {
              if (count > 0) yield* Effect.sleep(1_000 / rate)
              const some = due.slice(from, from + batch)
              yield* probe.renew(some, within)
              count += some.length
            }
          }
          return count
        }, single.withPermit)

        const ownSchedule = new Set(Object.keys(schedules))
        const bySchedule = (when: When, isMeant: (domain: string) => boolean) =>
          Effect.schedule(refresh(ahead, isMeant), when).pipe(
            Effect.catch((error) =>
              Effect.logError("A schedule is wrong: what expires by it is left to demand", error)
            ),
            Effect.forkScoped
          )
        yield* bySchedule(schedule, (domain) => !ownSchedule.has(domain))
        for (const [name, when] of Object.entries(schedules)) yield* bySchedule(when, (domain) => domain === name)

        // Invalidations that come together are answered together.
        const changes = yield* live.changes
        const again = PubSub.takeAll(changes).pipe(
          Effect.flatMap((some) => {
            const due = some.filter(
              (change) => change._tag === "FloorRaised" || (change._tag === "Applied" && change.entry.tags.length > 0)
            )
            if (due.length === 0) return Effect.succeed(0)
            const spans = due.flatMap((change) => (change._tag === "Applied" ? (change.span ?? []) : []))
            const work = refresh(0, () => true)
            return spans.length === 0
              ? work
              : TraceContext.inSpan("Refresh.run", work, () => TraceContext.joined(spans.toReversed()))
          }),
          Effect.forever
        )
        if (invalidated) yield* Effect.forkScoped(again)

        return Refresh.of({
          run: (domains) => refresh(ahead, (domain) => domains === undefined || domains.includes(domain))
        })
      })
    )
}
